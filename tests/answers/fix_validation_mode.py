"""`fix_validation_mode`: look, and leave no trace."""

import copy

import torch
from torch.nn.functional import cross_entropy

from helpers.training.loop import measure
from tests.support.broken_programs import broken, repaired


def _on_a_copy(model, loader):
    return measure(copy.deepcopy(model), loader)["loss"]


def _measured(model, loader):
    return measure(model, loader)["loss"]


def _left_asleep(model, loader):
    model.eval()
    return broken("fix_validation_mode")(model, loader)


def _woken(model, loader):
    loss = _left_asleep(model, loader)
    model.train()
    return loss


def _statistics_put_back(model, loader):
    """No trace, but the loss is that of train mode."""
    saved = copy.deepcopy(model.state_dict())
    loss = broken("fix_validation_mode")(model, loader)
    model.load_state_dict(saved)
    return loss


def _with_gradients(model, loader):
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    total, samples = 0.0, 0
    for images, labels in loader:
        total += cross_entropy(model(images), labels, reduction="sum").item()
        samples += len(labels)
    for module, training in modes:
        module.training = training
    return total / samples


def _dropped(model, loader):
    return 0.0


def _batch_means(model, loader):
    losses = [measure(model, [batch])["loss"] for batch in loader]
    return sum(losses) / len(losses)


def _tensor(model, loader):
    return torch.tensor(_measured(model, loader))


RIGHT = {"each module's mode": repaired("fix_validation_mode"), "on a copy": _on_a_copy, "the workshop's measure": _measured}
WRONG = {
    "the broken program": (broken("fix_validation_mode"), "statistics_moved"),
    "left in eval mode": (_left_asleep, "mode_left"),
    "all in train mode afterwards": (_woken, "mode_left"),
    "statistics put back": (_statistics_put_back, "train_mode"),
    "gradients recorded": (_with_gradients, "gradient_recorded"),
    "no validation at all": (_dropped, "other_mean"),
    "mean of batch means": (_batch_means, "other_mean"),
    "a tensor": (_tensor, "not_plain"),
}
