"""`parameter_groups`: the head and the released blocks, each with its own rate."""

import torch

from tests.answers import after, changed, thaw, unfrozen


def _two(head, blocks, head_lr, block_lr):
    return [{"params": list(head), "lr": head_lr}, {"params": list(blocks), "lr": block_lr}]


def _by_identity(model, head_name, head_lr, block_lr):
    head = unfrozen(getattr(model, head_name))
    ids = {id(p) for p in head}
    return _two(head, [p for p in unfrozen(model) if id(p) not in ids], head_lr, block_lr)


def _by_prefix(model, head_name, head_lr, block_lr):
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    head = [p for name, p in named if name.startswith(head_name + ".")]
    blocks = [p for name, p in named if not name.startswith(head_name + ".")]
    groups = [{"params": blocks, "lr": block_lr}] if blocks else []
    return [*groups, {"params": head, "lr": head_lr, "name": "head"}]


def _generators(model, head_name, head_lr, block_lr):
    ids = {id(p) for p in model.get_submodule(head_name).parameters()}
    return [
        {"lr": head_lr, "params": (p for p in model.parameters() if p.requires_grad and id(p) in ids)},
        {"lr": block_lr, "params": (p for p in model.parameters() if p.requires_grad and id(p) not in ids)},
    ]


def _lookalike(model, head_name, head_lr, block_lr):
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    head, blocks = ([p for name, p in named if (head_name in name) == inside] for inside in (True, False))
    return _two(head, blocks, head_lr, block_lr)


def _two_groups_overlap(model, head_name, head_lr, block_lr):
    return _two(unfrozen(getattr(model, head_name)), unfrozen(model), head_lr, block_lr)


def _frozen_too(model, head_name, head_lr, block_lr):
    head = getattr(model, head_name)
    ids = {id(p) for p in head.parameters()}
    return _two(head.parameters(), [p for p in model.parameters() if id(p) not in ids], head_lr, block_lr)


def _swapped(model, head_name, head_lr, block_lr):
    return _by_identity(model, head_name, block_lr, head_lr)


def _a_group_for_each(groups):
    head, blocks = groups
    return [head, *({"params": [p], "lr": blocks["lr"]} for p in blocks["params"])]


def _one_rate(model, head_name, head_lr, block_lr):
    return _by_identity(model, head_name, head_lr, head_lr)


RIGHT = {"by identity": _by_identity, "by prefix, empty group left out": _by_prefix, "generators": _generators}
WRONG = {
    "head's name inside another name": (_lookalike, "lookalike_in_head"),
    "a parameter in two groups": (_two_groups_overlap, "in_two_groups"),
    "frozen ones as well": (_frozen_too, "frozen_in_group"),
    "rates swapped": (_swapped, "rates_swapped"),
    "block unfrozen, but not in the optimizer": (changed(_by_identity, lambda groups: groups[:1]), "block_not_held"),
    "a group for each tensor": (changed(_by_identity, _a_group_for_each), "split_up"),
    "one rate for both": (_one_rate, "rates_swapped"),
    "all in one group": (lambda model, head_name, head_lr, block_lr: [{"params": unfrozen(model), "lr": head_lr}], "mixed_up"),
    "releases everything": (after(thaw, _by_identity), "model_changed"),
    "an optimizer": (changed(_by_identity, torch.optim.SGD), "not_groups"),
}
