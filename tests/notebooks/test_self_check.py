"""Does the self-check say what a learner's notebook is worth, without nbgrader and without touching the file?"""

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell

from helpers.course.errors import CourseError
from helpers.notebooks import self_check
from helpers.notebooks.released import of_master
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


def test_a_module_beside_the_notebook_is_found_and_takes_nobodys_place(tmp_path):
    (tmp_path / "doubling.py").write_text("def twice(x): return 2 * x")
    for name in ("tqdm", "helpers"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('not the library')")
    notebook = _student({**RIGHT, "double": "import tqdm, helpers\nfrom doubling import twice as double"})
    assert _scores(_run(notebook, tmp_path, cell_seconds=20)) == {"double": 4, "colour": 2}


def test_a_thread_that_an_answer_has_left_changes_no_report(tmp_path):
    """ipykernel 7.1 and later put what a thread prints into whatever cell runs."""
    dots = 'import threading\ndef dots():\n    while True: print("." * 10_000, flush=True)\n'
    report = 'from IPython.display import display\ndisplay({"text/plain": "the report"}, raw=True)\n2.0'
    answer = f"{dots}threading.Thread(target=dots, daemon=True).start()\n{RIGHT['double']}"
    found = {result.exercise: result for result in _run(_student({**RIGHT, "double": answer, "test_colour": report}), tmp_path)}
    found = found["colour"]
    assert (found.verdict.score, found.verdict.note, found.report) == (2, "", "the report")


def test_exit_ends_nothing(tmp_path):
    """A kernel that obeys ends 0.1 s later, in whichever cell runs then."""
    exits = f"{RIGHT['double']}\nexit()"
    notebook = _student({**RIGHT, "double": exits, "check-double": "import time\ntime.sleep(0.5)"})
    assert _scores(_run(notebook, tmp_path)) == {"double": 4, "colour": 2}


@pytest.mark.filterwarnings("error")
def test_a_lesson_is_checked_as_it_is_graded(tmp_path, monkeypatch):
    """Twice there, with a byte order mark, without names: each exercise is there once, and what was guessed is said."""
    monkeypatch.setattr(self_check, "original", lambda name, notebook: of_master(small.master()))
    notebook = _student({})
    notebook.cells += _student(RIGHT).cells
    for cell in notebook.cells:
        cell.metadata = nbformat.NotebookNode()
        del cell["id"]
    (tmp_path / "mine.ipynb").write_text("\ufeff" + json.dumps(notebook), encoding="utf-8")
    checked = self_check.check(tmp_path / "mine.ipynb")
    assert _scores(checked.results) == {"double": 4, "colour": 2} and len(checked.results) == 2
    said = list(self_check.lines(checked))
    assert said[0] == "About your file:" and "each counts once" in " ".join(said) and "In all 6 of 6" in " ".join(said)


@pytest.mark.parametrize("answer", ["colour = 'blue'", "colour = 'blue' if base else ''"])
def test_cells_that_only_show_are_run_only_where_an_answer_reads_what_they_bind(tmp_path, monkeypatch, answer):
    monkeypatch.setattr(self_check, "original", lambda name, notebook: of_master(small.master()))
    notebook = _student({**RIGHT, "numbers": "base = 10\nopen('ran', 'w').close()", "colour": answer})
    path = tmp_path / "mine.ipynb"
    path.write_text(nbformat.writes(notebook), encoding="utf-8")
    assert _scores(self_check.check(path).results) == {"double": 4, "colour": 2}
    assert (tmp_path / "ran").exists() is ("base" in answer)


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
        ("no json", "its content is not JSON"),
        (nbformat.writes(nbformat.v4.new_notebook(cells=[new_code_cell("1")])), "no graded exercises"),
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
