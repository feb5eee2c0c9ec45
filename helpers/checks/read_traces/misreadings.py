"""Four readings of a training trace: what they are, and the ways in which each is commonly misread.

Every misreading is a function of a history, as the truth is: so a check can say which of them gives exactly an answer's numbers.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import combinations, pairwise
from operator import itemgetter
from typing import Any

from helpers.training.history import rank
from helpers.training.observations import RISE, overfits

Records = Sequence[Mapping[str, Any]]
Reading = Callable[[Records], Any]

# Either side of a border may be right with another rounding, so no problem lies this near to one (relative).
MARGIN = 0.005
CLOSE = 1e-6  # histories are kept to six decimals
# Records of a history: the one with the lowest validation loss, and the first with the highest accuracy.
lowest = partial(min, key=itemgetter("val_loss"))
highest = partial(max, key=itemgetter("val_accuracy"))


def best(history: Records) -> Mapping:
    """The record of the best epoch."""
    return min(history, key=rank)


def falls(history: Records) -> list[int]:
    """The epochs whose rate is lower than the one before."""
    return [now["epoch"] for before, now in pairwise(history) if now["lr"] < before["lr"]]


def gap(record: Mapping) -> float:
    """How much better a record's training images went than its validation images, in accuracy."""
    return record["train_accuracy"] - record["val_accuracy"]


TRUTH: dict[str, Reading] = {
    "best_epoch": lambda h: best(h)["epoch"],
    "fine_tuning_began": lambda h: next(iter(falls(h)), None),
    "generalisation_gap": lambda h: gap(best(h)),
    "overfits": overfits,
}


def fair(history: Records) -> bool:
    """Whether no reading of the history hangs on a rounding, or on which of two equal epochs comes first."""
    low, end = lowest(history), history[-1]
    losses = sorted(record["val_loss"] for record in history)
    rise, fall = end["val_loss"] / low["val_loss"], end["train_loss"] / max(low["train_loss"], CLOSE)
    clear = end is low or (abs(rise - RISE) > MARGIN and abs(fall - 1) > MARGIN)
    return clear and (len(losses) == 1 or losses[1] - losses[0] > 2 * CLOSE)


