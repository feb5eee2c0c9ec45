"""`fix_best_weights`: a picture of the best moment, not a window."""

import copy
import io

import torch

from helpers.training.loop import measure, train_epoch
from tests.support.broken_programs import broken, repaired


def _keeping(keep, *, is_best=lambda losses: losses[-1] == min(losses), put_back=True):
    def train(model, train_loader, val_loader, optimizer, num_epochs):
        losses, best = [], None
        for _ in range(num_epochs):
            train_epoch(model, train_loader, optimizer)
            losses.append(measure(model, val_loader)["loss"])
            if is_best(losses):
                best = keep(model)
        if put_back:
            model.load_state_dict(best)
        return losses

    return train


def _saved(model):
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def _cloned(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def _stops_early(model, train_loader, val_loader, optimizer, num_epochs):
    losses = [float("inf")]
    for _ in range(num_epochs):
        best = _cloned(model)
        train_epoch(model, train_loader, optimizer)
        losses.append(measure(model, val_loader)["loss"])
        if losses[-1] > losses[-2]:
            model.load_state_dict(best)
            break
    return losses[1:]


def _untrained(model, train_loader, val_loader, optimizer, num_epochs):
    return [measure(model, val_loader)["loss"]] * num_epochs


RIGHT = {"deepcopy": repaired("fix_best_weights"), "clones": _keeping(_cloned), "saved and loaded": _keeping(_saved)}
WRONG = {
    "the broken program": (broken("fix_best_weights"), "last_weights"),
    "a shallow copy": (_keeping(lambda model: copy.copy(model.state_dict())), "last_weights"),
    "a new dict of the same tensors": (_keeping(lambda model: dict(model.state_dict())), "last_weights"),
    "the first epoch's": (_keeping(_cloned, is_best=lambda losses: len(losses) == 1), "other_epoch"),
    "stops at the first rise": (_stops_early, "not_trained_through", "wrong_length"),
    "never put back": (_keeping(_cloned, put_back=False), "last_weights"),
    "no training": (_untrained, "no_epochs_weights", "not_trained_through", "other_numbers"),
}
