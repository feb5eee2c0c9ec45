"""Are the cells that only show left out, unless a learner's own cell reads what they make, and are marks the same either way?"""

import shutil

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from helpers.grading.gradebook import marks
from helpers.grading.handout import build
from helpers.grading.nbgrader_course import Course
from helpers.notebooks import master_faults, masters
from helpers.notebooks.shown_cells import skipped_cells
from helpers.notebooks.transplant import transplant
from tests.support import small_course as small

SHOWN = {"tags": [masters.SHOWN]}
# a learner's own cell -> whether all cells run for it
LEARNERS = {
    "def answer(x):\n    return x": False,
    "def answer(x):\n    return limit * x": True,
    "def answer(limit):\n    return limit": False,
    "limit = 4\nprint(limit)": False,
    "limit += 1": True,
    "print(turn(3))": True,
    "%time limit": True,
    "%time other": False,
}
# Lessons whose marks are compared: each with other reasons why a cell only shows. All ten earn full marks with every cell run
# (test_lessons).
COMPARED = ("02_replace_head", "05_unfreeze_blocks", "08_quiz")


def a_release() -> NotebookNode:
    made = [("base", "base = 1", {}), ("show", "limit = 3\ndef turn(x):\n    return x", SHOWN), ("plot", "print(limit)", SHOWN)]
    cells = [new_code_cell(source, id=name, metadata=tags) for name, source, tags in made]
    answer = new_code_cell("", id="answer", metadata={"nbgrader": {"grade_id": "answer", "solution": True}})
    return new_notebook(cells=[new_markdown_cell("limit", id="words", metadata=SHOWN), *cells, answer])


@pytest.mark.parametrize("source", LEARNERS)
@pytest.mark.parametrize("place", ["answer", "extra"])
def test_shown_cells_run_only_where_a_learners_own_cell_reads_what_one_of_them_binds(source, place):
    graded = a_release()
    if place == "answer":
        graded.cells[-1].source = source
    else:
        graded.cells.insert(2, new_code_cell(source, id=place))
    assert skipped_cells(graded, {"answer", "extra"}) == (set() if LEARNERS[source] else {"show", "plot"})


def test_text_of_the_learners_own_reads_nothing():
    graded = a_release()
    graded.cells.append(new_markdown_cell("limit", id="extra"))
    assert skipped_cells(graded, {"answer", "extra"}) == {"show", "plot"}


def test_a_learner_who_tags_cells_or_takes_tags_off_changes_nothing():
    release, submitted = a_release(), a_release()
    for cell in submitted.cells:
        cell.metadata["tags"] = [] if cell.metadata.get("tags") else [masters.SHOWN]
    submitted.cells += [new_code_cell("mine = 1", id="mine", metadata=SHOWN), new_code_cell("mine + 1", metadata=SHOWN)]
    graded = transplant(release, submitted)
    own = {"answer", *graded.metadata.finetune.extra}
    assert len(graded.metadata.finetune.extra) == 2
    assert skipped_cells(graded, own) == {"show", "plot"}


@pytest.mark.parametrize(("answer", "skipped"), [("1", {"show", "plot"}), ("limit", set())])
def test_a_cell_that_shows_runs_as_the_learner_changed_it_only_where_it_is_needed(answer, skipped):
    release, submitted = a_release(), a_release()
    submitted.cells[3].source, submitted.cells[4].source = "limit = 5\nprint(limit, turn)", answer
    graded = transplant(release, submitted)
    assert graded.cells[3].source == submitted.cells[3].source
    assert skipped_cells(graded) == skipped


@pytest.mark.parametrize("lesson", masters.lessons(small.REPOSITORY))
@pytest.mark.parametrize("folder", build.FOLDERS)
def test_in_every_lesson_some_cells_only_show_and_nothing_that_runs_reads_what_they_bind(lesson, folder):
    read = [masters.read(masters.path_of(name, lesson, small.REPOSITORY)) for name in ("source", "notebooks", folder)]
    master, graded = read[0], transplant(*read[1:])
    own = {cell.id for cell in graded.cells if cell.metadata.get("nbgrader", {}).get("solution")}
    skipped = skipped_cells(graded, own)
    assert skipped == {cell.id for cell in masters.shown_cells(master)} and skipped
    assert not [cell.id for cell in graded.cells if cell.id in skipped and "nbgrader" in cell.metadata]
    assert master_faults.faults(master, lesson) == []


@pytest.mark.timeout(900)
@pytest.mark.parametrize("lesson", COMPARED)
def test_marks_are_the_same_with_every_cell_run(tmp_path_factory, lesson):
    course = Course.here(small.once(tmp_path_factory, "shown", lambda root: small.real(root, COMPARED)))
    found = {}
    for student, whole in {"part": False, "whole": True}.items():
        target = masters.path_of(f"submitted/{student}", lesson, course.root)
        target.parent.mkdir(parents=True)
        shutil.copy(masters.path_of("solutions", lesson, course.root), target)
        small.grade_here(course, [student], lesson, whole=whole)
        [entry] = marks.marks(course, lesson, [student])
        graded = masters.read(course.folder("autograded", student, lesson) / f"{lesson}.ipynb")
        found[student] = entry.points
        assert entry.points == entry.maximum
        assert any(cell.outputs for cell in masters.shown_cells(graded)) == whole
        assert bool(graded.metadata.finetune.skipped) != whole
    assert found["part"] == found["whole"]
