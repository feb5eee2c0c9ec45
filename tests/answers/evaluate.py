"""`evaluate`: the same numbers in eval mode, and no trace left."""

import copy

import torch
from torch.nn.functional import cross_entropy

from helpers.training.loop import in_eval_mode
from tests.answers import after, as_tuple, batch_by_batch, changed, followed_by, given, in_percent, quietly


def _in_eval_mode(answer):
    def measured(model, loader):
        with in_eval_mode(model):
            return answer(model, loader)

    return measured


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
_each_mode_recording = _in_eval_mode(_measure)
no_eval = torch.no_grad()(_measure)
_stays_in_eval = after(torch.nn.Module.eval, no_eval)


def _one_flag(model, loader):
    was_training = model.training
    found = _stays_in_eval(model, loader)
    model.train(was_training)
    return found


def _switched_off(model, loader):
    torch.set_grad_enabled(False)
    return _each_mode_recording(model, loader)


def _own_flag(model, loader):
    model.training = False
    found = no_eval(model, loader)
    model.training = True
    return found


RIGHT = {
    "each module's mode": _each_mode,
    "on a copy": given(_stays_in_eval, model=copy.deepcopy),
    "inference_mode and finally": _decorated,
}
WRONG = {
    "validation in train mode under no_grad": (no_eval, "statistics_moved", "train_mode"),
    "train() afterwards": (followed_by(_stays_in_eval, torch.nn.Module.train), "mode_left"),
    "one flag for all modules": (_one_flag, "mode_left"),
    "left in eval mode": (_stays_in_eval, "mode_left"),
    "gradients recorded": (quietly(_measure, gradients=True), "gradient_recorded"),
    "mean of batch means": (batch_by_batch(_each_mode), "batch_means"),
    "percent": (changed(_each_mode, in_percent), "percent"),
    "last batch only": (given(_each_mode, loader=lambda loader: list(loader)[-1:]), "last_batch", "not_measured"),
    "a pair": (changed(_each_mode, as_tuple), "not_the_dict", "not_measured"),
    "printed, not returned": (changed(_each_mode, print), "nothing_returned", "not_measured"),
    "other keys": (changed(_each_mode, lambda means: {"loss": means["loss"], "acc": means["accuracy"]}), "not_the_dict"),
    "sums": (changed(_each_mode, lambda means: {key: 14.0 * value for key, value in means.items()}), "other_mean", "not_divided"),
    "gradients switched off for good": (_switched_off, "left_switched"),
    "the model's own flag alone": (_own_flag, "train_mode", "statistics_moved"),
}
