"""`fix_frozen_still_moves`: no gradient is not a gradient of zero."""

import torch
from torch.nn.functional import cross_entropy

from tests.support.broken_programs import broken, repaired


def _epoch(model, loader, optimizer, **options):
    for images, labels in loader:
        optimizer.zero_grad(**options)
        cross_entropy(model(images), labels).backward()
        optimizer.step()


def _cleared_by_hand(model, block, loader, optimizer):
    block.requires_grad_(False)
    for parameter in block.parameters():
        parameter.grad = None
    _epoch(model, loader, optimizer, set_to_none=False)


def _out_of_the_optimizer(model, block, loader, optimizer):
    block.requires_grad_(False)
    inside = {id(p) for p in block.parameters()}
    for group in optimizer.param_groups:
        group["params"] = [p for p in group["params"] if id(p) not in inside]
    _epoch(model, loader, optimizer, set_to_none=False)


def _new_optimizer(model, block, loader, optimizer):
    block.requires_grad_(False)
    _epoch(model, loader, torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1, momentum=0.9))


def _momentum_forgotten(model, block, loader, optimizer):
    """Weight decay is left."""
    block.requires_grad_(False)
    optimizer.state.clear()
    _epoch(model, loader, optimizer, set_to_none=False)


def _no_decay(model, block, loader, optimizer):
    """Momentum is left."""
    block.requires_grad_(False)
    for group in optimizer.param_groups:
        group["weight_decay"] = 0.0
    _epoch(model, loader, optimizer, set_to_none=False)


def _rate_zero(model, block, loader, optimizer):
    block.requires_grad_(False)
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    _epoch(model, loader, optimizer)


def _only_frozen(model, block, loader, optimizer):
    block.requires_grad_(False)


def _not_frozen(model, block, loader, optimizer):
    inside = {id(p) for p in block.parameters()}
    optimizer.param_groups[0]["params"] = [p for p in optimizer.param_groups[0]["params"] if id(p) not in inside]
    _epoch(model, loader, optimizer)


def _one_batch(model, block, loader, optimizer):
    block.requires_grad_(False)
    _epoch(model, [next(iter(loader))], optimizer)


def _between_backward_and_step(model, block, loader, optimizer):
    """One step late: the first batch's gradient is there already."""
    for images, labels in loader:
        optimizer.zero_grad()
        cross_entropy(model(images), labels).backward()
        block.requires_grad_(False)
        optimizer.step()


RIGHT = {
    "gradients of None": repaired("fix_frozen_still_moves"),
    "cleared by hand": _cleared_by_hand,
    "taken out of the optimizer": _out_of_the_optimizer,
    "a new optimizer": _new_optimizer,
}
WRONG = {
    "the broken program": (broken("fix_frozen_still_moves"), "frozen_moved"),
    "momentum forgotten, decay left": (_momentum_forgotten, "frozen_moved"),
    "no decay, momentum left": (_no_decay, "frozen_moved"),
    "the rate set to zero": (_rate_zero, "head_stays"),
    "no training": (_only_frozen, "head_stays"),
    "frozen between backward and step": (_between_backward_and_step, "frozen_moved"),
    "not frozen": (_not_frozen, "not_frozen"),
    "one batch": (_one_batch, "not_an_epoch"),
}
