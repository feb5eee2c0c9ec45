"""`fine_tune`: released weights learn at a low rate, the best epoch's are kept."""

import copy

import torch
from torch import nn

from helpers.training.loop import measure, set_modes, train_epoch
from tests.answers import after, in_percent, thaw


def _record(epoch, lr, train, val):
    return {
        "epoch": epoch, "lr": lr,
        "train_loss": train["loss"], "train_accuracy": train["accuracy"],
        "val_loss": val["loss"], "val_accuracy": val["accuracy"],
    }  # fmt: skip


def _loop(
    modes=set_modes, make=torch.optim.Adam, keep=copy.deepcopy, restore=True, first=1, better=None, records=_record, chosen=None
):
    """A fine_tune put together from parts, so that each wrong answer differs from a right one in a single place."""
    better = better or (lambda record, best: best is None or record["val_accuracy"] > best["val_accuracy"])
    chosen = chosen or (lambda model: [p for p in model.parameters() if p.requires_grad])

    def fine_tune(model, train_loader, val_loader, num_epochs=10, lr=1e-4):
        optimizer = make(chosen(model), lr=lr)
        history, best, weights = [], None, None
        for epoch in range(first, first + num_epochs):
            modes(model)
            record = records(epoch, lr, train_epoch(model, train_loader, optimizer), measure(model, val_loader))
            history.append(record)
            if better(record, best):
                best, weights = record, keep(model.state_dict())
        if restore:
            model.load_state_dict(weights)
        return history

    return fine_tune


def _by_hand(model, train_loader, val_loader, num_epochs=10, lr=1e-4):
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=lr, momentum=0.9)
    history, snapshots = [], []
    for epoch in range(1, num_epochs + 1):
        model.eval()
        total = correct = samples = 0
        for images, labels in train_loader:
            optimizer.zero_grad()
            logits = model(images)
            loss = nn.functional.cross_entropy(logits, labels)
            loss.backward()
            optimizer.step()
            total, correct = total + loss.item() * len(labels), correct + (logits.argmax(1) == labels).sum().item()
            samples += len(labels)
        history.append(_record(epoch, lr, {"loss": total / samples, "accuracy": correct / samples}, measure(model, val_loader)))
        snapshots.append([p.detach().clone() for p in model.parameters()])
    best = max(range(num_epochs), key=lambda index: (history[index]["val_accuracy"], -history[index]["val_loss"]))
    with torch.no_grad():
        for parameter, kept in zip(model.parameters(), snapshots[best], strict=True):
            parameter.copy_(kept)
    return history


def _discriminative(parameters, lr):
    *blocks, weight, bias = parameters
    return torch.optim.AdamW([{"params": [weight, bias], "lr": lr}, {"params": blocks, "lr": lr / 3}], weight_decay=0.01)


def _percent(epoch, lr, train, val):
    return _record(epoch, lr, train, in_percent(val))


def _no_lr(epoch, lr, train, val):
    return {key: value for key, value in _record(epoch, lr, train, val).items() if key != "lr"}


def _nothing_kept(model, train_loader, val_loader, num_epochs=10, lr=1e-4):
    before = copy.deepcopy(model.state_dict())
    history = _loop()(model, train_loader, val_loader, num_epochs, lr)
    model.load_state_dict(before)
    return history


def _first_epoch_only(model, train_loader, val_loader, num_epochs=10, lr=1e-4):
    return _loop()(model, train_loader, val_loader, 1, lr)


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
    "only the head in the optimizer": (_loop(chosen=lambda model: list(model.parameters())[-2:]), "released_not_moved"),
    "everything released": (after(thaw, _loop()), "frozen_moved"),
    "a rate of its own": (_loop(make=lambda parameters, lr: torch.optim.Adam(parameters)), "rate_ignored"),
    "lowest accuracy kept": (_loop(better=lambda r, b: b is None or r["val_accuracy"] < b["val_accuracy"]), "other_epoch"),
    "epochs from 0": (_loop(first=0), "wrong_epochs"),
    "accuracy in percent": (_loop(records=_percent), "not_finite"),
    "records without lr": (_loop(records=_no_lr), "missing_key"),
    "starting weights put back": (_nothing_kept, "nothing_moved"),
    "one epoch": (_first_epoch_only, "wrong_length"),
}
