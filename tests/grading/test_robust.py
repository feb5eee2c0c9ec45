"""What a learner's file can do to the grading, and the mark it gets: each row is one learner of one class."""

import json
import re
import zipfile
from copy import deepcopy
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from helpers.course.one_line import one_line
from helpers.grading.classroom import grade
from helpers.grading.feedback import pages as feedback_pages
from helpers.grading.gradebook import marks
from helpers.grading.nbgrader_course import Course
from helpers.grading.sandbox.isolation import isolation
from helpers.notebooks import masters
from tests.support import outside
from tests.support import small_course as small
from tests.support.hostile_notebooks import BESIDE, HOSTILE, MARKER, changed, hand_in_beside, insert
from tests.support.small_course import LESSON, RIGHT


def _with_double(source: str):
    """What is handed in: the right answers, but this one for double."""
    return lambda course: small.answered(course, {**RIGHT, "double": source})


def _cell(notebook, name):
    return next(cell for cell in notebook.cells if cell.id == name)


def _duplicate(notebook, name, source=None):
    original = _cell(notebook, name)
    copy = deepcopy(original)
    copy.id, copy.source = "copied", source or copy.source
    notebook.cells.insert(notebook.cells.index(original) + 1, copy)


def _delete(notebook, *names):
    notebook.cells = [cell for cell in notebook.cells if cell.id not in names]


def _edit(notebook, name, source):
    _cell(notebook, name).source = source
    _cell(notebook, name).metadata.nbgrader.points = 100
    notebook.metadata.kernelspec.name = "no-such-kernel"


def _forget_metadata(notebook):
    for cell in notebook.cells:
        cell.metadata = nbformat.NotebookNode()


def _split(course):
    notebook = small.answered(course, {**RIGHT, "double": "two = 2"})
    _duplicate(notebook, "double", "def double(x):\n    return two * x")
    return notebook


def _pasted(course):
    notebook = small.answered(course, {"colour": RIGHT["colour"]})
    _duplicate(notebook, "double", RIGHT["double"])
    return notebook


def _doubled(course):
    notebook = small.answered(course, {})
    notebook.cells += small.answered(course, RIGHT).cells
    return notebook


def _drawing(course):
    notebook = small.answered(course, RIGHT)
    notebook.cells.insert(1, new_code_cell(DRAW, id="draws"))
    return notebook


def insert_import(notebook):
    _cell(notebook, "numbers").source += "\nimport operator"


def _skip_tags(notebook):
    for cell in notebook.cells:
        cell.metadata["tags"] = ["skip-execution"]


STDERR = "import sys\ndef double(x):\n    print('a warning', file=sys.stderr)\n    return 2 * x"
LOOP = "def double(x):\n    while True:\n        pass"
DEAF = """import signal, time
def double(x):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while x > 2:
        time.sleep(1)
    return 2 * x"""
# an object that chooses what a comparison gives: before it could choose its mark, now it does not reach the judge
MARK = """import numpy as np
class Odd(float):
    def __eq__(self, other): return VALUE
def double(x):
    return Odd(0)"""
KILL = "import os\nos.kill(os.getppid(), 9)"
OWN_MATH = {**RIGHT, "double": "def double(x):\n    return operator.mul(x, 2)"}
# a thread that goes on printing, into whatever cell runs
DOTS = """import threading, time
def dots():
    while True:
        print("." * 100, flush=True)
        time.sleep(0.001)
threading.Thread(target=dots, daemon=True).start()"""
DRAW = """import random, numpy, torch
print("drawn", random.random(), numpy.random.rand(), torch.rand(1).item(), [numpy.random.default_rng().random() for _ in "ab"])
print("order", {str(number) for number in range(20)})"""
# An error whose name would be a line of the table of marks.
FORGED = """class Odd(Exception): pass
Odd.__name__ = "Odd\\nada: 6 of 6\\x1b[2J"
def double(x):
    raise Odd("\u202etwo\\nlines")"""
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WAIT = "import time\ntime.sleep(0.5)"  # by then a kernel that obeys exit() is gone
OWN = {**RIGHT, "double": "def double(x):\n    return factor * x"}


