"""What a training run leaves behind: one record an epoch, numbered over the whole run."""

import math
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Self

from helpers.course.errors import CourseError
from helpers.training.observations import observe

KEYS = ("epoch", "lr", "train_loss", "train_accuracy", "val_loss", "val_accuracy")
EMPTY = "History: no epoch yet"
TITLES = ("epoch", "phase", "lr", "train loss", "train acc", "val loss", "val acc", "to be seen")
WORDS = ("phase", "to be seen")  # columns that begin at the left: numbers end at the right


class History(list):
    """A list of records, one an epoch.

    A record is a dict with ``epoch`` (from 1), ``phase`` (such as ``"head"``), ``lr`` (the highest rate in
    the optimizer), ``train_loss``, ``val_loss`` (mean cross entropy, >= 0), ``train_accuracy``,
    ``val_accuracy`` (in [0, 1]) and ``seconds``. ``phase`` and ``seconds`` may be absent from records
    made elsewhere; a plain list of such dicts serves wherever a History does.
    """

    @classmethod
    def of(cls, records: Iterable[Mapping]) -> Self:
        """The records as a History: a copy, so that neither changes with the other.

        Raises:
            CourseError: a record is not a dict, or lacks one of `KEYS`, as when an epoch was not evaluated.
        """
        made = cls()
        for place, record in enumerate(records, start=1):
            missing = list(KEYS) if not isinstance(record, Mapping) else [key for key in KEYS if key not in record]
            if missing:
                lacking = ", ".join(missing)
                raise CourseError(f"Record {place} of the history lacks {lacking}: write one dict an epoch with these keys.")
            made.append(dict(record))
        return made

    @property
    def best(self) -> dict | None:
        """The record with the highest validation accuracy, then the lowest loss, then the earliest; None if empty."""
        return min(self, key=rank, default=None)

    @property
    def phase_starts(self) -> dict[str, int]:
        """Phase -> the epoch at which it began, in the order of the run."""
        starts: dict[str, int] = {}
        for record in self:
            if record.get("phase"):
                starts.setdefault(record["phase"], record["epoch"])
        return starts

    @property
    def released_at(self) -> int | None:
        """The first epoch of the second phase: the first one that the released blocks learned in. None if there is none."""
        return next(iter(list(self.phase_starts.values())[1:]), None)

    def extend_with(self, other: Iterable[Mapping]) -> Self:
        """This history followed by `other`, whose epochs are numbered on from here. Neither is changed."""
        last = self[-1]["epoch"] if self else 0
        return self.of([*self, *({**record, "epoch": last + n} for n, record in enumerate(self.of(other), start=1))])

    @property
    def observations(self) -> list[str]:
        """What is to be seen in each epoch, by the rules of `helpers.training.observations`: a few words a record."""
        return observe(self)

    def __repr__(self) -> str:
        rows = [self._titles(), *self._rows()] if self else [[EMPTY]]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        sides = [str.ljust if title in WORDS else str.rjust for title in rows[0]]
        lines = (zip(sides, row, widths, strict=True) for row in rows)
        return "\n".join("  ".join(side(cell, width) for side, cell, width in line).rstrip() for line in lines)

    def _repr_html_(self) -> str:
        """The table, in the page's own colours, so that it reads on light and on dark ground. A line where a phase begins."""
        if not self:
            return f"<p>{EMPTY}</p>"
        titles, starts = self._titles(), set(list(self.phase_starts.values())[1:])
        sides = [f"text-align:{'left' if title in WORDS else 'right'}" for title in titles]
        html = [_html_row("th scope='col'", titles, sides, below=True)]
        for record, cells in zip(self, self._rows(), strict=True):
            html.append(_html_row("td", cells, sides, above=record["epoch"] in starts))
        style = "border-collapse:collapse;font-variant-numeric:tabular-nums"
        return f"<table style='{style}'>{''.join(html)}</table>"

    def _titles(self) -> list[str]:
        return [title for title in TITLES if title != "phase" or self.phase_starts]

    def _rows(self) -> Iterator[list[str]]:
        """The cells of each epoch, as they are printed; a phase only where the run has phases."""
        for record, words in zip(self, self.observations, strict=True):
            phase = [record.get("phase") or ""] if self.phase_starts else []
            numbers = [f"{record['lr']:.2g}", *(f"{record[key]:.3f}" for key in KEYS[2:])]
            yield [str(record["epoch"]), *phase, *numbers, words]


def rank(record: Mapping) -> tuple[float, float]:
    """Sorting key, best first: validation accuracy, then loss. Not-a-number counts as the worst."""
    accuracy, loss = record["val_accuracy"], record["val_loss"]
    return (math.inf if math.isnan(accuracy) else -accuracy, math.inf if math.isnan(loss) else loss)


def _html_row(tag: str, cells: Iterable[str], sides: Iterable[str], *, above: bool = False, below: bool = False) -> str:
    """A row of a table; `above` and `below`: with a line there."""
    lines = ";border-top:1px solid" * above + ";border-bottom:1px solid" * below
    made = (
        f"<{tag} style='padding:.2em .7em;white-space:nowrap;{side}{lines}'>{escape(c)}</{tag[:2]}>"
        for c, side in zip(cells, sides, strict=True)
    )
    return f"<tr>{''.join(made)}</tr>"
