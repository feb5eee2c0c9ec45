"""`fine_tuning_gain`: best validation accuracy after the release, minus the best before it."""

import torch

from tests.answers import changed, followed_by


def _best(history, phase, column="val_accuracy"):
    return max(record[column] for record in history if record["phase"] == phase)


def _two_maxima(history):
    return _best(history, "fine-tune") - _best(history, "head")


def _loop(history):
    best = {"head": 0.0, "fine-tune": 0.0}
    for record in history:
        best[record["phase"]] = max(best[record["phase"]], record["val_accuracy"])
    return best["fine-tune"] - best["head"]


def _sorted(history):
    tuned = sorted(record["val_accuracy"] for record in history if record["phase"] != "head")
    head = sorted(record["val_accuracy"] for record in history if record["phase"] == "head")
    return tuned[-1] - head[-1]


def _training(history):
    return _best(history, "fine-tune", "train_accuracy") - _best(history, "head", "train_accuracy")


def _last_of_each(history):
    last = {record["phase"]: record["val_accuracy"] for record in history}
    return last["fine-tune"] - last["head"]


def _whole_run(history):
    values = [record["val_accuracy"] for record in history]
    return max(values) - min(values)


def _five_head_epochs(history):
    return max(r["val_accuracy"] for r in history[5:]) - max(r["val_accuracy"] for r in history[:5])


RIGHT = {"two maxima": _two_maxima, "loop": _loop, "sorted": _sorted}
WRONG = {
    "training accuracy": (_training, "training_accuracy"),
    "last epochs": (_last_of_each, "last_epochs"),
    "last minus first": (lambda history: history[-1]["val_accuracy"] - history[0]["val_accuracy"], "last_minus_first"),
    "sign swapped": (changed(_two_maxima, lambda value: -value), "sign_swapped"),
    "in per cent": (changed(_two_maxima, lambda value: 100 * value), "in_percent"),
    "rounded": (changed(_two_maxima, lambda value: round(value, 2)), "rounded"),
    "the whole run": (_whole_run, "phases_ignored"),
    "five epochs, always": (_five_head_epochs, "phase_by_number"),
    "printed, not returned": (changed(_two_maxima, lambda value: None), "not_a_number"),
    "a tensor": (changed(_two_maxima, torch.tensor), "not_a_number"),
    "a word": (changed(_two_maxima, "{:.2f}".format), "not_a_number"),
    "the best accuracy alone": (lambda history: _best(history, "fine-tune"), "other_number"),
    "empties the history": (followed_by(_two_maxima, list.clear), "history_changed"),
}
