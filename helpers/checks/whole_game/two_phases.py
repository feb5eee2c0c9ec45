"""Runs of two phases to read, and the slips by which one misreads them."""

import random
from dataclasses import dataclass
from itertools import pairwise

HEAD, TUNED = "head", "fine-tune"
LESSONS_HEAD_EPOCHS = 5


@dataclass(frozen=True)
class TwoPhases:
    """One run to read. Equal cases are equal runs.

    Attributes:
        head_epochs, tuned_epochs: records of each phase.
        seed: seed of the accuracies.
    """

    head_epochs: int
    tuned_epochs: int
    seed: int

    def history(self) -> list[dict]:
        """Records with ``epoch``, ``phase``, ``train_accuracy`` and ``val_accuracy``; every slip gives another number."""
        draw = random.Random(self.seed)
        while True:
            phases = [HEAD] * self.head_epochs + [TUNED] * self.tuned_epochs
            columns = [(round(draw.uniform(0.3, 0.9), 3), round(draw.uniform(0.3, 0.9), 3)) for _ in phases]
            records = [
                {"epoch": epoch, "phase": phase, "train_accuracy": train, "val_accuracy": val}
                for epoch, (phase, (train, val)) in enumerate(zip(phases, columns, strict=True), start=1)
            ]
            numbers = sorted([gain(records), *(number for number, _, _ in slips(records))])
            if all(after - before > 0.002 for before, after in pairwise(numbers)):
                return records


def gain(records: list[dict], column: str = "val_accuracy") -> float:
    """The best accuracy of fine-tuning minus the best of the head's epochs."""
    best = {phase: max(record[column] for record in records if record["phase"] == phase) for phase in (HEAD, TUNED)}
    return best[TUNED] - best[HEAD]


def slips(records: list[dict]) -> tuple[tuple[float, str, str], ...]:
    """(the number that a slip gives, its reason code, what likely happened)."""
    last = {record["phase"]: record["val_accuracy"] for record in records}
    values = [record["val_accuracy"] for record in records]
    counted = []  # the lesson's own run has five epochs of the head: one may cut there in every run
    if len(values) > LESSONS_HEAD_EPOCHS != sum(record["phase"] == HEAD for record in records):
        number = max(values[LESSONS_HEAD_EPOCHS:]) - max(values[:LESSONS_HEAD_EPOCHS])
        counted = [(number, "phase_by_number", 'Runs differ in length: ask record["phase"], not the number of the epoch.')]
    return (
        *counted,
        (-gain(records), "sign_swapped", "The gain is what comes after, minus what was there before."),
        (gain(records, "train_accuracy"), "training_accuracy", 'These are training accuracies: read "val_accuracy".'),
        (100 * gain(records), "in_percent", "Accuracies here lie between 0 and 1: leave the difference as it is."),
        (last[TUNED] - last[HEAD], "last_epochs", "This compares the last epochs: of each phase take the best one, with max()."),
        (
            values[-1] - values[0],
            "last_minus_first",
            "This is the last epoch minus the first: take the best epoch of each phase.",
        ),
        (max(values) - min(values), "phases_ignored", 'This looks at the whole run: sort the records by record["phase"].'),
    )
