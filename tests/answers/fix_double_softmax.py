"""`fix_double_softmax`: logits for the loss."""

import torch
from torch.nn.functional import cross_entropy, nll_loss

from helpers.training.loop import train_epoch
from tests.answers import after
from tests.support.broken_programs import broken, repaired


def _loop(give, *, step=True):
    def train(model, loader, optimizer, num_epochs):
        losses = []
        for _ in range(num_epochs):
            total, samples = 0.0, 0
            for images, labels in loader:
                optimizer.zero_grad()
                loss = give(model(images), labels)
                loss.backward()
                if step:
                    optimizer.step()
                total, samples = total + loss.item() * len(labels), samples + len(labels)
            losses.append(total / samples)
        return losses

    return train


def _one_epoch_less(model, loader, optimizer, num_epochs):
    return repaired("fix_double_softmax")(model, loader, optimizer, num_epochs - 1)


def _zeros(model, loader, optimizer, num_epochs):
    return [0.0] * num_epochs


def _records(model, loader, optimizer, num_epochs):
    return [train_epoch(model, loader, optimizer) for _ in range(num_epochs)]


RIGHT = {
    "on the model itself": repaired("fix_double_softmax"),
    "a loop of its own": _loop(cross_entropy),
    "log_softmax and nll_loss": _loop(lambda logits, labels: nll_loss(torch.log_softmax(logits, dim=1), labels)),
}
WRONG = {
    "the broken program": (broken("fix_double_softmax"), "loss_floor"),
    "probabilities without a logarithm": (_loop(lambda logits, labels: nll_loss(logits.softmax(1), labels)), "other_steps"),
    "no step": (_loop(cross_entropy, step=False), "nothing_moved"),
    "made-up losses": (_zeros, "nothing_moved"),
    "an epoch less": (_one_epoch_less, "wrong_length"),
    "dicts": (_records, "not_a_list"),
    "model.train()": (after(torch.nn.Module.train, repaired("fix_double_softmax")), "statistics_moved"),
}
