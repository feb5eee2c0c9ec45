"""Does the grader give the course's own answers full marks in every lesson, and an untouched notebook nothing?"""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest

from helpers import notebooks
from helpers.grading import building, classroom, marks
from helpers.grading.course import Course
from tests import small_course as small

LESSONS = notebooks.lessons(small.REPOSITORY)
ANSWERED, UNTOUCHED = "answered", "untouched"
STUB = "Write your answer here, then run this cell."


def graded_class(root: Path) -> None:
    """A course in `root` with two learners in each lesson, graded: one with the course's answers, one without any."""
    root.mkdir(parents=True)
    for name in ("course.toml", "nbgrader_config.py"):
        shutil.copy(small.REPOSITORY / name, root)
    shutil.copytree(small.REPOSITORY / "source", root / "source", ignore=shutil.ignore_patterns(".*"))
    course = Course.here(root)
    building.build(course)
    for lesson in LESSONS:
        for student, folder in ((ANSWERED, "solutions"), (UNTOUCHED, "notebooks")):
            target = notebooks.path_of(f"submitted/{student}", lesson, root)
            target.parent.mkdir(parents=True)
            shutil.copy(notebooks.path_of(folder, lesson, root), target)
        classroom.grade(course, lesson, workers=2, progress=False)


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Course:
    return Course.here(small.once(tmp_path_factory, "lessons", graded_class))


def entry(course: Course, lesson: str, student: str) -> marks.Marks:
    [found] = marks.marks(course, lesson, [student])
    return found


def graded_notebook(course: Course, lesson: str, student: str) -> nbformat.NotebookNode:
    return notebooks.read(course.folder("autograded", student, lesson) / f"{lesson}.ipynb")


def errors(notebook: nbformat.NotebookNode) -> list[tuple[str, str, str]]:
    """(cell, error, its words), in order."""
    outputs = ((cell.id, output) for cell in notebook.cells for output in cell.get("outputs", []))
    return [(cell_id, output.ename, output.evalue) for cell_id, output in outputs if output.output_type == "error"]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("lesson", LESSONS)
def test_the_courses_own_answers_earn_every_point(course, lesson):
    found = entry(course, lesson, ANSWERED)
    assert found.points == found.maximum
    assert found.notes == ()
    assert errors(graded_notebook(course, lesson, ANSWERED)) == []


@pytest.mark.timeout(900)
@pytest.mark.parametrize("lesson", LESSONS)
def test_an_untouched_notebook_earns_nothing_and_fails_first_where_the_answer_is_missing(course, lesson):
    found = entry(course, lesson, UNTOUCHED)
    assert set(found.points.values()) == {0.0}
    notebook = graded_notebook(course, lesson, UNTOUCHED)
    places = {cell.id: place for place, cell in enumerate(notebook.cells)}
    first_answer = min(places[cell.id] for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("solution"))
    where, name, words = errors(notebook)[0]
    assert (name, words) == ("NotImplementedError", STUB)
    # A value's stub fails in its own cell, a function's where it is first used.
    assert places[where] >= first_answer
