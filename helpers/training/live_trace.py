"""The training trace while a model trains: it grows with the run, says how much time is left, and has a button to stop.

`fit` shows it. A loop of one's own shows it as well, with a line at the end of each epoch:

    history.append(record)
    if live(history, num_epochs):  # Stop was pressed
        break

In plain text it is one line an epoch. Where answers are checked or graded it is nothing at all.
"""

from __future__ import annotations

import json
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from helpers.course import live_view
from helpers.course.palette import BLUE, GREEN, PALE, SOFT_INK
from helpers.course.paper import button, paper
from helpers.training.history import History
from helpers.training.live_svg import draw

REAL_RUN = Path(__file__).parent / "recorded" / "real_run.json"
HEAD = "head"
SECONDS = 0.5  # between two drawings within an epoch
MOST_UNKNOWN = 100.0  # seconds that a second epoch may take, a third of what an interruption waits for
MOST_PAUSE = 2.0  # seconds after an epoch in which an interruption means the loop, however quick its epochs are
KEEPING, ENDING = "Stop, and keep the best so far", "Stop after this epoch"
_hushed: ContextVar[bool] = ContextVar("hushed", default=False)
_own: dict[str, Any] = {}  # the trace of the loop that runs in this cell, and the history it belongs to


@contextmanager
def hushed() -> Iterator[None]:
    """Inside, nothing is shown: a check trains small models many times over."""
    token = _hushed.set(True)
    try:
        yield
    finally:
        _hushed.reset(token)


def is_shown() -> bool:
    """Whether a trace is shown here: not where answers are checked or graded."""
    return not _hushed.get() and not os.environ.get("NBGRADER_EXECUTION")


def live(history: Sequence[Mapping], num_epochs: int | None = None, *, phase: str = HEAD) -> bool:
    """Show the trace of a loop so far; whether Stop was pressed, in the trace or in the toolbar: then end the loop.

    Args:
        history: the loop's records up to now, one list that grows; see `helpers.training.history.History`.
        num_epochs: how many there will be; None where nobody knows.
        phase: ``"head"`` or ``"fine-tune"``: which part of the recorded run is drawn behind it.

    Pressing twice stops at once, in the middle of an epoch, as in any cell.

    Raises:
        CourseError: a record lacks one of the keys.
    """
    if not is_shown():
        return False
    if _own.get("history") is not history or len(history) <= _own["trace"].done:
        _end_own()
        trace = Trace(num_epochs, phase, begun=len(history), stop=ENDING)
        _own.update(history=history, trace=trace, stop=False, until=math.inf)
        _own["before"] = _listen()
        _at_the_end_of_the_cell(_end_own)
    trace, now = _own["trace"], time.monotonic()
    _own["longest"] = max(_own.get("longest", 0.0), now - _own.get("last", now))
    _own.update(last=now, until=now + max(3 * (_own["longest"] or MOST_UNKNOWN), MOST_PAUSE))
    trace.epoch(History.of(history))
    if _own["stop"] or len(history) == num_epochs:
        stopped = _own["stop"]
        _end_own()
        return stopped
    return False