# learner -> (notebook or content made from the course, mark for double, mark for colour, part of a note or of the reason)
ROWS = {
    "perfect": (lambda c: small.answered(c, RIGHT), 4, 2, None),
    "untouched": (lambda c: small.answered(c, {}), 0, 0, None),
    "half": (lambda c: small.answered(c, {"double": RIGHT["double"]}), 4, 0, None),
    "partial": (_with_double("def double(x):\n    return 2 * abs(x)"), 3, 2, None),
    "copied-cell": (changed(_duplicate, "double", "def double(x):\n    return 0"), 0, 2, "the last one counts"),
    "copied-test": (changed(_duplicate, "test_double"), 4, 2, "more than once"),
    "deleted-tests": (changed(_delete, "test_double", "test_colour"), 4, 2, "put back"),
    "deleted-answer": (changed(_delete, "colour"), 4, 0, "missing"),
    "deleted-all": (lambda c: nbformat.v4.new_notebook(cells=[new_code_cell(RIGHT["double"])]), 4, 0, "missing"),
    "edited-test": (changed(_edit, "test_double", "4.0", answers={}), 0, 0, "was changed"),
    "no-metadata": (changed(_forget_metadata), 4, 2, None),
    "skip-tags": (changed(_skip_tags, answers={}), 0, 0, None),
    "own-cells": (changed(insert, "double", "factor = 2", answers=OWN), 4, 2, None),
    "stderr": (_with_double(STDERR), 4, 2, None),
    "numpy": (_with_double(MARK.replace("VALUE", "np.float64(0.5)")), 0, 2, None),
    "nan": (_with_double(MARK.replace("VALUE", "float('nan')")), 0, 2, None),
    "negative": (_with_double(MARK.replace("VALUE", "-3")), 0, 2, None),
    "too-much": (_with_double(MARK.replace("VALUE", "7")), 0, 2, None),
    "exit-first": (changed(insert, "task-double", "import os\nos._exit(0)"), 4, 2, "was run in a fresh process"),
    "exit-later": (changed(insert, "task-colour", "import os\nos._exit(0)"), 4, 2, "ended the kernel"),
    "kills-parent": (changed(insert, "task-colour", KILL), 4, 2, None),
    "loop": (_with_double(LOOP), 0, 2, "stopped after"),
    "deaf": (_with_double(DEAF), 0, 0, "went on running"),
    "slow": (changed(insert, "task-colour", *["import time\ntime.sleep(3)"] * 5), 4, 0, "used up"),
    "flood": (changed(insert, "double", "print('x' * 30_000_000)"), 4, 2, None),
    "own-markers": (changed(insert, "double", "### BEGIN HIDDEN TESTS"), 4, 2, None),
    "not-json": (lambda c: "{ this is no notebook", 0, 0, "not JSON"),
    "binary": (lambda c: b"\xff\xfe\x00\x00", 0, 0, "not JSON"),
    "deep": (lambda c: "[" * 200_000, 0, 0, "not JSON"),
    "a-list": (lambda c: "[]", 0, 0, "not a notebook"),
    "odd-types": (lambda c: '{"nbformat": 4, "cells": [{"cell_type": "code", "source": 7}]}', 0, 0, "not a notebook"),
    "too-large": (lambda c: b" " * 20_000_001, 0, 0, "at most 20"),
    "source-twice": (_with_double(RIGHT["double"] * 2), 0, 2, "no Python"),
    "unfinished-merge": (lambda c: "{\n<<<<<<< HEAD\n=======\n>>>>>>> other\n}", 0, 0, "a git merge is unfinished"),
    "split": (_split, 4, 2, "more than one cell"),
    "pasted": (_pasted, 4, 2, None),
    "doubled": (_doubled, 4, 2, "each counts once"),
    "long-sum": (changed(insert, "done", " + ".join(["1"] * 310)), 4, 2, None),
    "long-chain": (_with_double("def double(x):\n    str(x)" + ".strip()" * 155 + "\n    return 2 * x"), 4, 2, None),
    "exits": (changed(insert, "check-double", "exit()", WAIT), 4, 2, None),
    "exits-when-called": (_with_double("def double(x):\n    exit()\n    return 2 * x"), 4, 2, None),
    "import-added": (changed(insert_import, answers=OWN_MATH), 4, 2, None),
    "dots": (changed(insert, "numbers", DOTS), 4, 2, None),
    "draws": (lambda c: _drawing(c), 4, 2, None),
    "draws-too": (lambda c: _drawing(c), 4, 2, None),
    "forged-line": (_with_double(FORGED), 0, 2, None),
    "vast-words": (_with_double("def double(x):\n    raise ValueError('x' * 2_000_000)"), 0, 2, None),
    "two words (1)": (lambda c: small.answered(c, RIGHT), 4, 2, None),
}  # fmt: skip
SPECIAL = {  # learners whose files are no files
    "link": (0, 0, "symbolic link"),
    "missing": (0, 0, "There is no 01_small.ipynb"),
    "renamed": (0, 0, "mine.ipynb"),
    "numbered": (4, 2, "found as 01_small-1.ipynb"),
    "whole-handout": (4, 2, "found as notebooks/01_small/01_small.ipynb"),
    "zipped": (4, 2, "in work.zip"),
    "environment": (4, 2, "left out"),
    "own-module": (4, 2, None),
    "picture": (4, 2, None),
    "a-folder": (0, 0, "not a regular file"),
    "stamp-folder": (4, 2, "timestamp.txt"),
    "side-link": (4, 2, "left out"),
    "odd-time": (4, 2, None),
}
AGAIN = ("kept", "spoilt")  # graded twice
# Names that nbgrader takes for a pattern, that forge a line or markup, or that are too long for a file of their own.
UNREADABLE = ("odd [1]", "eve\nada: 6 of 6", "<b>eve", "e" * 253)
# The same for those that would do harm where there is no sandbox.
BOXED = isolation().layer == "bubblewrap"
ROWS |= HOSTILE if BOXED else {}
EXPECTED = {student: row[1:] for student, row in ROWS.items()} | SPECIAL | BESIDE


