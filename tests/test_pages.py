"""Do the pages that need no kernel work in a browser, from disk: the site, its quiz, its search; and can everybody use them?"""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from helpers.grading.class_report import gather
from helpers.grading.feedback.pages import feedback
from helpers.grading.nbgrader_course import Course
from tests.grading import test_class_report, test_feedback
from tests.support import small_course, stub_site
from tests.test_browser import browser, page, shoot  # noqa: F401 (fixtures)

QUIZ = "notebooks/08_quiz/08_quiz.html"
# What the course's own pages are not the makers of, beside the two grades that a reader notices.
NOTICED = ("serious", "critical")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stub_site.made(tmp_path_factory)


@pytest.fixture(scope="module")
def instructors_pages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A feedback page and a class report, of the classes that their own tests grade."""
    graded = Course.here(small_course.once(tmp_path_factory, "feedback", test_feedback._grade))
    [told] = feedback(graded, small_course.LESSON, "hostile").paths
    whole = Course.here(small_course.once(tmp_path_factory, "report", test_class_report._make))
    return [told, gather.write(whole, small_course.LESSON)]


def faults(page) -> list[str]:  # noqa: F811
    """What axe finds on the page in the light theme and in the dark one, in words."""
    found = []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        violations = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        noticed = [one for one in violations if one["impact"] in NOTICED]
        found += [f"{theme}: {one['id']} at {one['nodes'][0]['target']}" for one in noticed]
    return found


def test_the_quiz_answers_clicks_and_keys_remembers_them_and_takes_an_order(site: Path, page, shoot) -> None:  # noqa: F811
    page.goto((site / QUIZ).as_uri())
    question, asked = page.locator("#q03_freeze_snippet"), page.locator("[data-question]").count()
    expect(question.get_by_text("Not this one.")).to_have_count(4 - 1)
    expect(question.get_by_text("Not this one.").first).not_to_be_visible()
    question.locator("label").nth(2).click(position={"x": 300, "y": 8})  # anywhere on the card
    expect(question.locator("[data-why=c]")).to_contain_text("Not this one. A module has no such switch.")
    expect(question.locator("[data-why=c]")).to_be_visible()
    expect(page.locator("[data-score]")).to_have_text(f"1 of {asked} answered, 0 right")
    page.keyboard.press("ArrowDown")
    expect(question.locator("[data-why=d]")).to_contain_text("Right. First all are frozen")
    expect(question.locator("[data-why=c]")).not_to_be_visible()
    expect(question.locator("[aria-live]")).to_contain_text("Right. First all are frozen")
    page.reload()
    expect(page.locator("[data-score]")).to_have_text(f"1 of {asked} answered, 1 right")
    expect(question.locator("input[value=d]")).to_be_checked()
    expect(page.locator("[data-dot=q03_freeze_snippet]")).to_have_text("question 3: right")
    shoot(page, "site_quiz")
    ordering = page.locator("#q19_order_stages")
    for letter in "abcdef":
        ordering.locator(f"[data-value={letter}]").click()
    expect(ordering.locator("[data-reply]")).to_contain_text("Not yet: a stands before e.")
    ordering.get_by_role("button", name="Start again").click()
    for letter in "bfdeac":
        ordering.locator(f"[data-value={letter}]").click()
    expect(ordering.locator("[data-reply]")).to_have_text("Right: nothing stands before what it needs.")


def test_the_site_is_searched_from_disk_fits_a_phone_and_has_no_serious_finding(site: Path, page) -> None:  # noqa: F811
    page.set_viewport_size({"width": 390, "height": 800})
    for name in ("index.html", f"notebooks/{stub_site.LESSON}/{stub_site.LESSON}.html", QUIZ, "docs/pitfalls.html"):
        page.goto((site / name).as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
        assert faults(page) == [], name
    page.set_viewport_size({"width": 1280, "height": 800})
    page.get_by_placeholder("Search").fill("BatchNorm")
    page.keyboard.press("Enter")
    expect(page.locator("#search-results li", has_text="03 · Freeze the base").first).to_be_visible()


def test_feedback_page_and_class_report_have_no_serious_finding(instructors_pages, page, shoot) -> None:  # noqa: F811
    for path in instructors_pages:
        page.goto(path.as_uri())
        for width in (390, 1000):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            assert faults(page) == [], path
            shoot(page, f"{path.parent.name}_{width}", full_page=True)
