"""Is every pitfall taught somewhere and tested somewhere, and does the page say where?"""

import re
from pathlib import Path

import pytest

from helpers.course.errors import CourseError
from helpers.notebooks import masters, pitfalls
from tests.support import small_course as small

ROOT = small.REPOSITORY


def test_this_repositorys_table_has_no_empty_cell_and_leads_somewhere():
    assert pitfalls.problems(ROOT) == []


def test_each_row_says_something_of_its_own():
    rows = pitfalls.load(ROOT)
    assert len(rows) >= 24
    assert len({row.pitfall for row in rows}) == len({row.happens for row in rows}) == len(rows)
    assert all(row.source == "measured" or re.search(r"\]\(https://", row.source) for row in rows)


def test_the_links_of_the_page_lead_to_files():
    links = set(re.findall(r"\]\((?!https:)([^)]+)\)", pitfalls.page(ROOT)))
    assert len(links) > 5 and [link for link in links if not (ROOT / "docs" / link).is_file()] == []


ROW = '[[pitfall]]\npitfall = "P"\nhappens = "H"\nsource = "measured"\ntaught = ["01_small#numbers"]\ntested = ["double"]\n'


@pytest.fixture
def course(tmp_path) -> Path:
    """A course with one lesson, one row and its page."""
    path = masters.path_of("source", small.LESSON, tmp_path)
    path.parent.mkdir(parents=True)
    path.write_text(masters.text(small.master()), encoding="utf-8")
    (tmp_path / "docs").mkdir()
    (tmp_path / pitfalls.DATA).write_text(ROW, encoding="utf-8")
    pitfalls.write(tmp_path)
    return tmp_path


def test_the_page_names_cell_and_exercise(course):
    assert pitfalls.problems(course) == []
    place = "../notebooks/01_small/01_small.ipynb"
    assert f"| P | H | measured | [01]({place}) `numbers` | [`double`]({place}) |" in (course / pitfalls.PAGE).read_text()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"double"', "", "'P' has no tested"),
        ('"01_small#numbers"', "", "'P' has no taught"),
        ('happens = "H"', 'happens = ""', "'P' has no happens"),
        ("#numbers", "#letters", "no lesson has the cell 01_small#letters"),
        ('"double"', '"test_double"', "no lesson has the exercise test_double"),
        ('"H"', '"Harm"', "docs/pitfalls.md is not what docs/pitfalls.toml gives"),
    ],
)
def test_what_is_wrong_is_named(course, old, new, said):
    path = course / pitfalls.DATA
    path.write_text(path.read_text().replace(old, new))
    assert pitfalls.problems(course) == [said] or f"docs/pitfalls.toml: {said}" in pitfalls.problems(course)


def test_a_row_that_leads_nowhere_stops_the_writing_and_leaves_the_page(course):
    before = (course / pitfalls.PAGE).read_text()
    (course / pitfalls.DATA).write_text(ROW.replace("double", "triple"))
    with pytest.raises(CourseError, match="exercise triple"):
        pitfalls.write(course)
    assert (course / pitfalls.PAGE).read_text() == before


@pytest.mark.parametrize("content", ["", "pitfall = 3", "[[pitfall]]\npitfall = 'P'", "[[", None])
def test_a_file_that_is_no_table_is_said_in_one_sentence(course, content):
    path = course / pitfalls.DATA
    path.unlink()
    if content is not None:
        path.write_text(content)
    with pytest.raises(CourseError, match="needs pitfall, happens, source, taught, tested"):
        pitfalls.load(course)
