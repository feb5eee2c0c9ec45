"""The check of `fine_tuning_gain`: how much validation accuracy fine-tuning added, read from a history."""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from helpers.checks.exercise import exercise
from helpers.checks.report import Aspect, Finding, passed_if, wrong_type

HEAD, TUNED = "head", "fine-tune"
LESSONS_HEAD_EPOCHS = 5
PLAIN = "a plain float, such as 0.07"


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
            numbers = sorted([gain(records), *(number for number, _, _ in _slips(records))])
            if all(after - before > 0.002 for before, after in pairwise(numbers)):
                return records


def gain(records: list[dict], column: str = "val_accuracy") -> float:
    """The best accuracy of fine-tuning minus the best of the head's epochs."""
    best = {phase: max(record[column] for record in records if record["phase"] == phase) for phase in (HEAD, TUNED)}
    return best[TUNED] - best[HEAD]


def _slips(records: list[dict]) -> tuple[tuple[float, str, str], ...]:
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


@exercise(
    aspects=(
        Aspect("gain", "the best epoch of fine-tuning is compared with the best one of the head", 2.0),
        Aspect("plain", "the answer is a plain float", 0.5, requires=("gain",)),
        Aspect("intact", "the history is left as it came", 0.5, requires=("gain",)),
    ),
    cases=(TwoPhases(5, 10, 0), TwoPhases(3, 4, 1), TwoPhases(6, 2, 2)),
    hints=(
        "Two numbers from the table: the best validation accuracy of the head's epochs, and the best one after it. Subtract.",
        'record["phase"] is "head" or "fine-tune"; max(... for record in history if ...) finds the best of one phase.',
        'before = max(record["val_accuracy"] for record in history if record["phase"] == "head")\nafter = max(...)\n'
        "return after - before",
    ),
)
def fine_tuning_gain(case: TwoPhases, answer: Callable[[list[dict]], float]) -> Iterator[Finding]:
    """Have the answer read one run, and compare with our own reading."""
    original, given = case.history(), case.history()
    value = answer(given)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        yield wrong_type(
            "gain", "not_a_number", value, PLAIN, "" if value is not None else "The function returns nothing: return it."
        )
        return
    right = gain(original)
    nearly = abs(value - right) <= 0.0051 and not math.isclose(value, right, abs_tol=1e-9)
    slips = (
        *_slips(original),
        *([(value, "rounded", "Do not round: a number can be rounded when it is shown.")] if nearly else []),
    )
    reason, likely = next((slip[1:] for slip in slips if math.isclose(slip[0], value, abs_tol=1e-9)), ("other_number", ""))
    yield passed_if(
        "gain", math.isclose(value, right, abs_tol=1e-9), reason,
        found=f"{value:.4f} for a run of {case.head_epochs} + {case.tuned_epochs} epochs", expected=f"{right:.4f}", likely=likely,
    )  # fmt: skip
    yield passed_if("plain", isinstance(value, float), "not_a_float", found=f"a {type(value).__name__}", expected=PLAIN)
    yield passed_if(
        "intact", given == original, "history_changed",
        found="the history that was read is not what it was", expected="a reader that changes nothing",
        likely="sort(), pop() and item assignment change the list itself: use sorted(), max() or a loop.",
    )  # fmt: skip
