"""Whether the records of a training run are those of weights that there were: each epoch's are measured again.

Only a judge who has seen a notebook run knows the weights of its epochs (`EpochWeights`); elsewhere the last ones are all there
is, and nothing is said of earlier records.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from random import Random
from typing import Protocol

import torch
from torch import Tensor, nn

from helpers.checks.report import Finding, passed_if
from helpers.checks.training_result import HeldOut, close
from helpers.training.loop import measure

Look = tuple[bool, dict[int, tuple[int, ...]]]


class EpochWeights(Protocol):
    """Weights that a notebook's model had. A place is that of a parameter in the model, counted from its end, from 1."""

    def looks(self) -> list[Look]:
        """Of each look in the order of time: whether it fell into a measurement, and place -> shape of what was kept."""

    def tensors(self, number: int) -> dict[int, Tensor]:
        """Place -> tensor, of the look of this number."""


_known: ContextVar[EpochWeights | None] = ContextVar("known", default=None)


@contextmanager
def known(weights: EpochWeights | None) -> Iterator[None]:
    """Inside, records are held against these."""
    token = _known.set(weights)
    try:
        yield
    finally:
        _known.reset(token)


def made_up(case: HeldOut, history: Sequence[dict], model: nn.Module, released_blocks: int, epochs: Sequence[int]) -> dict | None:
    """The first record of these epochs that no weights of the notebook's give; None if there is none, or nothing to tell by.

    Args:
        case: where to measure.
        history: whole records.
        model: the model as it was left; not changed. All before its last `released_blocks` blocks is pre-trained.
        released_blocks: how many.
        epochs: numbers of epochs, from 1.
    """
    if _known.get() is None:
        return None
    trial = _Trial(case, model, released_blocks, _known.get(), len(history))
    records = [history[epoch - 1] for epoch in sorted(epochs)]
    # Most notebooks measure once an epoch and no more: their looks end with one for each record, and few have to be measured.
    expected = len(trial.numbers) - len(history) - 1
    if _unmatched(trial, records, lambda place, record: abs(place - record["epoch"] - expected)) is None:
        return None
    return in_order(trial, records)


class Trial(Protocol):
    """Weights of several times, that can be measured.

    Attributes:
        numbers: of the times, in their order.
    """

    numbers: Sequence[int]

    def gives(self, place: int, record: dict) -> bool:
        """Whether the weights of the time at this place give what the record says."""


def in_order(trial: Trial, records: Sequence[dict]) -> dict | None:
    """The first record that no weights give which come after those of the record before; None if there is none."""
    return _unmatched(trial, records, lambda place, record: place)


def _unmatched(trial: Trial, records: Sequence[dict], rank: Callable[[int, dict], int]) -> dict | None:
    """As `in_order`; each record takes the place of the lowest `rank` that gives it."""
    least = 0
    for record in records:
        places = sorted(range(least, len(trial.numbers)), key=lambda place: rank(place, record))
        place = next((place for place in places if trial.gives(place, record)), None)
        if place is None:
            return record
        least = place + 1
    return None


class _Trial:
    """A copy of what is measured of a model, which takes the weights of one look after the other.

    Attributes:
        numbers: of the looks that fit the model, in the order of time: those in a measurement, or all if these are too few.
    """

    def __init__(self, case: HeldOut, model: nn.Module, released_blocks: int, weights: EpochWeights, epochs: int):
        self._weights, self._found = weights, {}
        part, self._batches = case.part(model, released_blocks, "val")
        self._part = copy.deepcopy(part)
        self._parameters = dict(enumerate(reversed([*self._part.parameters()]), start=1))
        looks = [(number, quiet) for number, (quiet, found) in enumerate(weights.looks()) if self._fits(found)]
        measuring = [number for number, quiet in looks if quiet]
        self.numbers = measuring if len(measuring) >= epochs else [number for number, _ in looks]

    def gives(self, place: int, record: dict) -> bool:
        """Whether the weights of this look give what the record says of the validation images."""
        if place not in self._found:
            self._found[place] = self._measured(self.numbers[place])
        return close(record, self._found[place])

    def _fits(self, found: Mapping[int, tuple[int, ...]]) -> bool:
        """Whether what was kept holds all that is measured, in the shapes that the model has there."""
        shapes = {place: tuple(p.shape) for place, p in self._parameters.items()}
        return shapes.items() <= found.items()

    def _measured(self, number: int) -> dict[str, float]:
        with torch.no_grad():
            for place, tensor in self._weights.tensors(number).items():
                if place in self._parameters:
                    self._parameters[place].copy_(tensor)
        return measure(self._part, self._batches)


def every_record_finding(
    agrees: Finding, case: HeldOut, history: object, model: nn.Module, released: int | None, most: int
) -> Finding:
    """`agrees`, the finding on the record whose weights the model has; if it passed, whether other records hold as well.

    Args:
        case, history, model: as in `made_up`.
        released: how many of the last blocks have learned, the head being there in any case; None: the base is another one.
        most: how many of the other records are looked at, drawn by the case.
    """
    if not agrees.passed or released is None:
        return agrees
    epochs = Random(case.draw).sample(range(1, len(history) + 1), min(most, len(history)))
    record = made_up(case, history, model, released, epochs)
    return passed_if(
        agrees.aspect, record is None, "record_disagrees",
        found=f"val_loss {record['val_loss']:.3f} and val_accuracy {record['val_accuracy']:.3f} in epoch {record['epoch']}: "
        "none of the weights that the model had while the notebook ran gives these" if record else "",
        expected="records that were measured, epoch by epoch, on the validation images",
        likely="Does each epoch train the very head or tail that is measured after it, with the loader's validation images?",
    )  # fmt: skip