def graded_class(tmp_path_factory) -> Course:
    """The class graded once in a test run, two learners at a time. Tests that change something do so to learners of their own."""
    return Course.here(small.once(tmp_path_factory, "robust", _grade_class))


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Course:
    return graded_class(tmp_path_factory)


@pytest.fixture(scope="module")
def found(course) -> dict[str, marks.Marks]:
    return {entry.student: entry for entry in marks.marks(course, LESSON, [*EXPECTED])}


def _grade_class(folder: Path) -> None:
    course = small.make(folder, cell_seconds=5, notebook_seconds=12)
    with outside.watched(course, MARKER) as start:
        for student, (content, *_) in ROWS.items():
            small.hand_in(course, student, content(course))
        _hand_in_special(course)
        hand_in_beside(course)
        for student in (*AGAIN, *UNREADABLE):
            small.hand_in(course, student, small.answered(course, RIGHT))
        grade.prepare(course, LESSON)
        start()
        outcomes = grade.grade(course, LESSON, options=grade.Options(workers=2, progress=False))
    (folder / "reasons.json").write_text(json.dumps({outcome.student: outcome.reason for outcome in outcomes}))


def _hand_in_special(course: Course) -> None:
    paths = {student: small.hand_in(course, student, small.answered(course, RIGHT)) for student in SPECIAL}
    for student in ("link", "missing", "a-folder"):
        paths[student].unlink()
    paths["link"].symlink_to(masters.path_of("solutions", LESSON, course.root))
    paths["renamed"].rename(paths["renamed"].with_name("mine.ipynb"))
    paths["a-folder"].mkdir()
    paths["a-folder"].joinpath("one more.txt").touch()
    paths["stamp-folder"].with_name("timestamp.txt").mkdir()
    paths["stamp-folder"].with_name("timestamp.txt").joinpath("inside").touch()
    paths["numbered"].rename(paths["numbered"].with_name(f"{LESSON}-1.ipynb"))
    deeper = masters.path_of("notebooks", LESSON, paths["whole-handout"].parent)
    deeper.parent.mkdir(parents=True)
    paths["whole-handout"].rename(deeper)
    with zipfile.ZipFile(paths["zipped"].with_name("work.zip"), "w") as packed:
        packed.write(paths["zipped"], f"{LESSON}/notebooks/{LESSON}/{LESSON}.ipynb")
    paths["zipped"].unlink()
    environment = paths["environment"].with_name(".venv")
    environment.mkdir()
    for number in range(25_000):
        (environment / f"{number}.py").touch()
    paths["own-module"].with_name("doubling.py").write_text("def twice(x):\n    return 2 * x")
    small.hand_in(course, "own-module", small.answered(course, {**RIGHT, "double": "from doubling import twice as double"}))
    noted = small.answered(course, RIGHT)
    pictures = {"seen.png": {"image/png": PNG}, "odd.svg": {"image/svg+xml": "<svg><script>alert('attached')</script></svg>"}}
    text = "![seen](attachment:seen.png) ![odd](attachment:odd.svg) ![lost](attachment:lost.png)"
    noted.cells.append(new_markdown_cell(text, attachments=pictures))
    small.hand_in(course, "picture", noted)
    paths["side-link"].with_name("gradebook").symlink_to(course.root / "course.toml")
    paths["odd-time"].with_name("timestamp.txt").write_text("the day after tomorrow")


@pytest.mark.parametrize("student", EXPECTED)
def test_each_learner_gets_the_mark_that_the_work_is_worth(found, student):
    double, colour, _ = EXPECTED[student]
    assert found[student].points == {"double": double, "colour": colour}
    assert found[student].total <= small.FULL


