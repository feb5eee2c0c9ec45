"""`evaluate`: the same numbers in eval mode, and no trace left."""

import copy

import torch
from torch.nn.functional import cross_entropy

from tests.answers import after, as_tuple, batch_by_batch, changed, followed_by, given, in_percent, quietly


def _measure(model, loader):
    total, correct, samples = 0.0, 0, 0
    for images, labels in loader:
        logits = model(images)
        total += cross_entropy(logits, labels, reduction="sum").item()
        correct += (logits.argmax(dim=1) == labels).sum().item()
        samples += len(labels)
    return {"loss": total / samples, "accuracy": correct / samples}


@torch.inference_mode()
def _decorated(model, loader):
    training = {name: module.training for name, module in model.named_modules()}
    try:
        model.eval()
        return _measure(model, loader)
    finally:
        for name, module in model.named_modules():
            module.training = training[name]


_each_mode = quietly(_measure)
no_eval = torch.no_grad()(_measure)
_stays_in_eval = after(torch.nn.Module.eval, no_eval)


def _one_flag(model, loader):
    was_training = model.training
    found = _stays_in_eval(model, loader)
    model.train(was_training)
    return found


RIGHT = {
    "each module's mode": _each_mode,
    "on a copy": given(_stays_in_eval, model=copy.deepcopy),
    "inference_mode and finally": _decorated,
}
WRONG = {
    "validation in train mode under no_grad": (no_eval, "statistics_moved"),
    "train() afterwards": (followed_by(_stays_in_eval, torch.nn.Module.train), "mode_left"),
    "one flag for all modules": (_one_flag, "mode_left"),
    "left in eval mode": (_stays_in_eval, "mode_left"),
    "gradients recorded": (quietly(_measure, gradients=True), "gradient_recorded"),
    "mean of batch means": (batch_by_batch(_each_mode), "batch_means"),
    "percent": (changed(_each_mode, in_percent), "percent"),
    "last batch only": (given(_each_mode, loader=lambda loader: list(loader)[-1:]), "last_batch"),
    "a pair": (changed(_each_mode, as_tuple), "not_the_dict"),
}
