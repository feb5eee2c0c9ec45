"""Does the self-check say what a learner's notebook is worth, without nbgrader and without touching the file?"""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell

from helpers.course.errors import CourseError
from helpers.notebooks import self_check
from tests.support import small_course as small
from tests.support.small_course import RIGHT


def _student(answers, *extra):
    """The student version made without nbgrader: hidden tests out, and `answers` in place of the solutions."""
    from helpers.notebooks import masters

    notebook = masters.solution(small.master())
    for cell in notebook.cells:
        cell.source = answers.get(cell.id, cell.source)
    for position, source in extra:
        notebook.cells.insert(position, new_code_cell(source))
    return notebook


def _scores(results):
    return {result.exercise: result.verdict.score for result in results}


def _run(notebook, folder, **limits):
    limits = {"cell_seconds": 5, "notebook_seconds": 20, **limits}
    return self_check.results(self_check.run(notebook, folder, **limits))


def test_marks_and_reasons_are_printed_without_nbgrader_and_the_file_stays(tmp_path):
    path = tmp_path / "mine.ipynb"
    path.write_text(nbformat.writes(_student({**RIGHT, "colour": "colour = None\nraise NotImplementedError('not yet')"})))
    before = path.read_bytes()
    script = f"import sys, helpers.__main__ as m; m.main(['check', {str(path)!r}]); assert 'nbgrader' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=small.REPOSITORY, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "double: 4 of 4 points" in done.stdout and "colour: 0 of 2 points" in done.stdout
    assert "In all 4 of 6 points" in done.stdout
    assert path.read_bytes() == before


def test_the_notebook_runs_in_its_own_folder(tmp_path):
    (tmp_path / "factor.txt").write_text("2")
    notebook = _student({**RIGHT, "double": "factor = int(open('factor.txt').read())\ndef double(x): return factor * x"})
    assert _scores(_run(notebook, tmp_path)) == {"double": 4, "colour": 2}


def test_a_loop_is_stopped_and_what_follows_still_counts(tmp_path):
    notebook = _student({**RIGHT, "double": "def double(x):\n    while True: pass", "check-double": "1"})
    double, colour = _run(notebook, tmp_path, cell_seconds=2)
    assert (double.verdict.score, colour.verdict.score) == (0, 2)
    assert "stopped after 2 seconds" in double.verdict.note


def test_a_dead_kernel_ends_the_run_with_the_cell_that_did_it(tmp_path):
    _, colour = _run(_student(RIGHT, (6, "import os\nos._exit(1)")), tmp_path)
    assert colour.verdict.score == 0
    assert "cell 7 (`import os`) ended the kernel" in colour.verdict.note


def test_the_whole_notebook_has_a_limit(tmp_path):
    _, colour = _run(_student(RIGHT, (6, "import time\ntime.sleep(3)"), (7, "time.sleep(3)")), tmp_path, notebook_seconds=4)
    assert "used up its 4 seconds" in colour.verdict.note


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "There is no notebook"),
        ("no json", "not a readable notebook"),
        (nbformat.writes(nbformat.v4.new_notebook()), "no graded exercises"),
    ],
)
def test_bad_input_is_one_sentence(tmp_path, content, said, capsys):
    from helpers.__main__ import main

    path = Path(tmp_path / "x.ipynb")
    if content is not None:
        path.write_text(content)
    with pytest.raises(CourseError, match=said):
        self_check.check(path)
    assert main(["check", str(path)]) == 1
    assert said in capsys.readouterr().err
