"""`fix_frozen_still_moves`: no gradient is not a gradient of zero."""

import torch
from torch.nn.functional import cross_entropy

from tests.answers import freeze, given, unfrozen
from tests.support.broken_programs import broken, repaired


def _epoch(model, loader, optimizer, **options):
    for images, labels in loader:
        optimizer.zero_grad(**options)
        cross_entropy(model(images), labels).backward()
        optimizer.step()


def _frozen_after(change, **options):
    """Freezes the block, does ``change(block, optimizer)`` and trains an epoch that clears gradients with these options."""

    def program(model, block, loader, optimizer):
        block.requires_grad_(False)
        change(block, optimizer)
        _epoch(model, loader, optimizer, **options)

    return program


def _clear_by_hand(block, optimizer):
    for parameter in block.parameters():
        parameter.grad = None


def _take_out(block, optimizer):
    inside = {id(p) for p in block.parameters()}
    for group in optimizer.param_groups:
        group["params"] = [p for p in group["params"] if id(p) not in inside]


def _new_optimizer(model, block, loader, optimizer):
    block.requires_grad_(False)
    _epoch(model, loader, torch.optim.SGD(unfrozen(model), lr=0.1, momentum=0.9))


def _stop_decay(block, optimizer):
    for group in optimizer.param_groups:
        group["weight_decay"] = 0.0


def _stop(block, optimizer):
    for group in optimizer.param_groups:
        group["lr"] = 0.0


def _not_frozen(model, block, loader, optimizer):
    _take_out(block, optimizer)
    _epoch(model, loader, optimizer)


def _between_backward_and_step(model, block, loader, optimizer):
    """One step late: the first batch's gradient is there already."""
    for images, labels in loader:
        optimizer.zero_grad()
        cross_entropy(model(images), labels).backward()
        block.requires_grad_(False)
        optimizer.step()


RIGHT = {
    "gradients of None": repaired("fix_frozen_still_moves"),
    "cleared by hand": _frozen_after(_clear_by_hand, set_to_none=False),
    "taken out of the optimizer": _frozen_after(_take_out, set_to_none=False),
    "a new optimizer": _new_optimizer,
}
WRONG = {
    "the broken program": (broken("fix_frozen_still_moves"), "frozen_moved"),
    "momentum forgotten, decay left": (
        _frozen_after(lambda block, optimizer: optimizer.state.clear(), set_to_none=False),
        "frozen_moved",
    ),
    "no decay, momentum left": (_frozen_after(_stop_decay, set_to_none=False), "frozen_moved"),
    "the rate set to zero": (_frozen_after(_stop), "head_stays"),
    "no training": (lambda model, block, loader, optimizer: freeze(block), "head_stays"),
    "frozen between backward and step": (_between_backward_and_step, "frozen_moved"),
    "not frozen": (_not_frozen, "not_frozen"),
    "one batch": (given(repaired("fix_frozen_still_moves"), loader=lambda loader: [next(iter(loader))]), "not_an_epoch"),
}
