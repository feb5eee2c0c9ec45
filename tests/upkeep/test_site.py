"""Is the site whole, honest about what has not been run, and refused where a link leads nowhere?"""

import json
import shutil
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from helpers.checks.quiz import questions
from helpers.course.errors import CourseError
from helpers.course.lessons import lessons
from helpers.notebooks import masters
from helpers.upkeep import run_solution
from helpers.upkeep.site import build, links, outputs
from tests.support import stub_site
from tests.support.small_course import REPOSITORY


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stub_site.made(tmp_path_factory)


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course of one lesson, in the current folder."""
    for name in ("course.toml", "solutions", "notebooks"):
        part = name if "." in name else f"{name}/{stub_site.LESSON}"
        copy = shutil.copytree if (REPOSITORY / part).is_dir() else shutil.copy
        copy(REPOSITORY / part, tmp_path / part)
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def page(site: Path, lesson: str) -> BeautifulSoup:
    return BeautifulSoup((site / f"notebooks/{lesson}/{lesson}.html").read_text(encoding="utf-8"), "html.parser")


def test_does_every_lesson_and_document_have_its_page(site):
    for lesson in lessons(REPOSITORY):
        assert page(site, lesson.name).h1.get_text().startswith(f"{lesson.number} · {lesson.title}")
        assert len(page(site, lesson.name)("h1")) == 1
    assert {path.stem for path in REPOSITORY.glob("docs/*.md")} == {path.stem for path in site.glob("docs/*.html")}
    assert (site / "searchindex.js").is_file()


def test_a_lesson_shows_its_pictures_in_words_folds_its_answers_and_leaves_out_what_only_marks(site):
    found = page(site, stub_site.LESSON)
    [picture] = found.select(".cell_output img")
    assert picture["alt"] == "a picture of nothing"
    folded = [fold for fold in found.select("details.hide") if "def freeze_base" in fold.get_text()]
    assert folded and "Show the answer" in folded[0].get_text() and not folded[0].has_attr("open")
    assert "Locked:" not in found.get_text() and "Without outputs" not in found.get_text()


def test_a_lesson_that_was_not_run_says_so(site):
    assert "This lesson has not been run since it" in page(site, "04_train_head").get_text()


def test_the_quiz_has_all_explanations_and_no_cells_that_answer_it(site):
    found = page(site, "08_quiz")
    assert [one["data-question"] for one in found.select("[data-question]")] == list(questions.load())
    assert all(len(one.select("[data-why]")) in (0, 4) for one in found.select("[data-question]"))
    assert 'q01_why_freeze = "' not in found.get_text() and "second cell" not in found.get_text()


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("<a href='../04_train_head/04_train_head.ipynb'>on</a>", "04_train_head.html leads to a file that is not there"),
        ("<a href='#no-such-place'>there</a>", "#no-such-place leads to a place that is not there"),
        (f"<img src='data:image/png;base64,{stub_site.PNG}'>", "has no text alternative"),
        ("<img alt='far' src='https://example.org/a.png'>", "a.png is fetched from another site"),
    ],
)
def test_is_a_link_that_leads_nowhere_followed(html, words, tmp_path):
    (tmp_path / "page.html").write_text(html.replace(".ipynb", ".html"), encoding="utf-8")
    [fault] = links.broken(tmp_path)
    assert fault.startswith("page.html: ") and fault.endswith(words)


def test_a_broken_link_stops_the_build_in_words_and_the_former_site_stays(course, capsys):
    (course / "docs" / "words.md").write_text("# Words\n\n[gone](#nowhere)\n\n[plain](../course.toml)\n", encoding="utf-8")
    target = course / "site"
    target.mkdir()
    (target / "searchindex.js").touch()
    with pytest.raises(CourseError, match=r"docs/words\.md:3: .*nowhere"):
        build.run(target, quick=True)
    assert [path.name for path in target.iterdir()] == ["searchindex.js"]
    assert "without outputs" in capsys.readouterr().out


def test_a_folder_that_holds_something_else_is_left_alone(course):
    with pytest.raises(CourseError, match="holds something else than a site"):
        build.run(course / "docs" / "..")


def test_outputs_are_kept_until_what_they_come_from_changes(course, monkeypatch):
    ran = []

    def run(path, root, folder, **_):
        ran.append(path.parent.name)
        (folder / "a_report.html").write_text("<p>written</p>", encoding="utf-8")
        return stub_site.solved(), 1.0

    monkeypatch.setattr(run_solution, "run", run)
    assert outputs.kept(stub_site.LESSON, course) is None
    outputs.run(stub_site.LESSON, course)
    found = outputs.kept(stub_site.LESSON, course)
    assert found.metadata[masters.FINETUNE][outputs.WRITTEN] == {"a_report.html": "<p>written</p>"}
    path = masters.path_of("solutions", stub_site.LESSON, course)
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["cells"][0]["source"].append("\nOne more line.")
    path.write_text(json.dumps(notebook), encoding="utf-8")
    assert outputs.kept(stub_site.LESSON, course) is None
    outputs.run(stub_site.LESSON, course)
    assert len(list((course / ".course" / "site").iterdir())) == 1 and len(ran) == 2
