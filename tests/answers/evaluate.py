"""`evaluate`: the same numbers in eval mode, and no trace left."""

import copy

import torch
from torch.nn.functional import cross_entropy

from helpers.training.loop import in_eval_mode
from tests.answers import after, as_tuple, changed, followed_by, given, in_percent, mean_of


def _measure(model, loader):
    total, correct, samples = 0.0, 0, 0
    for images, labels in loader:
        logits = model(images)
        total += cross_entropy(logits, labels, reduction="sum").item()
        correct += (logits.argmax(dim=1) == labels).sum().item()
        samples += len(labels)
    return {"loss": total / samples, "accuracy": correct / samples}


def _each_mode(model, loader):
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    with torch.no_grad():
        found = _measure(model, loader)
    for module, training in modes:
        module.training = training
    return found


def _on_a_copy(model, loader):
    with torch.no_grad():
        return _measure(copy.deepcopy(model).eval(), loader)


@torch.inference_mode()
def _decorated(model, loader):
    training = {name: module.training for name, module in model.named_modules()}
    try:
        model.eval()
        return _measure(model, loader)
    finally:
        for name, module in model.named_modules():
            module.training = training[name]


@torch.no_grad()
def _no_eval(model, loader):
    return _measure(model, loader)


_stays_in_eval = after(torch.nn.Module.eval, _no_eval)


def _one_flag(model, loader):
    was_training = model.training
    found = _stays_in_eval(model, loader)
    model.train(was_training)
    return found


def _with_gradients(model, loader):
    with in_eval_mode(model):
        return _measure(model, loader)


def _means_of_means(model, loader):
    return mean_of([_each_mode(model, [batch]) for batch in loader])


RIGHT = {"each module's mode": _each_mode, "on a copy": _on_a_copy, "inference_mode and finally": _decorated}
WRONG = {
    "validation in train mode under no_grad": (_no_eval, "statistics_moved"),
    "train() afterwards": (followed_by(_stays_in_eval, torch.nn.Module.train), "mode_left"),
    "one flag for all modules": (_one_flag, "mode_left"),
    "left in eval mode": (_stays_in_eval, "mode_left"),
    "gradients recorded": (_with_gradients, "gradient_recorded"),
    "mean of batch means": (_means_of_means, "batch_means"),
    "percent": (changed(_each_mode, in_percent), "percent"),
    "last batch only": (given(_each_mode, loader=lambda loader: list(loader)[-1:]), "last_batch"),
    "a pair": (changed(_each_mode, as_tuple), "not_the_dict"),
}