class Trace:
    """A run on the screen.

    Args:
        num_epochs: how many epochs it has; None where nobody knows.
        phase: see `live`.
        earlier: the epochs of the run before this one.
        begun: how many of its epochs were done before anybody looked.
        stop: what its button says.
    """

    def __init__(
        self, num_epochs: int | None, phase: str = HEAD, earlier: History | None = None, begun: int = 0, stop: str = KEEPING
    ) -> None:
        self.num_epochs, self.phase, self.earlier = num_epochs, phase, earlier or History()
        self.history, self.done, self.began = self.earlier, 0, time.monotonic()
        self._begun, self._stop = begun, stop
        self._within, self._drawn = 0.0, 0.0
        self._view = live_view.LiveView(self._html(running=True)) if live_view.has_page() else None
        self._handle = self._view.show(self._html(), self.words) if self._view else None

    @property
    def on_page(self) -> bool:
        """Whether a page shows it; else it is text."""
        return self._handle is not None

    def batch(self, batches: int | None) -> None:
        """One more batch of an epoch's `batches` has been learned from."""
        self._within += 1 / batches if batches else 0.0
        if self._view and time.monotonic() - self._drawn > SECONDS:
            self._draw()

    def epoch(self, history: History) -> None:
        """One more epoch is done; `history` has it, and the earlier ones."""
        self.history, self.done, self._within = history, len(history) - len(self.earlier), 0.0
        if not self.done:
            return
        if self._view:
            self._draw(self.words)
        else:
            print(f"{self.words}{self._left()}")

    def end(self, said: str = "") -> None:
        """The run is over: what stays is plain HTML, with `said` or what came of the run below it."""
        if self._handle:
            self._handle.update({"text/plain": said or self.words, "text/html": self._html(said or self._result())}, raw=True)
            self._view.widget.close()
            self._view = self._handle = None

    @property
    def words(self) -> str:
        """How far the run has come, in a line."""
        of = f" of {self.num_epochs}" if self.num_epochs else ""
        if not self.done:
            return f"epoch 1{of}"
        last = self.history[-1]
        losses = f"train loss {last['train_loss']:.3f}, val loss {last['val_loss']:.3f}"
        return f"epoch {self.done}{of}: {losses}, val accuracy {last['val_accuracy']:.3f}"

    @property
    def best(self) -> str:
        """The best epoch so far, in a sentence; empty before the first one."""
        best = self.history.best
        return f"Best: epoch {best['epoch']}, val accuracy {best['val_accuracy']:.3f}." if best else ""

    def _left(self) -> str:
        """How much time is left, with the words before it; empty where that cannot be told yet."""
        done = self.done + self._within
        seen = done - self._begun
        if not self.num_epochs or seen < 0.1 or self.done >= self.num_epochs:
            return ""
        return f"; about {(time.monotonic() - self.began) / seen * (self.num_epochs - done):.0f} s left"

    def _result(self) -> str:
        seconds = time.monotonic() - self.began
        took = "" if self._begun else f" in {seconds:.0f} s" if seconds >= 1 else " in less than a second"
        return f"{self.done} epochs{took}. {self.best}" if self.done else ""

    def _draw(self, said: str = "") -> None:
        self._drawn = time.monotonic()
        self._view.draw(self._html(running=True), said)

    def _html(self, said: str = "", *, running: bool = False) -> str:
        last = len(self.earlier) + max(self.num_epochs or 0, self.done + (self.num_epochs is None), 1)
        starts = list(self.history.phase_starts.values())
        released_at = starts[1] if len(starts) > 1 else len(self.earlier) + 1 if self.earlier and self.phase != HEAD else None
        svg = draw(self.history, _reference(self.phase if not self.earlier else ""), last, released_at)
        line = said or f"{self.words}{self._left()}"
        share = min((self.done + self._within) / self.num_epochs, 1.0) if self.num_epochs else 0.0
        filled = f"<div style='height:5px;width:{share:.1%};background:{BLUE}'></div>"
        bar = f"<div style='height:5px;background:{PALE}'>{filled}</div>"
        stop = button(self._stop, "stop", interrupt=_kernel()) if running and _kernel() else ""
        below = f"<div style='font-variant-numeric:tabular-nums;color:{SOFT_INK};margin-top:.3em'>{escape(line)}</div>"
        return paper(svg + (bar if running else "") + below + stop, edge=BLUE if running else GREEN)


@cache
def _recorded() -> tuple[dict, ...]:
    return tuple(json.loads(REAL_RUN.read_text(encoding="utf-8"))["history"])


def _reference(phase: str) -> list[dict]:
    """The recorded run: all of it, or one phase numbered from 1."""
    if not phase:
        return list(_recorded())
    return [{**record, "epoch": n} for n, record in enumerate((r for r in _recorded() if r["phase"] == phase), start=1)]


def _kernel() -> str:
    """The id under which the server knows this kernel; empty outside of a notebook."""
    try:
        from ipykernel.connect import get_connection_file

        return Path(get_connection_file()).stem.removeprefix("kernel-") if live_view.has_page() else ""
    except (ImportError, RuntimeError):
        return ""


def _listen() -> Any:
    """From now on an interruption is a wish, seen by `live` at the end of the epoch; a second one is an interruption."""
    if _shell() is None or threading.current_thread() is not threading.main_thread():
        return None  # without cells nothing says when a loop is over

    def wished(number: int, frame: object) -> None:
        if _own.get("stop", True) or time.monotonic() > _own["until"]:  # the loop is over, and something else runs
            raise KeyboardInterrupt
        _own["stop"] = True

    return signal.signal(signal.SIGINT, wished)


def _end_own(*_: object) -> None:
    """The loop of this cell is over, or was left."""
    trace, stopped = _own.get("trace"), _own.get("stop")
    if trace is None:
        return
    if _own["before"] is not None:
        signal.signal(signal.SIGINT, _own["before"])
    _own.clear()
    of = f" of {trace.num_epochs}" if trace.num_epochs else ""
    said = f"Stopped after {trace.done}{of} epochs. {trace.best}" if stopped else ""
    if said and not trace.on_page:
        print(said)
    trace.end(said)


def _shell() -> Any:
    from IPython import get_ipython

    return get_ipython()


def _at_the_end_of_the_cell(do: Callable[..., None]) -> None:
    shell = _shell()
    if shell is not None and do not in shell.events.callbacks["post_run_cell"]:
        shell.events.register("post_run_cell", do)


def batches_of(loader: Iterable) -> int | None:
    """How many batches an epoch has; None where the loader does not say."""
    return len(loader) if hasattr(loader, "__len__") else None
