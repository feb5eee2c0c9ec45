"""A learner's training trace as a small note in the graded notebook."""

import math
from collections.abc import Mapping
from typing import Any

from helpers.checks import display
from helpers.grading.submission.inert import TRACE_MIME
from helpers.training.history import KEYS, History

FEWEST, MOST = 2, 200  # epochs that are drawn
MOST_LOSS = 1e6


class Trace:
    """A history as a notebook keeps it: as a table for people, as data for the feedback page."""

    def __init__(self, name: str, records: list[dict]):
        self.name, self.records = name, records

    def __repr__(self) -> str:
        return f"{self.name}\n{History.of(self.records)!r}"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {"text/plain": repr(self), TRACE_MIME: {"name": self.name, "records": self.records}}


def note(name: str, value: Any) -> None:
    """Show what stands under `name` if it is a training trace; nothing otherwise."""
    records = drawable(value)
    if records:
        display.show(Trace(name, records))


def drawable(value: Any) -> list[dict]:
    """The records of a history that can be drawn, with these numbers and no others; empty for anything else."""
    if not isinstance(value, list) or not FEWEST <= len(value) <= MOST:
        return []
    if not all(isinstance(record, Mapping) and all(_drawable(record.get(key)) for key in KEYS) for record in value):
        return []
    return [{"epoch": int(record["epoch"]), **{key: round(float(record[key]), 6) for key in KEYS[1:]}} for record in value]


def _drawable(number: Any) -> bool:
    return type(number) in (int, float) and math.isfinite(number) and 0 <= number <= MOST_LOSS
