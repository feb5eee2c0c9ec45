"""`fix_validation_mode`: look, and leave no trace."""

import copy

import torch
from torch.nn.functional import cross_entropy

from helpers.training.loop import in_eval_mode, measure
from tests.answers import after, changed, followed_by, given
from tests.support.broken_programs import broken, repaired

_measured = changed(measure, lambda means: means["loss"])
_left_asleep = after(torch.nn.Module.eval, broken("fix_validation_mode"))


def _statistics_put_back(model, loader):
    """No trace, but the loss is that of train mode."""
    saved = copy.deepcopy(model.state_dict())
    loss = broken("fix_validation_mode")(model, loader)
    model.load_state_dict(saved)
    return loss


def _with_gradients(model, loader):
    with in_eval_mode(model):
        losses = [loss for images, labels in loader for loss in cross_entropy(model(images), labels, reduction="none").tolist()]
    return sum(losses) / len(losses)


def _dropped(model, loader):
    return 0.0


def _batch_means(model, loader):
    losses = [measure(model, [batch])["loss"] for batch in loader]
    return sum(losses) / len(losses)


RIGHT = {
    "each module's mode": repaired("fix_validation_mode"),
    "on a copy": given(_measured, model=copy.deepcopy),
    "the workshop's measure": _measured,
}
WRONG = {
    "the broken program": (broken("fix_validation_mode"), "statistics_moved"),
    "left in eval mode": (_left_asleep, "mode_left"),
    "all in train mode afterwards": (followed_by(_left_asleep, torch.nn.Module.train), "mode_left"),
    "statistics put back": (_statistics_put_back, "train_mode"),
    "gradients recorded": (_with_gradients, "gradient_recorded"),
    "no validation at all": (_dropped, "other_mean"),
    "mean of batch means": (_batch_means, "other_mean"),
    "a tensor": (changed(_measured, torch.tensor), "not_plain"),
}
