"""Do checks pose their problems with torch as it starts, and is who leaves a switch elsewhere told so, and only that?"""

from collections.abc import Iterator

import pytest
import torch

from helpers.checks import freeze_base as lesson
from helpers.checks import replace_head as values
from helpers.checks.clean_torch import SWITCHES, clean_torch, found, switched, told
from helpers.checks.report import NOT_ATTEMPTED, NOT_YET, RIGHT
from helpers.grading.judging.test_cell import fetch, run_test
from tests.answers import switching_gradients_off
from tests.answers.freeze_base import RIGHT as FREEZING
from tests.support.lines import Apart, Loopback, mark
from tests.support.notebook_cells import source

OTHER = {
    "torch.set_default_device": torch.device("meta"),
    "torch.set_default_dtype": torch.float64,
    "torch.set_num_threads": torch.get_num_threads() + 1,
    "torch.set_grad_enabled": False,
}
freeze_base = next(iter(FREEZING.values()))


def other(switch) -> object:
    """A position that the switch is not in at its start."""
    return OTHER.get(switch.call.partition("(")[0], True)


@pytest.fixture(params=SWITCHES, ids=lambda switch: switch.call.partition("(")[0])
def switch(request) -> Iterator:
    """Each switch; afterwards it is in the position in which it was."""
    before = request.param.read()
    yield request.param
    request.param.write(before)


def test_inside_all_is_as_at_the_start_and_afterwards_as_it_was(switch):
    switch.write(other(switch))
    with clean_torch() as left:
        assert switch.read() == (other(switch) if switch.start is None else switch.start)
    assert switch.read() == other(switch) and left == []


def test_what_was_left_switched_inside_is_named_by_its_call_and_brought_back(switch):
    before = switch.read()
    with pytest.raises(ZeroDivisionError), clean_torch() as left:
        switch.write(other(switch))
        raise ZeroDivisionError
    assert left == [switch.said(other(switch))] and switch.read() == before
    namespace = {"torch": torch}
    exec(left[0], namespace)
    assert switch.read() == other(switch), "the name is a call that does it"


def test_a_right_answer_stays_right_and_what_was_switched_before_is_told(switch):
    switch.write(other(switch))
    report = lesson.freeze_base.report(freeze_base, points=6)
    assert report.status == RIGHT and switch.read() == other(switch)
    said = switch.said(other(switch))
    assert (
        (said in repr(report))
        == (said in report._repr_html_().replace("&#x27;", "'").replace("&quot;", '"'))
        == (switch.start is not None)
    )


def test_who_leaves_a_switch_loses_a_tenth_and_reads_its_name(switch):
    def leaving(model, head_name):
        freeze_base(model, head_name)
        switch.write(other(switch))

    before = switch.read()
    report = lesson.freeze_base.report(leaving, points=6)
    assert (report.status, report.score, report.reasons) == (NOT_YET, 5.4, {"left_switched"})
    assert switch.said(other(switch)) in repr(report) and switch.read() == before


def test_at_a_distance_it_is_the_same():
    cell, leaving = source("test_freeze_base"), switching_gradients_off(freeze_base)
    points, report = mark(cell, Loopback({"freeze_base": leaving}))
    assert (points, report.reasons) == (5.4, {"left_switched"}) and torch.is_grad_enabled()
    assert "torch.set_grad_enabled(False)" in repr(report)
    distant = fetch(Loopback({"f": lambda: torch.set_default_dtype(torch.float16)}), "f")
    distant()
    assert distant.left == ["torch.set_default_dtype(torch.float16)"] and torch.get_default_dtype() is torch.float32


def test_in_a_notebook_in_which_all_is_switched_answers_are_judged_as_if_nothing_were(tmp_path):
    calls = ["torch.set_default_device('meta')", "torch.set_default_dtype(torch.float64)", "torch.set_grad_enabled(False)"]
    made = "import torch\nfrom tests.answers.freeze_base import RIGHT\nfreeze_base = next(iter(RIGHT.values()))\n"
    line = Apart(made + "\n".join(calls), tmp_path)
    points, report = mark(source("test_freeze_base"), line)
    line.close()
    assert points == 6.0 and all(call in report.note for call in calls)


def test_what_the_notebook_had_switched_is_told_by_the_judge(monkeypatch):
    line = Loopback({"freeze_base": freeze_base})
    line.found = ["torch.set_grad_enabled(False)", "x" * 1000, 7]
    points, report = mark(source("test_freeze_base"), line)
    assert points == 6.0 and "ends with" not in repr(report)
    assert "torch.set_grad_enabled(False)" in report.note and len(report.note) < 600
    assert run_test("from helpers.checks.clean_torch import switched\nlen(switched())", line) == 2
    assert switched() == [] and found() == ""


def test_of_values_that_were_made_with_something_switched_no_other_cause_is_named():
    wrong = {"total": 1, "head": 2048, "base": 3}
    with told(["torch.set_grad_enabled(False)"]):
        report = values.expected_parameters.report(wrong)
    assert (
        report.reasons >= {"inputs_counted"} and "likely" not in repr(report) and "torch.set_grad_enabled(False)" in repr(report)
    )
    assert "likely" in repr(values.expected_parameters.report(wrong))


def test_an_untouched_answer_is_not_attempted_whatever_is_switched():
    def stub(model, head_name):
        raise NotImplementedError("Write your answer here, then run this cell.")

    with told(["torch.set_grad_enabled(False)"]):
        assert lesson.freeze_base.report(switching_gradients_off(stub)).status == NOT_ATTEMPTED


def test_an_error_of_torchs_own_is_no_untouched_stub():
    def copies(model, head_name):
        torch.empty(2, device="meta").to("cpu")

    report = lesson.freeze_base.report(copies)
    assert report.status == NOT_YET and "NotImplementedError: Cannot copy out of meta tensor" in report.trouble
