"""What a training run leaves behind: one record an epoch, numbered over the whole run."""

import math
from collections.abc import Iterable, Mapping
from typing import Self

from helpers.course.errors import CourseError

KEYS = ("epoch", "lr", "train_loss", "train_accuracy", "val_loss", "val_accuracy")


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

    def __repr__(self) -> str:
        head = f"{'epoch':>5}  {'phase':<10} {'lr':>8}  {'train loss':>10} {'accuracy':>8}  {'val loss':>8} {'accuracy':>8}"
        return "\n".join([head, *(_line(record) for record in self)]) if self else "History: no epoch yet"


def rank(record: Mapping) -> tuple[float, float]:
    """Sorting key, best first: validation accuracy, then loss. Not-a-number counts as the worst."""
    accuracy, loss = record["val_accuracy"], record["val_loss"]
    return (math.inf if math.isnan(accuracy) else -accuracy, math.inf if math.isnan(loss) else loss)


def _line(record: Mapping) -> str:
    return (
        f"{record['epoch']:>5}  {record.get('phase', ''):<10} {record['lr']:>8.2g}  {record['train_loss']:>10.3f} "
        f"{record['train_accuracy']:>8.3f}  {record['val_loss']:>8.3f} {record['val_accuracy']:>8.3f}"
    )
