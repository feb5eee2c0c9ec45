"""Does a test cell's output become the mark that it says, and an explicit 0 where it says none?"""

import pytest
from nbformat.v4 import new_output

from helpers.notebooks.verdicts import NOT_RUN, verdict


def _result(text):
    return new_output("execute_result", {"text/plain": text}, execution_count=1)


@pytest.mark.parametrize(
    ("text", "score", "odd"),
    [
        ("4.5", 4.5, False),
        ("0", 0, False),
        ("6", 6, False),
        ("np.float64(4.5)", 4.5, False),
        ("tensor(2., dtype=torch.float64)", 2, False),
        ("array(1e-1)", 0.1, False),
        ("nan", 0, True),
        ("tensor(nan)", 0, True),
        ("inf", 0, True),
        ("-0.5", 0, True),
        ("6.01", 6, True),
        ("1e400", 0, True),
        ("True", 0, True),
        ("'6'", 0, True),
        ("6 points", 0, True),
        ("6 + 0", 0, True),
        ("", 0, True),
        ("9" * 5000, 0, True),
    ],
)
def test_a_result_is_a_finite_number_between_0_and_the_maximum_or_0(text, score, odd):
    found = verdict([_result(text)], 6)
    assert (found.score, type(found.score), found.odd, bool(found.note)) == (score, float, odd, odd)


def test_a_cell_that_said_nothing_is_0_and_not_full_marks():
    assert (verdict([], 6).score, verdict([], 6).note) == (0.0, "the test cell gave no mark")


def test_two_results_are_one_too_many():
    assert verdict([_result("6"), _result("6")], 6).score == 0


def test_a_warning_on_stderr_costs_nothing():
    assert verdict([new_output("stream", name="stderr", text="Warning"), _result("6")], 6).score == 6


def test_an_error_is_0_with_its_name_and_without_the_code_around_it():
    error = new_output("error", ename="ValueError", evalue="too small\nmore", traceback=["hidden line of the test"])
    found = verdict([_result("6"), error], 6)
    assert (found.score, found.note, found.odd) == (0.0, "the test cell stopped with ValueError: too small", False)


def test_a_cell_that_was_not_run_says_why():
    error = new_output("error", ename=NOT_RUN, evalue="not run: the kernel was ended", traceback=[])
    assert verdict([error], 6).note == "not run: the kernel was ended"
