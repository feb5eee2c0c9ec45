"""A class of honest, wrong, unlucky and hostile notebooks, graded together: does anything outside their boxes change?

The marks that each is worth are in test_robust.py; both look at the same graded class.
"""

import json
import os
import re

import pytest

from helpers.grading.gradebook import marks
from helpers.grading.nbgrader_course import Course
from helpers.notebooks import masters
from tests.grading import test_robust
from tests.support import outside
from tests.support.hostile_notebooks import MARKER, NOTHING, REACHED
from tests.support.small_course import LESSON


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Course:
    if not test_robust.BOXED and not os.environ.get("CI"):
        pytest.skip("there is no sandbox here")
    assert test_robust.BOXED, "CI must have bubblewrap"
    return test_robust.graded_class(tmp_path_factory)


@pytest.fixture(scope="module")
def found(course) -> dict:
    """What was different when the class had been graded."""
    return json.loads((course.root / "outside.json").read_text())


# files: masters, releases, submissions, settings, the secret; rows: what other learners have in the gradebook
@pytest.mark.parametrize("what", ["files", "rows", "temporary", "connected"])
def test_nothing_outside_is_changed_left_or_connected_to(found, what):
    assert found[what] == (False if what == "connected" else [])


def test_the_gradebook_holds_the_class_and_nobody_else(course):
    names = {line.split("'")[1] for line in outside.rows(course) if line.startswith("student ")}
    handed_in = {path.name for path in (course.root / "submitted").iterdir()}
    assert names - {"bystander"} <= handed_in


def test_no_process_is_left(found):
    assert found["processes"] == []
    assert outside.processes(MARKER) == []


@pytest.mark.parametrize("student", ["reads", "writes", "connects"])
def test_nothing_outside_was_reached(course, student):
    notebook = masters.read(course.folder("autograded", student, LESSON) / f"{LESSON}.ipynb")
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", []) if output.output_type == "stream"]
    said = [line for line in "".join(output.text for output in outputs).splitlines() if line.startswith(REACHED)]
    assert said == [NOTHING]


def test_what_is_said_of_a_cell_says_which_and_accuses_nobody(course):
    ended = ("exit-first", "exit-later", "forks", "transforms", "run-cell", "deaf", "loop", "slow")
    notes = {entry.student: entry.notes for entry in marks.marks(course, LESSON)}
    for student in ended:
        assert any(re.search(r"\bcell \d+ \(", note) for note in notes[student]), notes[student]
    assert "the test cell test_double was changed: the original was used" in notes["edited-test"]
    assert any("(`# test_double`) went on running" in note for note in notes["deaf"])
    words = " ".join(note for lines in notes.values() for note in lines).lower()
    assert not re.search(r"cheat|fraud|attack|hostile|malicious|tamper", words)
