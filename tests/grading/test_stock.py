"""Do nbgrader's own commands and formgrader work here as they are, with our settings in effect?"""

import json
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from helpers.course import lab
from helpers.grading.gradebook import marks
from helpers.notebooks import masters
from tests.support import small_course as small
from tests.support.small_course import LESSON, RIGHT

DOTS = "import threading\ndef dots():\n    while True: print('.', flush=True)\nthreading.Thread(target=dots, daemon=True).start()"
SEEN = "![seen](attachment:my%20plot.png) ![lost](attachment:lost.png)"
PICTURES = {"my plot.png": {"image/png": "iVBORw0KGgo="}, "lost.png": {"image/svg+xml": "<svg onload='alert(1)'/>"}}
TOKEN = "only-for-this-test"
# Each command in a process of its own, forked where nbgrader is imported already: that takes 3 s each time. Ends at a failure.
COMMANDS = """import gc, json, os, sys
from nbgrader.apps.nbgraderapp import main
gc.freeze()
for line in sys.stdin:
    if os.fork() == 0:
        sys.argv = ["nbgrader", *json.loads(line)]
        sys.exit(main())
    if os.wait()[1]:
        sys.exit(1)
    print("\\nDONE", flush=True)"""


@contextmanager
def _commands(folder: Path) -> Iterator[Callable[..., None]]:
    """A function that gives nbgrader a command as an instructor would, from the course's folder, and sees it succeed."""
    pipe = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen([sys.executable, "-c", COMMANDS], cwd=folder, **pipe) as process:

        def command(*arguments: str) -> None:
            print(json.dumps(arguments), file=process.stdin, flush=True)
            said = []
            while (line := process.stdout.readline()) != "DONE\n":
                said.append(line)
                assert line, "".join(said)

        yield command


def _whole_line(folder: Path) -> None:
    course = small.make(folder)
    notebook = masters.path_of("notebooks", LESSON, folder)
    before = notebook.read_bytes()
    with _commands(folder) as nbgrader:
        nbgrader("generate_assignment", LESSON, "--force")
        assert notebook.read_bytes() == before, "stock nbgrader writes what build writes"
        nbgrader("release_assignment", LESSON)
        nbgrader("fetch_assignment", LESSON)
        (folder / LESSON / f"{LESSON}.ipynb").write_text(masters.text(small.answered(course, RIGHT)), encoding="utf-8")
        nbgrader("submit", LESSON)
        nbgrader("collect", LESSON)
        shutil.copytree(next(folder.glob(f"submitted/*/{LESSON}")), folder / "submitted" / "copied" / LESSON)
        doubled = small.answered(course, RIGHT)
        doubled.cells.insert(4, {**doubled.cells[3], "id": "again"})
        doubled.cells[1:1] = [new_code_cell(DOTS), new_markdown_cell(SEEN, attachments=PICTURES)]
        small.hand_in(course, "copied", masters.nbformat.from_dict(doubled))
        shutil.copytree(folder / "submitted" / "copied", folder / "submitted" / "broken")
        small.hand_in(course, "broken", "no notebook at all")
        for command in ("autograde", "generate_feedback", "release_feedback", "fetch_feedback"):
            nbgrader(command, LESSON)
        nbgrader("export", "--to", "marks.csv")


course = small.shared("stock", _whole_line)


def test_stock_autograde_gives_the_same_marks_and_stops_for_nobody(course):
    found = {entry.student: entry for entry in marks.marks(course, LESSON)}
    (submitter,) = set(found) - {"copied", "broken"}
    assert {name: entry.total for name, entry in found.items()} == {submitter: 6, "copied": 6, "broken": 0}
    assert "more than once" in found["copied"].notes[0] and "not JSON" in found["broken"].notes[0]


def test_a_thread_that_prints_leaves_nothing_in_a_test_cell(course):
    notebook = masters.read(course.folder("autograded", "copied", LESSON) / f"{LESSON}.ipynb")
    kinds = {cell.id: [output.output_type for output in cell.outputs] for cell in notebook.cells if cell.id.startswith("test_")}
    assert kinds == {"test_double": ["execute_result"], "test_colour": ["execute_result"]}


def test_stock_feedback_reaches_the_learner_without_hidden_tests(course):
    (fetched,) = (course.root / LESSON / "feedback").rglob("*.html")
    page = fetched.read_text(encoding="utf-8")
    assert "your marks" in page and "hidden.seed" not in page


def test_stock_export_has_a_row_for_each(course):
    assert len((course.root / "marks.csv").read_text(encoding="utf-8").splitlines()) == 4


@pytest.fixture(scope="module")
def formgrader(course):
    """A function that asks formgrader's pages and API, from a server in the course's folder."""
    port = lab.free_port(9400)

    def ask(path: str, method: str = "GET") -> str:
        address, headers = f"http://{lab.HOST}:{port}/formgrader/{path}", {"Authorization": f"token {TOKEN}"}
        request = urllib.request.Request(address, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.read().decode("utf-8")

    with lab.serving(course.root, port, TOKEN):
        yield ask


def test_formgrader_lists_the_lesson_and_shows_a_graded_notebook(formgrader):
    (lesson,) = json.loads(formgrader("api/assignments"))
    assert (lesson["name"], lesson["max_score"], lesson["num_submissions"]) == (LESSON, 6, 3)
    submitted = json.loads(formgrader(f"api/submitted_notebooks/{LESSON}/{LESSON}"))
    assert "double" in formgrader(f"submissions/{submitted[0]['id']}/")
    (pictured,) = (one["id"] for one in submitted if one["student"] == "copied")
    shown = formgrader(f"submissions/{pictured}/")
    assert (
        "data:image/png;base64,iVBORw0KGgo=" in shown and "lost (the picture lost.png" in shown and "onload='alert" not in shown
    )
    for page in ("manage_assignments", "gradebook", "manage_students"):
        assert "formgrade" in formgrader(page)


def test_formgraders_own_button_grades_with_our_settings(formgrader):
    answer = json.loads(formgrader(f"api/submission/{LESSON}/broken/autograde", "POST"))
    assert answer["success"] and "was refused" in answer["log"]
