"""Histories to be read, whole runs and beginnings of runs: the problems of `read_trace`."""

import copy
from dataclasses import dataclass
from pathlib import Path

from helpers.training import recordings


@dataclass(frozen=True)
class Traces:
    """Histories to read. Equal fields are equal problems.

    Attributes:
        path: the file of recordings that they come from.
        cuts: (name of a recording, how many of its epochs): a run that was stopped is a run as well.
        named: whether a report may say which run it speaks of.
    """

    path: Path
    cuts: tuple[tuple[str, int], ...]
    named: bool = False

    def histories(self) -> list[list[dict]]:
        """Fresh copies: plain lists of dicts, epochs from 1."""
        runs = recordings.load(self.path)
        return [copy.deepcopy(list(runs[name].history[:epochs])) for name, epochs in self.cuts]

    def words(self, number: int) -> str:
        """Which history this is, in words."""
        name, epochs = self.cuts[number]
        return f"for epochs 1 to {epochs} of run {name}" if self.named else f"for a run of {epochs} epochs"


# The four recorded runs, and beginnings of them that have what no whole run has: a negative gap, ties, no fall yet.
CUTS = (("A", 12), ("B", 18), ("C", 12), ("D", 16), ("A", 2), ("A", 6), ("A", 8), ("B", 11))
RUNS = Traces(recordings.VISIBLE, CUTS, named=True)
