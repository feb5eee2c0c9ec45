"""`fix_forgotten_block`: released, and in the optimizer."""

import torch

from helpers.training.loop import train_epoch
from tests.answers import after, changed, thaw
from tests.support.broken_programs import broken, repaired


def _training_with(make):
    """Releases the block and trains an epoch with the optimizer that `make` makes of (model, block, the head's optimizer, lr)."""

    def program(model, block, loader, optimizer, lr):
        block.requires_grad_(True)
        optimizer = make(model, block, optimizer, lr)
        train_epoch(model, loader, optimizer)
        return optimizer

    return program


def _new(model, block, optimizer, lr):
    head = {"params": [p for group in optimizer.param_groups for p in group["params"]], "lr": optimizer.param_groups[0]["lr"]}
    return torch.optim.SGD([head, {"params": list(block.parameters()), "lr": lr}], lr=lr)


_anew = _training_with(_new)


def _two_optimizers(*, cleared=True):
    """Trains with two, and hands back one that holds all."""

    def program(model, block, loader, optimizer, lr):
        block.requires_grad_(True)
        second = torch.optim.SGD(block.parameters(), lr=lr)
        for batch in loader:
            if cleared:
                second.zero_grad()
            train_epoch(model, [batch], optimizer)
            second.step()
        return _new(model, block, optimizer, lr)

    return program


def _one_rate(model, block, optimizer, lr):
    optimizer.add_param_group({"params": block.parameters()})
    return optimizer


def _all_of_the_model(model, block, optimizer, lr):
    return torch.optim.SGD(model.parameters(), lr=lr)


def _block_only(model, block, optimizer, lr):
    return torch.optim.SGD(block.parameters(), lr=lr)


def _not_trained(model, block, loader, optimizer, lr):
    block.requires_grad_(True)
    return _new(model, block, optimizer, lr)


RIGHT = {"add_param_group": repaired("fix_forgotten_block"), "a new optimizer": _anew, "two optimizers": _two_optimizers()}
WRONG = {
    "the broken program": (broken("fix_forgotten_block"), "block_stays", "not_all_held", "other_steps"),
    "gradients never cleared": (_two_optimizers(cleared=False), "gradients_pile_up"),
    "one rate for both": (_training_with(_one_rate), "other_rate", "other_steps"),
    "everything released": (after(thaw, _training_with(_all_of_the_model)), "frozen_moved", "other_rate", "other_steps"),
    "the head left out": (_training_with(_block_only), "not_all_held", "other_steps"),
    "not trained": (_not_trained, "nothing_moved", "block_stays"),
    "model.train()": (after(torch.nn.Module.train, _anew), "statistics_moved", "other_steps"),
    "nothing returned": (changed(_anew, lambda optimizer: None), "not_all_held"),
}
