"""`read_trace`: best epoch, start of fine-tuning, gap, overfitting."""

from itertools import pairwise
from operator import itemgetter

import numpy as np

from helpers.training.history import History
from tests.answers import as_tuple, changed, followed_by

RISE = 1.05


def _best(history):
    return max(history, key=lambda record: (record["val_accuracy"], -record["val_loss"]))


def _falls(history):
    return [after["epoch"] for before, after in pairwise(history) if after["lr"] < before["lr"]]


def _began(history):
    return min(_falls(history), default=None)


def _gap(history):
    return _best(history)["train_accuracy"] - _best(history)["val_accuracy"]


def _overfits(history, rise=RISE):
    lowest, last = _lowest(history), history[-1]
    return last["train_loss"] < lowest["train_loss"] and last["val_loss"] > rise * lowest["val_loss"]


def _reader(best=lambda h: _best(h)["epoch"], began=_began, gap=_gap, overfits=_overfits):
    """A read_trace put together from parts, so that each wrong answer differs from a right one in a single place."""

    def read_trace(history):
        return {
            "best_epoch": best(history),
            "fine_tuning_began": began(history),
            "generalisation_gap": gap(history),
            "overfits": overfits(history),
        }

    return read_trace


def _one_pass(history):
    best = lowest = previous = history[0]
    began = None
    for record in history[1:]:
        higher = record["val_accuracy"] > best["val_accuracy"]
        equal = record["val_accuracy"] == best["val_accuracy"]
        if higher or (equal and record["val_loss"] < best["val_loss"]):
            best = record
        if record["val_loss"] < lowest["val_loss"]:
            lowest = record
        if began is None and record["lr"] < previous["lr"]:
            began = record["epoch"]
        previous = record
    rises = previous["val_loss"] / lowest["val_loss"] - 1 > 0.05
    return {
        "overfits": rises and previous["train_loss"] < lowest["train_loss"],
        "generalisation_gap": best["train_accuracy"] - best["val_accuracy"],
        "fine_tuning_began": began,
        "best_epoch": best["epoch"],
    }


def _with_numpy(history):
    column = {key: np.array([record[key] for record in history]) for key in history[0]}
    best = np.lexsort((column["val_loss"], -column["val_accuracy"]))[0]
    falls = np.flatnonzero(np.diff(column["lr"]) < 0)
    low = column["val_loss"].argmin()
    worse = column["val_loss"][-1] > RISE * column["val_loss"][low]
    return {
        "best_epoch": int(column["epoch"][best]),
        "fine_tuning_began": int(column["epoch"][falls[0] + 1]) if len(falls) else None,
        "generalisation_gap": float(column["train_accuracy"][best] - column["val_accuracy"][best]),
        "overfits": bool(worse and column["train_loss"][-1] < column["train_loss"][low]),
    }


def _with_the_workshop(history):
    best = History.of(history).best
    rates = [record["lr"] for record in history]
    falls = [number + 1 for number in range(1, len(rates)) if rates[number] < rates[number - 1]]
    lowest = sorted(history, key=lambda record: record["val_loss"])[0]
    end = history[-1]
    return {
        "best_epoch": best["epoch"],
        "fine_tuning_began": min(falls, default=None),
        "generalisation_gap": best["train_accuracy"] - best["val_accuracy"],
        "overfits": all([end["val_loss"] > RISE * lowest["val_loss"], end["train_loss"] < lowest["train_loss"]]),
    }


def _british_or_not(reading):
    return {key.replace("generalisation", "generalization"): value for key, value in reading.items()}


def _any_change(history):
    return next((b["epoch"] for a, b in pairwise(history) if a["lr"] != b["lr"]), None)


def _lowest(history):
    return min(history, key=itemgetter("val_loss"))


RIGHT = {
    "four small functions": _reader(),
    "one pass": _one_pass,
    "numpy, made plain": _with_numpy,
    "the workshop's History": _with_the_workshop,
}
WRONG = {
    "the last epoch is best": (_reader(best=lambda h: h[-1]["epoch"]), "last_epoch"),
    "the lowest loss is best": (_reader(best=lambda h: _lowest(h)["epoch"]), "lowest_loss"),
    "best on the training images": (
        _reader(best=lambda h: max(h, key=itemgetter("train_accuracy"))["epoch"]),
        "best_on_training",
    ),
    "the first of equals": (_reader(best=lambda h: max(h, key=itemgetter("val_accuracy"))["epoch"]), "first_of_equals"),
    "place in the list": (_reader(best=lambda h: h.index(_best(h))), "counted_from_0"),
    "always six": (_reader(began=lambda h: 6), "always_6"),
    "one too early": (_reader(began=lambda h: _began(h) and _began(h) - 1), "counted_from_0"),
    "any change of the rate": (_reader(began=_any_change), "any_change"),
    "the last fall": (_reader(began=lambda h: max(_falls(h), default=None)), "last_fall"),
    "the lowest rate": (_reader(began=lambda h: min(h, key=itemgetter("lr"))["epoch"]), "lowest_rate"),
    "0 where there is none": (_reader(began=lambda h: _began(h) or 0), "not_none"),
    "gap with its sign swapped": (_reader(gap=lambda h: -_gap(h)), "sign_swapped"),
    "gap at the last epoch": (_reader(gap=lambda h: h[-1]["train_accuracy"] - h[-1]["val_accuracy"]), "gap_at_last_epoch"),
    "gap of the losses": (_reader(gap=lambda h: _best(h)["val_loss"] - _best(h)["train_loss"]), "gap_of_losses"),
    "gap without its sign": (_reader(gap=lambda h: abs(_gap(h))), "absolute_gap"),
    "gap rounded": (_reader(gap=lambda h: round(_gap(h), 2)), "gap_rounded"),
    "always overfits": (_reader(overfits=lambda h: True), "always_true"),
    "never overfits": (_reader(overfits=lambda h: False), "always_false"),
    "overfits by accuracy": (_reader(overfits=lambda h: h[-1]["val_accuracy"] < _best(h)["val_accuracy"]), "by_accuracy"),
    "any rise is overfitting": (_reader(overfits=lambda h: _overfits(h, rise=1)), "any_rise"),
    "training not asked": (_reader(overfits=lambda h: h[-1]["val_loss"] > RISE * _lowest(h)["val_loss"]), "training_ignored"),
    "in words": (_reader(overfits=lambda h: "yes" if _overfits(h) else "no"), "misread", "not_plain"),
    "sorts the history": (
        followed_by(_reader(), lambda history: history.sort(key=itemgetter("val_accuracy"))),
        "history_changed",
    ),
    "writes into a record": (
        followed_by(_reader(), lambda history: history[-1].update(best=_best(history)["epoch"])),
        "history_changed",
    ),
    "numpy's numbers": (_reader(gap=lambda h: np.float64(_gap(h))), "not_plain"),
    "a tuple": (changed(_reader(), as_tuple), "not_a_dict"),
    "a fifth key": (changed(_reader(), lambda reading: {**reading, "last_epoch": reading["best_epoch"]}), "other_keys"),
    "a key spelt otherwise": (changed(_reader(), _british_or_not), "missing_key", "other_keys"),
}
