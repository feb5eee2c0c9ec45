"""`fix_forgotten_block`: released, and in the optimizer."""

import torch

from helpers.training.loop import train_epoch
from tests.support.broken_programs import broken, repaired


def _groups(model, block, optimizer, lr):
    head = [p for group in optimizer.param_groups for p in group["params"]]
    return [{"params": head, "lr": optimizer.param_groups[0]["lr"]}, {"params": list(block.parameters()), "lr": lr}]


def _anew(model, block, loader, optimizer, lr):
    block.requires_grad_(True)
    optimizer = torch.optim.SGD(_groups(model, block, optimizer, lr), lr=lr)
    train_epoch(model, loader, optimizer)
    return optimizer


def _two_optimizers(model, block, loader, optimizer, lr):
    """Trains with two, and hands back one that holds all."""
    block.requires_grad_(True)
    second = torch.optim.SGD(block.parameters(), lr=lr)
    for batch in loader:
        second.zero_grad()
        train_epoch(model, [batch], optimizer)
        second.step()
    return torch.optim.SGD(_groups(model, block, optimizer, lr), lr=lr)


def _never_cleared(model, block, loader, optimizer, lr):
    block.requires_grad_(True)
    second = torch.optim.SGD(block.parameters(), lr=lr)
    for batch in loader:
        train_epoch(model, [batch], optimizer)
        second.step()
    return torch.optim.SGD(_groups(model, block, optimizer, lr), lr=lr)


def _one_rate(model, block, loader, optimizer, lr):
    block.requires_grad_(True)
    optimizer.add_param_group({"params": block.parameters()})
    train_epoch(model, loader, optimizer)
    return optimizer


def _everything_released(model, block, loader, optimizer, lr):
    model.requires_grad_(True)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    train_epoch(model, loader, optimizer)
    return optimizer


def _block_only(model, block, loader, optimizer, lr):
    block.requires_grad_(True)
    optimizer = torch.optim.SGD(block.parameters(), lr=lr)
    train_epoch(model, loader, optimizer)
    return optimizer


def _not_trained(model, block, loader, optimizer, lr):
    block.requires_grad_(True)
    return torch.optim.SGD(_groups(model, block, optimizer, lr), lr=lr)


def _train_mode(model, block, loader, optimizer, lr):
    return _anew(model.train(), block, loader, optimizer, lr)


def _not_returned(model, block, loader, optimizer, lr):
    _anew(model, block, loader, optimizer, lr)


RIGHT = {"add_param_group": repaired("fix_forgotten_block"), "a new optimizer": _anew, "two optimizers": _two_optimizers}
WRONG = {
    "the broken program": (broken("fix_forgotten_block"), "block_stays"),
    "gradients never cleared": (_never_cleared, "gradients_pile_up"),
    "one rate for both": (_one_rate, "other_rate"),
    "everything released": (_everything_released, "frozen_moved"),
    "the head left out": (_block_only, "not_all_held"),
    "not trained": (_not_trained, "nothing_moved"),
    "model.train()": (_train_mode, "statistics_moved"),
    "nothing returned": (_not_returned, "not_all_held"),
}
