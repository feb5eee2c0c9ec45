"""`parameter_groups`: the head and the released blocks, each with its own rate."""

import torch


def _by_identity(model, head_name, head_lr, block_lr):
    head = [p for p in getattr(model, head_name).parameters() if p.requires_grad]
    ids = {id(p) for p in head}
    blocks = [p for p in model.parameters() if p.requires_grad and id(p) not in ids]
    return [{"params": head, "lr": head_lr}, {"params": blocks, "lr": block_lr}]


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
    return [
        {"params": [p for name, p in named if head_name in name], "lr": head_lr},
        {"params": [p for name, p in named if head_name not in name], "lr": block_lr},
    ]


def _two_groups_overlap(model, head_name, head_lr, block_lr):
    return [
        {"params": [p for p in getattr(model, head_name).parameters() if p.requires_grad], "lr": head_lr},
        {"params": [p for p in model.parameters() if p.requires_grad], "lr": block_lr},
    ]


def _frozen_too(model, head_name, head_lr, block_lr):
    ids = {id(p) for p in getattr(model, head_name).parameters()}
    return [
        {"params": list(getattr(model, head_name).parameters()), "lr": head_lr},
        {"params": [p for p in model.parameters() if id(p) not in ids], "lr": block_lr},
    ]


def _swapped(model, head_name, head_lr, block_lr):
    return _by_identity(model, head_name, block_lr, head_lr)


def _blocks_forgotten(model, head_name, head_lr, block_lr):
    return _by_identity(model, head_name, head_lr, block_lr)[:1]


def _a_group_for_each(model, head_name, head_lr, block_lr):
    head, blocks = _by_identity(model, head_name, head_lr, block_lr)
    return [head, *({"params": [p], "lr": block_lr} for p in blocks["params"])]


def _one_rate(model, head_name, head_lr, block_lr):
    return _by_identity(model, head_name, head_lr, head_lr)


def _all_in_one(model, head_name, head_lr, block_lr):
    return [{"params": [p for p in model.parameters() if p.requires_grad], "lr": head_lr}]


def _releases(model, head_name, head_lr, block_lr):
    model.requires_grad_(True)
    return _by_identity(model, head_name, head_lr, block_lr)


def _an_optimizer(model, head_name, head_lr, block_lr):
    return torch.optim.SGD(_by_identity(model, head_name, head_lr, block_lr), lr=head_lr)


RIGHT = {"by identity": _by_identity, "by prefix, empty group left out": _by_prefix, "generators": _generators}
WRONG = {
    "head's name inside another name": (_lookalike, "lookalike_in_head"),
    "a parameter in two groups": (_two_groups_overlap, "in_two_groups"),
    "frozen ones as well": (_frozen_too, "frozen_in_group"),
    "rates swapped": (_swapped, "rates_swapped"),
    "block unfrozen, but not in the optimizer": (_blocks_forgotten, "block_not_held"),
    "a group for each tensor": (_a_group_for_each, "split_up"),
    "one rate for both": (_one_rate, "rates_swapped"),
    "all in one group": (_all_in_one, "mixed_up"),
    "releases everything": (_releases, "model_changed"),
    "an optimizer": (_an_optimizer, "not_groups"),
}