EQUALS = "Several epochs share the highest val_accuracy: of these the one with the lowest val_loss counts."
# Reason code -> (the record that is taken for the best epoch's, the likely cause).
OTHER_EPOCHS: dict[str, tuple[Callable[[Records], Mapping], str]] = {
    "last_epoch": (itemgetter(-1), "This is the last epoch. The best one is often earlier: that is why its weights are kept."),
    "lowest_loss": (
        lowest,
        "This is the epoch with the lowest val_loss. The best epoch is chosen by accuracy; the loss only decides "
        "between equal ones.",
    ),
    "best_on_training": (
        partial(max, key=itemgetter("train_accuracy")),
        "This is the best epoch of the training images, which flatter. Choose by val_accuracy.",
    ),
    "lowest_train_loss": (
        partial(min, key=itemgetter("train_loss")),
        "This is the epoch with the lowest train_loss. Choose by val_accuracy.",
    ),
    "first_of_equals": (highest, EQUALS),
    "last_of_equals": (lambda h: highest(reversed(h)), EQUALS),
}
# key -> reason code -> (what is read instead, the likely cause)
MISREADINGS: dict[str, dict[str, tuple[Reading, str]]] = {
    "best_epoch": {
        "counted_from_0": (
            lambda h: best(h)["epoch"] - 1,
            'A list counts from 0, epochs count from 1: return the record\'s "epoch", not its place in the list.',
        ),
        **{reason: (lambda h, pick=pick: pick(h)["epoch"], likely) for reason, (pick, likely) in OTHER_EPOCHS.items()},
    },
    "fine_tuning_began": {
        "always_6": (
            lambda h: 6,
            "Six is our own run's. Other runs begin elsewhere, or never: compare each lr with the one before.",
        ),
        "counted_from_0": (
            lambda h: falls(h)[0] - 1 if falls(h) else None,
            "One too early: either a place in a list that counts from 0, or the last epoch before the rate falls.",
        ),
        "any_change": (
            lambda h: next((b["epoch"] for a, b in pairwise(h) if b["lr"] != a["lr"]), None),
            "A rate may rise as well, in a warm-up or by mistake. Only a lower one marks the start of fine-tuning here.",
        ),
        "below_first_rate": (
            lambda h: next((record["epoch"] for record in h if record["lr"] < h[0]["lr"]), None),
            "Compare each rate with that of the epoch before it, not with the first one: a warm-up starts low.",
        ),
        "last_fall": (lambda h: falls(h)[-1] if falls(h) else None, "The rate falls more than once. The first time counts."),
        "lowest_rate": (
            lambda h: min(h, key=itemgetter("lr"))["epoch"],
            "This is the first epoch with the lowest rate of all. Look for the first one with a lower rate than the one before.",
        ),
    },
    "generalisation_gap": {
        "sign_swapped": (lambda h: -gap(best(h)), "Training minus validation: positive where training images go better."),
        "gap_of_losses": (
            lambda h: best(h)["val_loss"] - best(h)["train_loss"],
            "This is a difference of losses. The gap is one of accuracies.",
        ),
        "absolute_gap": (lambda h: abs(gap(best(h))), "A gap can be negative: early in a run validation may lie above training."),
        "in_percent": (lambda h: 100 * gap(best(h)), "Accuracies lie in [0, 1], and so does their difference: no per cent."),
        "widest_gap": (lambda h: max(map(gap, h)), "This is the widest gap of all epochs. The best epoch's counts."),
        **{
            f"gap_at_{reason}": (lambda h, pick=pick: gap(pick(h)), f"The gap of another epoch. {likely}")
            for reason, (pick, likely) in OTHER_EPOCHS.items()
        },
    },
    "overfits": {
        "always_true": (lambda h: True, "Not every run overfits: compare the last epoch with the one of the lowest val_loss."),
        "always_false": (lambda h: False, "Some of these runs do: compare the last epoch with the one of the lowest val_loss."),
        "any_rise": (
            lambda h: h[-1]["val_loss"] > lowest(h)["val_loss"] and h[-1]["train_loss"] < lowest(h)["train_loss"],
            "A val_loss that ends a little above its lowest is noise: only a rise of more than 5 % counts.",
        ),
        "training_ignored": (
            lambda h: h[-1]["val_loss"] > RISE * lowest(h)["val_loss"],
            "val_loss rose, but train_loss rose as well: that run fell apart. Overfitting means that training still improves.",
        ),
        "by_accuracy": (
            lambda h: h[-1]["val_accuracy"] < best(h)["val_accuracy"],
            "This looks at accuracy. A model can be right as often as before and more and more sure of its mistakes: the loss "
            "shows it.",
        ),
        "by_gap": (
            lambda h: gap(best(h)) > 0.1,
            "This looks at the gap. Few images give a wide gap also where val_loss never rises.",
        ),
        "by_best_epoch": (
            lambda h: best(h)["epoch"] < h[-1]["epoch"],
            "That the best epoch is not the last one says little: compare val_loss at its lowest and at the end.",
        ),
        "loss_above_training": (
            lambda h: h[-1]["val_loss"] > h[-1]["train_loss"],
            "val_loss lies above train_loss in nearly every run. What counts is whether it has risen from its lowest.",
        ),
    },
}


def same(key: str, value: Any, right: Any) -> bool:
    """Whether a value says the same as the right one, whatever its type."""
    value = plain_number(value)
    if right is None or value is None:
        return value is right
    if isinstance(right, bool) or isinstance(value, bool):
        return value is right
    return isinstance(value, (int, float)) and abs(value - right) <= (CLOSE if key == "generalisation_gap" else 0)


def plain_number(value: Any) -> Any:
    """The plain number in a NumPy scalar or a tensor of one element; anything else as it is."""
    if isinstance(value, (bool, int, float, str)) or not hasattr(value, "item"):
        return value
    try:
        return value.item()
    except (TypeError, ValueError, RuntimeError):
        return value


def told_apart(history: Records) -> set[tuple[str, str, str]]:
    """(key, one reading, another) for each two readings of a key, the truth among them, that say different things here."""
    apart = set()
    for key, misread in MISREADINGS.items():
        values = {"truth": TRUTH[key](history)} | {reason: reading(history) for reason, (reading, _) in misread.items()}
        apart |= {(key, one, other) for one, other in combinations(values, 2) if not same(key, values[one], values[other])}
    return apart