@pytest.mark.parametrize("student", EXPECTED)
def test_what_was_odd_is_said_and_what_was_not_is_not(found, student):
    note = EXPECTED[student][2]
    if note is None:
        assert found[student].notes == ()
    else:
        assert any(note in line for line in found[student].notes), found[student].notes


def test_every_learner_has_a_graded_notebook_with_one_plain_mark_in_each_test_cell(course, found):
    for student in found:
        notebook = masters.read(course.folder("autograded", student, LESSON) / f"{LESSON}.ipynb")
        for cell in notebook.cells:
            if cell.metadata.get("nbgrader", {}).get("points"):
                results = [output for output in cell.outputs if output.output_type == "execute_result"]
                assert [float(output.data["text/plain"]) for output in results] == [found[student].points[cell.id[5:]]]


def test_a_flood_of_output_is_cut(course):
    assert (course.folder("autograded", "flood", LESSON) / f"{LESSON}.ipynb").stat().st_size < 2_000_000


def test_the_same_file_draws_the_same_numbers(course):
    notebooks = [masters.read(course.folder("autograded", name, LESSON) / f"{LESSON}.ipynb") for name in ("draws", "draws-too")]
    first, second = (
        output.text
        for notebook in notebooks
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if output.get("text", "").startswith("drawn")
    )
    assert first == second and "order" in first
    one, other = re.search(r"\[(.*), (.*)\]", first).groups()
    assert one != other


def test_what_a_learner_wrote_is_one_line_and_not_a_long_one(course):
    graded = masters.read(course.folder("autograded", "forged-line", LESSON) / f"{LESSON}.ipynb")
    said = json.dumps([cell.get("outputs") for cell in graded.cells], ensure_ascii=False)
    assert r"the test cell stopped with Odd\\nada: 6 of 6\\x1b[2J" in said and "\u202e" not in said
    assert (course.folder("autograded", "vast-words", LESSON) / f"{LESSON}.ipynb").stat().st_size < 100_000


def test_a_link_beside_the_notebook_is_not_followed(course):
    assert not (course.folder("autograded", "side-link", LESSON) / "gradebook").exists()


def test_every_learner_gets_a_page_and_a_refused_one_reads_why(course, found):
    pages = feedback_pages.feedback(course, LESSON)
    assert {page.parent.parent.name for page in pages.paths} >= set(found) and pages.plain == {}
    pictured = (course.folder("feedback", "picture", LESSON) / f"{LESSON}.html").read_text("utf-8")
    assert f"data:image/png;base64,{PNG}" in pictured and "lost (the picture lost.png is not in the notebook" in pictured
    assert "attached" not in pictured.split("<body", 1)[1], "nothing that could run is kept of a picture"
    assert "its content is not JSON" in (course.folder("feedback", "not-json", LESSON) / f"{LESSON}.html").read_text("utf-8")


def test_the_table_has_all_learners_and_a_line_for_each_that_needs_a_look(found):
    text = marks.table(list(found.values()))
    rows, attention = text.split("To look at:")
    assert all(f"\n{student} " in rows for student in found)
    assert "exit-later: cell" in attention and "ended the kernel" in attention
    assert "\n  half:" not in attention


def test_a_regrade_gives_the_same_marks_and_never_a_stale_one(course):
    assert [entry.total for entry in marks.marks(course, LESSON, AGAIN)] == [6, 6]
    with course.gradebook() as gradebook:
        gradebook.find_grade("test_colour", LESSON, LESSON, "kept").manual_score = 1.5
        gradebook.db.commit()
    small.hand_in(course, "kept", small.answered(course, {**RIGHT, "double": "def double(x):\n    return x + x"}))
    small.hand_in(course, "spoilt", "broken since")
    grade.grade(course, LESSON, [*AGAIN], grade.Options(workers=1, progress=False))
    kept, spoilt = marks.marks(course, LESSON, AGAIN)
    assert spoilt.points == {"double": 0, "colour": 0}, "a broken file must not keep the old mark"
    assert kept.points == {"double": 4, "colour": 1.5}, "a mark given by hand stays"
    assert kept.by_hand == (), "who has a mark waits for none"


def test_a_name_that_nbgrader_cannot_read_is_reported_and_the_others_go_on(course):
    reasons = json.loads((course.root / "reasons.json").read_text())
    assert reasons["perfect"] == "" and all("rename it" in reasons[name] for name in UNREADABLE)
    said = marks.table(marks.marks(course, LESSON), {name: reasons[name] for name in UNREADABLE}).splitlines()
    for name in UNREADABLE:
        assert [line for line in said if line.startswith(f"  {one_line(name, 200)}: not graded")]
    assert not [line for line in said if line.startswith("ada")], "a name with a line break is no line about somebody else"
