"""What is to be seen in a training run, epoch by epoch, by stated rules: the last column of a History's table.

Each epoch is compared with the one before it, in five steps. The words say what the four numbers did, never why.

1. Where it stands. ``start``; where the phase changes from ``"head"`` to another one, ``released``, from one of these to the
   next, ``next phase``; where only the rate changes, by `RATE_JUMP` or more, ``lower rate`` or ``higher rate``.
2. Validation loss and accuracy, each: better, worse, or within `LOSS_STEP` and `ACCURACY_STEP`. One or both better is a gain, a
   big one from `BIG_LOSS_STEP` or `BIG_ACCURACY_STEP` on, and one or both worse a ``dip``, but only where the other does not go
   the other way, by however little. Where they part it is said as it is, ``a little`` within a step.
3. A gain: ``head learns`` in the head's phase, ``fine-tuning improves`` in a phase after it, ``learns`` elsewhere; but
   ``recovers`` if the run had both a better accuracy and a lower loss before. In a phase that had a big gain, a small one
   ``flattens``. Neither gain nor dip is ``flat``. A dip while the training loss rises by more than `BIG_LOSS_STEP`, and the
   training images are not memorised, is ``training and validation worse``.
4. ``memorises``: at least `MEMORISED` of the training images are right, of the validation images at least `GAP` fewer.
5. ``overfits``, of the last epoch only, as lesson 07 defines it: since the lowest validation loss the training loss has fallen,
   and the validation loss has risen by more than 5 %. Validation accuracy may rise all the same.

Why these numbers: of the course's 500 validation images, accuracies near 0.85 have a standard error of 0.016, so that less
than `ACCURACY_STEP` says nothing; validation loss falls by 12 to 26 % an epoch where the recorded run A is steep, and by
0.2 to 0.3 % where run D is level (`helpers/training/recorded/histories.json`).
"""

import math
from collections.abc import Mapping, Sequence

LOSS_STEP, BIG_LOSS_STEP = 0.02, 0.10  # relative to the epoch before
ACCURACY_STEP, BIG_ACCURACY_STEP = 0.01, 0.03
MEMORISED, GAP = 0.99, 0.05
RATE_JUMP = 3.0  # a schedule's steps are smaller
RISE = 1.05  # lesson 07: overfitting is a validation loss more than 5 % above its lowest
HEAD = "head"  # what phases in which only the final layer learns are called
NUMBERS = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")
DIGITS = 9  # what differs by less is equal: a step of 0.01 counts, whatever its last bits

BIG, SMALL, LEVEL, DIP = "big gain", "small gain", "level", "dip"


def observe(records: Sequence[Mapping]) -> list[str]:
    """What is to be seen in each epoch, in a few words: one str a record.

    Args:
        records: dicts with the keys of `helpers.training.history.KEYS`, ``phase`` where there is one.
    """
    said, courses = [], []
    for place, record in enumerate(records):
        before = records[place - 1] if place else None
        stand, course = _stand(before, record), _course(before, record)
        courses = [] if stand else courses  # those of this phase
        words = ": ".join(part for part in (stand, _words(record, records[:place], course, courses)) if part)
        said.append(words + ("; memorises" if _memorises(record) else ""))
        courses.append(course)
    if records and all(map(_finite, records)) and overfits(records):
        over = records[-1]["val_loss"] / min(record["val_loss"] for record in records) - 1
        said[-1] += f"; overfits: loss {100 * over:.0f} % above its lowest"
    return said


def overfits(records: Sequence[Mapping]) -> bool:
    """Lesson 07's rule: since the lowest validation loss training improved further, and validation got worse by more than 5 %."""
    lowest, last = min(records, key=lambda record: record["val_loss"]), records[-1]
    return last["train_loss"] < lowest["train_loss"] and last["val_loss"] > RISE * lowest["val_loss"]


def _stand(before: Mapping | None, record: Mapping) -> str:
    """Where in the run this epoch stands; empty in the middle of a phase."""
    if before is None:
        return "start"
    was, now = before.get("phase"), record.get("phase")
    if was != now:
        return "released" if was == HEAD else "next phase"
    rates = before["lr"], record["lr"]
    return "" if _ratio(max(rates), min(rates)) < RATE_JUMP else "lower rate" if rates[1] < rates[0] else "higher rate"


def _course(before: Mapping | None, record: Mapping) -> str:
    """One of `BIG`, `SMALL`, `LEVEL` and `DIP`, or how loss and accuracy part; empty with nothing to compare."""
    if before is None or not (_finite(before) and _finite(record)):
        return ""
    gain = round(record["val_accuracy"] - before["val_accuracy"], DIGITS)
    fall = round(1 - _ratio(record["val_loss"], before["val_loss"]), DIGITS)
    far = abs(fall) >= LOSS_STEP, abs(gain) >= ACCURACY_STEP
    if not any(far):
        return LEVEL
    if fall * gain < 0:  # the one better and the other worse: no gain, and no dip
        loss, accuracy = ("better", "worse") if fall > 0 else ("worse", "better")
        return f"loss {_little(far[0])}{loss}, accuracy {_little(far[1])}{accuracy}"
    if max(fall, gain) > 0:
        return BIG if fall >= BIG_LOSS_STEP or gain >= BIG_ACCURACY_STEP else SMALL
    return DIP


def _little(far: bool) -> str:
    return "" if far else "a little "


def _words(record: Mapping, earlier: Sequence[Mapping], course: str, courses: Sequence[str]) -> str:
    """The course in words; `courses` are those of the phase so far. Empty where there is nothing to compare."""
    if not _finite(record):
        return "not a number"
    if course == DIP:
        worse = _ratio(record["train_loss"], earlier[-1]["train_loss"]) > 1 + BIG_LOSS_STEP
        return "training and validation worse" if worse and record["train_accuracy"] < MEMORISED else "dip"
    if course not in (BIG, SMALL):
        return "flat" if course == LEVEL else course
    if not _is_best_yet(record, earlier):
        return "recovers"
    if course == SMALL and BIG in courses:
        return "flattens"
    return _learner(record, earlier) + (" a little" if course == SMALL else "")


def _is_best_yet(record: Mapping, earlier: Sequence[Mapping]) -> bool:
    """Whether accuracy or loss is as good as it ever was in the run."""
    highest = not any(r["val_accuracy"] > record["val_accuracy"] for r in earlier)
    return highest or not any(r["val_loss"] < record["val_loss"] for r in earlier)


def _learner(record: Mapping, earlier: Sequence[Mapping]) -> str:
    """A gain, in the words of the phase."""
    phase = record.get("phase")
    if phase == HEAD:
        return "head learns"
    after_head = phase is not None and any(r.get("phase") == HEAD for r in earlier)
    return "fine-tuning improves" if after_head else "learns"


def _memorises(record: Mapping) -> bool:
    gap = round(record["train_accuracy"] - record["val_accuracy"], DIGITS)
    return record["train_accuracy"] >= MEMORISED and gap >= GAP


def _ratio(value: float, other: float) -> float:
    """How many times the other one it is: 1 if both are 0."""
    if other == 0:
        return 1.0 if value == 0 else math.inf
    return round(value / other, DIGITS)


def _finite(record: Mapping) -> bool:
    return all(math.isfinite(record[key]) for key in NUMBERS)
