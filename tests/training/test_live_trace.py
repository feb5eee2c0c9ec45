"""Does the trace grow with the run, stop when it is asked to, and keep quiet where it is not wanted?"""

import os
import re
import signal
from types import SimpleNamespace

import pytest
import torch
from IPython.core.events import EventManager

from helpers.checks.small_models import Case
from helpers.course import live_view
from helpers.course.errors import CourseError
from helpers.training import fit, live, live_trace
from helpers.training.history import History

CASE = Case()
LOADER = CASE.loader()


def records(number: int) -> list[dict]:
    known = {"lr": 0.1, "train_loss": 1.0, "train_accuracy": 0.5, "val_loss": 0.9}
    return [{"epoch": n, "val_accuracy": 0.5 + n / 100, **known} for n in range(1, number + 1)]


@pytest.fixture(autouse=True)
def a_learner_looks_on(monkeypatch):
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.setattr(live_trace, "_shell", lambda: SimpleNamespace(events=EventManager(None, {"post_run_cell": print})))
    yield
    live_trace._end_own()


@pytest.fixture
def page(monkeypatch):
    """A page that shows views; what is displayed in the end."""
    shown = []

    class Handle:
        def update(self, bundle, raw):
            shown.append(bundle)

    monkeypatch.setattr(live_view, "has_page", lambda: True)
    monkeypatch.setattr(live_view.LiveView, "show", lambda self, plain, words: Handle())
    monkeypatch.setattr(live_trace, "_kernel", lambda: "kernel-1")
    return shown


def own_loop(number: int, stop_at: int = 0, wishes: int = 1) -> list[dict]:
    history = []
    for record in records(number):
        if record["epoch"] == stop_at:
            for _ in range(wishes):
                os.kill(os.getpid(), signal.SIGINT)
        history.append(record)
        if live(history, number):
            break
    return history


def test_plain_text_is_a_line_an_epoch_with_the_time_left(capsys):
    assert len(own_loop(3)) == 3
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["epoch 1 of 3", "epoch 2 of 3", "epoch 3 of 3"]
    assert re.search(r"val accuracy 0.520; about \d+ s left$", lines[1])  # from the second on: when the first began, nobody saw
    assert lines[0].endswith("val accuracy 0.510") and lines[2].endswith("val accuracy 0.530")


def test_an_interruption_ends_an_own_loop_after_its_epoch_and_the_handler_goes(capsys):
    before = signal.getsignal(signal.SIGINT)
    assert len(own_loop(9, stop_at=4)) == 4
    assert signal.getsignal(signal.SIGINT) is before
    assert "Stopped after 4 of 9 epochs." in capsys.readouterr().out


def test_where_no_cell_ends_an_interruption_is_one_at_once(monkeypatch):
    monkeypatch.setattr(live_trace, "_shell", lambda: None)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a program started in the background may ignore it
    try:
        live(records(1), None)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        with pytest.raises(KeyboardInterrupt):
            own_loop(9, stop_at=4)
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_interruption_long_after_the_loop_is_one(monkeypatch):
    history = records(2)
    live(history[:1], None)
    live(history, None)
    now = live_trace.time.monotonic()
    monkeypatch.setattr(live_trace.time, "monotonic", lambda: now + 3 * live_trace.MOST_UNKNOWN + 1)
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)


def test_a_pause_after_quick_epochs_does_not_make_a_wish_an_interruption(monkeypatch):
    history = records(2)
    live(history[:1], None)
    live(history, None)
    now = live_trace.time.monotonic()
    monkeypatch.setattr(live_trace.time, "monotonic", lambda: now + live_trace.MOST_PAUSE / 2)
    os.kill(os.getpid(), signal.SIGINT)
    history.append(records(3)[2])
    assert live(history, None), "Stop was pressed"


def test_a_second_interruption_is_one():
    with pytest.raises(KeyboardInterrupt):
        own_loop(9, stop_at=4, wishes=2)


def test_another_list_is_another_run(capsys):
    own_loop(2)
    own_loop(2)
    assert capsys.readouterr().out.count("epoch 1 of 2") == 2


def test_nothing_is_shown_in_a_check_or_to_a_grader(capsys, monkeypatch):
    with live_trace.hushed():
        own_loop(2)
        fit(*training(), num_epochs=1)
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    own_loop(2)
    fit(*training(), num_epochs=1)
    assert capsys.readouterr().out == ""


def test_a_record_without_a_key_is_said():
    with pytest.raises(CourseError, match="lacks val_accuracy"):
        live([{key: value for key, value in records(1)[0].items() if key != "val_accuracy"}], 2)


def training():
    model = CASE.model()
    return model, LOADER, LOADER, torch.optim.SGD(model.parameters(), lr=0.01)


def test_fit_draws_every_epoch_and_leaves_plain_html(page, capsys):
    history = fit(*training(), num_epochs=2)
    [bundle] = page
    assert bundle["text/html"].count("<svg") == 2 + 4 and "<button" not in bundle["text/html"]
    assert f"Best: epoch {history.best['epoch']}" in bundle["text/html"] and capsys.readouterr().out == ""


def test_an_interrupted_fit_says_so_in_the_trace(page, capsys):
    class Stopped(list):
        def __iter__(self):
            yield from list.__iter__(self)
            raise KeyboardInterrupt

    model, _, _, optimizer = training()
    assert fit(model, Stopped(LOADER), LOADER, optimizer, num_epochs=3) == []
    assert "Interrupted after 0 of 3 epochs" in page[0]["text/html"] and capsys.readouterr().out == ""


def test_a_running_trace_has_a_button_that_interrupts_this_kernel(page):
    trace = live_trace.Trace(4)
    html = trace._view.widget.html
    assert "data-interrupt='kernel-1'" in html and "Stop" in html and "recorded run on 4000 digits" in html
    trace.epoch(History.of(records(1)))
    assert "epoch 1 of 4: train loss 1.000" in trace._view.widget.html and trace._view.widget.said.startswith("epoch 1 of 4")


def test_the_line_of_release_stands_where_the_second_phase_begins(page):
    earlier = History.of({**record, "phase": "head"} for record in records(2))
    trace = live_trace.Trace(3, "fine-tune", earlier)
    assert "last blocks released" in trace._view.widget.html
    assert "last blocks released" not in live_trace.Trace(3)._view.widget.html


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), 1e9])
def test_a_run_that_went_wrong_is_drawn(odd):
    history = [{**records(1)[0], "train_loss": odd, "val_loss": odd}]
    svg = live_trace.draw(history, [], 2, None)
    assert "nan" not in svg and "inf" not in svg
