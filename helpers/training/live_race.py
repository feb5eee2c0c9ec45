"""A race on the screen while it is run: a lane for each runner, in which its validation accuracy grows by the epoch.

In plain text it is a line as each runner ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Self

from helpers.course import live_view
from helpers.course.palette import BLUE, GREEN, INK, PALE, SOFT_INK
from helpers.course.paper import paper
from helpers.training.history import History
from helpers.training.strategies import OnPixels, Outcome, Strategy

WIDTH, HEIGHT, EDGE = 200, 34, 4  # of a lane, in pixels; its edge is left free for the dots
# Title and least width: columns that do not jump while the race is on.
COLUMNS = {"runner": 0, "validation accuracy by epoch": 0, "state": 7, "validation": 0, "test": 3, "CPU s": 3}


@dataclass
class Lane:
    """A runner: how far it is."""

    title: str
    num_epochs: int
    state: str = "waits"
    history: History = field(default_factory=History)
    outcome: Outcome | None = None


class LiveRace:
    """The runners of one seed, as a context: what stays on the page afterwards is plain HTML.

    Args:
        strategies: who runs, in this order.
        seed: of this race.
        shown: whether anybody looks on; if not, nothing is shown or printed.
    """

    def __init__(self, strategies: Sequence[Strategy | OnPixels], seed: int, *, shown: bool = True) -> None:
        self.lanes = {one.key: Lane(one.title, getattr(one, "num_epochs", 0)) for one in strategies}
        self._seed, self._shown = seed, shown
        self._said = "The images are read and prepared."
        self._view = live_view.LiveView(self.html()) if shown and live_view.has_page() else None
        self._handle = self._view.show(self.html(), self._said) if self._view else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._view:
            self._handle.update({"text/plain": self._said, "text/html": self.html()}, raw=True)
            self._view.widget.close()
            self._view = self._handle = None

    def begin(self, key: str) -> Callable[[History], None]:
        """This runner starts; returns what takes its history after each epoch."""
        lane = self.lanes[key]
        lane.state = "begins"
        self._draw(f"{lane.title} starts.")

        def after_epoch(history: History) -> None:
            lane.history, lane.state = history, f"epoch {len(history)} of {lane.num_epochs}"
            self._draw()

        return after_epoch

    def done(self, outcome: Outcome) -> None:
        """This runner is through."""
        lane = self.lanes[outcome.strategy]
        lane.outcome, lane.state = outcome, "done"
        said = f"seed {self._seed}, {lane.title}: {outcome.accuracy:.3f}, {outcome.seconds:.1f} s"
        if self._shown and not self._view:
            print(said, flush=True)
        through = all(lane.outcome for lane in self.lanes.values())
        self._draw(f"Seed {self._seed}: all are through." if through else said)

    def html(self) -> str:
        """The lanes as a table."""
        cell = f"text-align:left;padding:.15em .7em;border-top:1px solid {PALE}"
        wide = "border:0;font-weight:600;min-width:{}em"
        head = "".join(f"<th scope='col' style='{cell};{wide.format(least)}'>{name}</th>" for name, least in COLUMNS.items())
        rows = "".join(f"<tr style='background:none'>{_row(lane, cell)}</tr>" for lane in self.lanes.values())
        look = f"border-collapse:collapse;color:{INK};font-size:92%;font-variant-numeric:tabular-nums;background:none"
        table = f"<table style='{look}'><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        over = all(lane.outcome for lane in self.lanes.values())
        below = f"<div style='color:{SOFT_INK};margin-top:.3em'>{escape(self._said)}</div>"
        return paper(table + below, edge=GREEN if over else BLUE)

    def _draw(self, said: str = "") -> None:
        self._said = said or self._said
        if self._view:
            self._view.draw(self.html(), said)


def _row(lane: Lane, cell: str) -> str:
    outcome, last = lane.outcome, lane.history[-1]["val_accuracy"] if lane.history else None
    val = outcome.val_accuracy if outcome else last
    numbers = (
        f"{val:.3f}" if val is not None else "",
        *((f"{outcome.accuracy:.3f}", f"{outcome.seconds:.1f}") if outcome else ("", "")),
    )
    words = "".join(f"<td style='{cell}'>{word}</td>" for word in (lane.state, *numbers))
    return (
        f"<th scope='row' style='{cell};font-weight:400'>{escape(lane.title)}</th><td style='{cell}'>{_track(lane)}</td>{words}"
    )


def _track(lane: Lane) -> str:
    """Validation accuracy by epoch as a small line, on the same scale in each lane; without epochs a level one at the end."""
    values = [record["val_accuracy"] for record in lane.history]
    if not lane.num_epochs and lane.outcome:
        values = [lane.outcome.val_accuracy] * 2
    steps = max(lane.num_epochs, len(values), 2) - 1
    points = [
        (EDGE + place / steps * (WIDTH - 2 * EDGE), HEIGHT - EDGE - value * (HEIGHT - 2 * EDGE))
        for place, value in enumerate(values)
    ]
    colour = SOFT_INK if lane.outcome else BLUE
    line = (
        f"<polyline points='{' '.join(f'{x:.1f},{y:.1f}' for x, y in points)}' fill='none' stroke='{colour}' stroke-width='2'/>"
    )
    dot = f"<circle cx='{points[-1][0]:.1f}' cy='{points[-1][1]:.1f}' r='3.2' fill='{colour}'/>" if points else ""
    frame = f"<path d='M0 {HEIGHT - EDGE}H{WIDTH}M0 {EDGE}H{WIDTH}' stroke='{PALE}'/>"
    size = f"width='{WIDTH}' height='{HEIGHT}' aria-hidden='true' style='display:block'"
    return f"<svg xmlns='http://www.w3.org/2000/svg' {size}>{frame}{line}{dot}</svg>"
