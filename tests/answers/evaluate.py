"""`evaluate`: the same numbers in eval mode, and no trace left."""

import copy

import torch
from torch.nn.functional import cross_entropy


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


def _no_eval(model, loader):
    with torch.no_grad():
        return _measure(model, loader)


def _train_afterwards(model, loader):
    model.eval()
    with torch.no_grad():
        found = _measure(model, loader)
    model.train()
    return found


def _one_flag(model, loader):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        found = _measure(model, loader)
    model.train(was_training)
    return found


def _stays_in_eval(model, loader):
    model.eval()
    with torch.no_grad():
        return _measure(model, loader)


def _with_gradients(model, loader):
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    found = _measure(model, loader)
    for module, training in modes:
        module.training = training
    return found


def _means_of_means(model, loader):
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    with torch.no_grad():
        parts = [_measure(model, [batch]) for batch in loader]
    for module, training in modes:
        module.training = training
    return {key: sum(part[key] for part in parts) / len(parts) for key in parts[0]}


def _percent(model, loader):
    found = _each_mode(model, loader)
    return {**found, "accuracy": 100 * found["accuracy"]}


def _last_batch(model, loader):
    return _each_mode(model, list(loader)[-1:])


def _a_pair(model, loader):
    return tuple(_each_mode(model, loader).values())


RIGHT = {"each module's mode": _each_mode, "on a copy": _on_a_copy, "inference_mode and finally": _decorated}
WRONG = {
    "validation in train mode under no_grad": (_no_eval, "statistics_moved"),
    "train() afterwards": (_train_afterwards, "mode_left"),
    "one flag for all modules": (_one_flag, "mode_left"),
    "left in eval mode": (_stays_in_eval, "mode_left"),
    "gradients recorded": (_with_gradients, "gradient_recorded"),
    "mean of batch means": (_means_of_means, "batch_means"),
    "percent": (_percent, "percent"),
    "last batch only": (_last_batch, "last_batch"),
    "a pair": (_a_pair, "not_the_dict"),
}
