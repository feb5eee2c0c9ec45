"""`fine_tune`: released weights learn at a low rate, the best epoch's are kept."""

import copy

import torch

from helpers.training.loop import measure, set_modes, train_epoch
from tests.answers import (
    after,
    changed,
    followed_by,
    given,
    head_of,
    in_percent,
    put_back,
    switching_gradients_off,
    thaw,
    unfrozen,
)
from tests.answers.head_history import epochs_from_zero
from tests.answers.train_one_epoch import by_hand


def record(epoch, lr, train, val):
    """One epoch of a history, of what was found on the training and on the validation images."""
    parts = {"train": train, "val": val}
    return {"epoch": epoch, "lr": lr} | {f"{part}_{key}": value for part, means in parts.items() for key, value in means.items()}


def _loop(modes=set_modes, make=torch.optim.Adam, keep=copy.deepcopy, restore=True, better=None, records=record, chosen=unfrozen):
    """A fine_tune put together from parts, so that each wrong answer differs from a right one in a single place."""
    better = better or (lambda record, best: best is None or record["val_accuracy"] > best["val_accuracy"])

    def fine_tune(model, train_loader, val_loader, num_epochs=10, lr=1e-4):
        optimizer = make(chosen(model), lr=lr)
        history, best, weights = [], None, None
        for epoch in range(1, num_epochs + 1):
            modes(model)
            history.append(records(epoch, lr, train_epoch(model, train_loader, optimizer), measure(model, val_loader)))
            if better(history[-1], best):
                best, weights = history[-1], keep(model.state_dict())
        if restore:
            model.load_state_dict(weights)
        return history

    return fine_tune


def _by_hand(model, train_loader, val_loader, num_epochs=10, lr=1e-4):
    optimizer = torch.optim.SGD(unfrozen(model), lr=lr, momentum=0.9)
    history, snapshots = [], []
    for epoch in range(1, num_epochs + 1):
        model.eval()
        history.append(record(epoch, lr, by_hand(model, train_loader, optimizer), measure(model, val_loader)))
        snapshots.append([p.detach().clone() for p in model.parameters()])
    best = max(range(num_epochs), key=lambda index: (history[index]["val_accuracy"], -history[index]["val_loss"]))
    with torch.no_grad():
        for parameter, kept in zip(model.parameters(), snapshots[best], strict=True):
            parameter.copy_(kept)
    return history


def _discriminative(parameters, lr):
    *blocks, weight, bias = parameters
    return torch.optim.AdamW([{"params": [weight, bias], "lr": lr}, {"params": blocks, "lr": lr / 3}], weight_decay=0.01)


def _tenth(epoch, lr, train, val):
    return {**record(epoch, lr, train, val), "lr": lr / 10}


def _no_lr(epoch, lr, train, val):
    return {key: value for key, value in record(epoch, lr, train, val).items() if key != "lr"}


def made_up(history, num_epochs):
    """A history of one epoch with more records behind it, each a little worse."""
    (first,) = history
    worse = {"val_accuracy": 0.9 * first["val_accuracy"]}
    return [first, *({**first, "epoch": n, "val_loss": first["val_loss"] + 0.05 * n, **worse} for n in range(2, num_epochs + 1))]


def _one_epoch(model, train_loader, val_loader, num_epochs=10, lr=1e-4):
    return made_up(_loop()(model, train_loader, val_loader, 1, lr), num_epochs)


RIGHT = {
    "Adam and deepcopy": _loop(),
    "by hand, SGD, later of equal epochs by loss": _by_hand,
    "AdamW with two rates": _loop(make=_discriminative),
    "copies tensor by tensor": _loop(keep=lambda state: {key: tensor.clone() for key, tensor in state.items()}),
}
WRONG = {
    "best = model.state_dict() is live": (_loop(keep=lambda state: state), "last_weights"),
    "a shallow copy of the dict": (_loop(keep=dict), "last_weights"),
    "never restored": (_loop(restore=False), "last_weights"),
    "model.train() each epoch": (_loop(modes=lambda model: model.train()), "statistics_moved"),
    "only the head in the optimizer": (_loop(chosen=head_of), "only_head_moved"),
    "everything released": (after(thaw, _loop()), "frozen_moved", "flags_changed"),
    "a rate of its own": (_loop(make=lambda parameters, lr: torch.optim.Adam(parameters)), "rate_ignored"),
    "lowest accuracy kept": (_loop(better=lambda r, b: b is None or r["val_accuracy"] < b["val_accuracy"]), "other_epoch"),
    "epochs from 0": (changed(_loop(), epochs_from_zero), "wrong_epochs", "no_records"),
    "accuracy in percent": (
        _loop(records=lambda epoch, lr, train, val: record(epoch, lr, train, in_percent(val))),
        "not_finite",
        "no_records",
    ),
    "records without lr": (_loop(records=_no_lr), "missing_key", "no_records"),
    "starting weights put back": (put_back(_loop()), "nothing_moved", "other_steps", "record_disagrees"),
    "nothing returned": (changed(_loop(), lambda history: None), "not_a_list", "no_records"),
    "a copy is trained": (given(_loop(), model=copy.deepcopy), "nothing_moved", "record_disagrees", "other_steps"),
    "releases all at the end": (followed_by(_loop(), thaw), "flags_changed"),
    "best by training accuracy": (
        _loop(better=lambda r, b: b is None or r["train_accuracy"] >= b["train_accuracy"]),
        "last_weights",
    ),
    "a tenth of the rate written down": (_loop(records=_tenth), "wrong_rate"),
    "gradients switched off for good": (switching_gradients_off(_loop()), "left_switched"),
    "one epoch, and the other records made up": (_one_epoch, "made_up"),
    "one epoch": (given(_loop(), num_epochs=lambda number: 1), "wrong_length", "no_records"),
}
