"""`fix_validation_mode`: look, and leave no trace."""

import copy

import torch
from torch.nn.functional import cross_entropy

from helpers.training.loop import in_eval_mode, measure
from tests.answers import after, batch_by_batch, changed, followed_by, given, put_back
from tests.support.broken_programs import broken, repaired


def _loss(means):
    return means["loss"]


_measured = changed(measure, _loss)
_left_asleep = after(torch.nn.Module.eval, broken("fix_validation_mode"))


def _with_gradients(model, loader):
    with in_eval_mode(model):
        losses = [loss for images, labels in loader for loss in cross_entropy(model(images), labels, reduction="none").tolist()]
    return sum(losses) / len(losses)


RIGHT = {
    "each module's mode": repaired("fix_validation_mode"),
    "on a copy": given(_measured, model=copy.deepcopy),
    "the workshop's measure": _measured,
}
WRONG = {
    "the broken program": (broken("fix_validation_mode"), "statistics_moved", "train_mode"),
    "left in eval mode": (_left_asleep, "mode_left"),
    "all in train mode afterwards": (followed_by(_left_asleep, torch.nn.Module.train), "mode_left"),
    # No trace, but the loss is that of train mode.
    "statistics put back": (put_back(broken("fix_validation_mode")), "train_mode"),
    "gradients recorded": (_with_gradients, "gradient_recorded"),
    "no validation at all": (lambda model, loader: 0.0, "other_mean", "model_changed"),
    "mean of batch means": (changed(batch_by_batch(measure), _loss), "other_mean"),
    "a tensor": (changed(_measured, torch.tensor), "not_plain"),
}
