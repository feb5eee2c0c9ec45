"""Is a name that is not there yet answered in a sentence, and everything else as ever?"""

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from helpers.checks.cell_errors import STOPPED, explain_in_notebooks, remedy

ABOVE = "There is no {} yet: run the cell above first"
CASES = {
    "# Stuck?\nchecks.make_optimizer(make_optimizer)": ("make_optimizer", ABOVE.format("make_optimizer")),
    "checks.classify.grade(classify, cases=cases, points=4)": ("classify", ABOVE.format("classify")),
    'quiz.grade("q01_why_freeze", q01_why_freeze, points=1)': ("q01_why_freeze", ABOVE.format("q01_why_freeze")),
    "q01_why_freeze = b": ("b", 'Put the letter in quotes: q01_why_freeze = "b".'),
    "q01_why_freeze = B  # surely": ("B", 'Put the letter in quotes: q01_why_freeze = "B".'),
    "q20_order = b, a, c": ("b", 'Put the letter in quotes: q20_order = "b, a, c".'),
    "head = models.get(nme)": ("nme", ""),
    "b = 1\nprint(a)": ("a", ""),
}


@pytest.mark.parametrize("cell", CASES)
def test_what_to_do_about_a_name(cell):
    name, beginning = CASES[cell]
    assert remedy(cell, name).startswith(beginning) and bool(remedy(cell, name)) == bool(beginning)


@pytest.fixture
def shell(monkeypatch):
    made = InteractiveShell()
    monkeypatch.setattr("IPython.get_ipython", lambda: made)
    return made


def printed_by(shell, cell):
    with capture_output() as captured:
        result = shell.run_cell(cell, store_history=True)
    return captured.stdout + captured.stderr, result


def test_a_check_before_its_answer_says_what_to_run_and_counts_as_failed(shell, monkeypatch):
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    explain_in_notebooks()
    printed_by(shell, "class checks: freeze_base = print")
    said, result = printed_by(shell, "checks.freeze_base(freeze_base)")
    assert ABOVE.format("freeze_base") in said and "Traceback" not in said
    assert isinstance(result.error_in_exec, NameError)
    said, _ = printed_by(shell, "def f(): return nowhere\nchecks.freeze_base(f())")
    assert "Traceback" in said and "run the cell above" not in said  # raised in a function: something else is amiss


def test_nothing_is_changed_where_cells_are_graded(shell, monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    explain_in_notebooks()
    assert shell.custom_exceptions == ()


def test_a_cell_that_was_stopped_says_so_in_a_sentence(shell, monkeypatch):
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    explain_in_notebooks()
    said, result = printed_by(shell, "def f(): raise KeyboardInterrupt\nf()")
    assert STOPPED in said and "Traceback" not in said and isinstance(result.error_in_exec, KeyboardInterrupt)
