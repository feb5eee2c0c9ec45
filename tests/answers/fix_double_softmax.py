"""`fix_double_softmax`: logits for the loss."""

import torch
from torch.nn.functional import nll_loss

from helpers.training.loop import train_epoch
from tests.answers import after, given
from tests.answers.train_one_epoch import loop
from tests.support.broken_programs import broken, repaired


def _loop(**parts):
    epoch = loop(**parts)

    def train(model, loader, optimizer, num_epochs):
        return [epoch(model, loader, optimizer)["loss"] for _ in range(num_epochs)]

    return train


def _records(model, loader, optimizer, num_epochs):
    return [train_epoch(model, loader, optimizer) for _ in range(num_epochs)]


RIGHT = {
    "on the model itself": repaired("fix_double_softmax"),
    "a loop of its own": _loop(),
    "log_softmax and nll_loss": _loop(loss=lambda logits, labels: nll_loss(torch.log_softmax(logits, dim=1), labels)),
}
WRONG = {
    "the broken program": (broken("fix_double_softmax"), "loss_floor", "other_numbers", "softmax_before_loss"),
    "probabilities without a logarithm": (
        _loop(loss=lambda logits, labels: nll_loss(logits.softmax(1), labels)),
        "other_steps",
        "other_numbers",
    ),
    "no step": (_loop(step=False), "nothing_moved", "loss_high", "other_numbers"),
    "made-up losses": (lambda model, loader, optimizer, num_epochs: [0.0] * num_epochs, "nothing_moved", "other_numbers"),
    "an epoch less": (given(repaired("fix_double_softmax"), num_epochs=lambda number: number - 1), "wrong_length", "other_steps"),
    "dicts": (_records, "not_a_list", "no_losses"),
    "model.train()": (
        after(torch.nn.Module.train, repaired("fix_double_softmax")),
        "statistics_moved",
        "other_numbers",
        "other_steps",
    ),
}
