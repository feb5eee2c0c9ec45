"""`parameter_groups`: the head and the released blocks, each with its own rate."""

import copy

import torch

from tests.answers import after, cell, changed, given, switching_gradients_off, thaw, unfrozen


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


def _names(model, head_name, head_lr, block_lr):
    names = [name for name, p in model.named_parameters() if p.requires_grad]
    head = [name for name in names if name.startswith(head_name + ".")]
    return _two(head, [name for name in names if name not in head], head_lr, block_lr)


def _frozen_blocks(model, head_name, head_lr, block_lr):
    ids = {id(p) for p in getattr(model, head_name).parameters()}
    blocks = [p for p in model.parameters() if id(p) not in ids]
    return _two(unfrozen(getattr(model, head_name)), blocks, head_lr, block_lr)


def _whole_head(model, head_name, head_lr, block_lr):
    ids = {id(p) for p in getattr(model, head_name).parameters()}
    return _two(getattr(model, head_name).parameters(), [p for p in unfrozen(model) if id(p) not in ids], head_lr, block_lr)


def _one_twice(groups):
    head, blocks = groups
    return [{**head, "params": [*head["params"], head["params"][0]]}, blocks]


def _last_two(model, head_name, head_lr, block_lr):
    learning = unfrozen(model)
    return _two(learning[-2:], learning[:-2], head_lr, block_lr)


def _named(model, head_name, head_lr, block_lr):
    """Pairs of name and tensor, as torch takes them as well."""
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    head = [pair for pair in named if pair[0].startswith(head_name + ".")]
    blocks = [pair for pair in named if not pair[0].startswith(head_name + ".")]
    return _two(head, blocks, head_lr, block_lr)


RIGHT = {"by identity": _by_identity, "by prefix, empty group left out": _by_prefix, "generators": _generators, "named": _named}
WRONG = {
    "head's name inside another name": (_lookalike, "lookalike_in_head", "split_up"),
    "a parameter in two groups": (_two_groups_overlap, "in_two_groups", "mixed_up", "optimizer_refuses"),
    "frozen ones as well": (_frozen_too, "frozen_in_group"),
    "rates swapped": (_swapped, "rates_swapped"),
    "block unfrozen, but not in the optimizer": (
        changed(_by_identity, lambda groups: groups[:1]),
        "block_not_held",
        "step_moves_others",
    ),
    "a group for each tensor": (changed(_by_identity, _a_group_for_each), "split_up"),
    "one rate for both": (_one_rate, "one_rate"),
    "all in one group": (lambda model, head_name, head_lr, block_lr: [{"params": unfrozen(model), "lr": head_lr}], "mixed_up"),
    "releases everything": (after(thaw, _by_identity), "model_changed", "released_first"),
    "another key": (
        changed(_by_identity, lambda groups: [{"parameters": g["params"], "lr": g["lr"]} for g in groups]),
        "wrong_key",
    ),
    "another key for the rate": (
        changed(_by_identity, lambda groups: [{"params": g["params"], "rate": g["lr"]} for g in groups]),
        "wrong_key",
    ),
    "names for tensors": (_names, "not_tensors"),
    "compares tensors": (
        cell(
            "def f(model, head_name, head_lr, block_lr):\n    head = list(getattr(model, head_name).parameters())\n"
            "    rest = [p for p in model.parameters() if p.requires_grad and p not in head]\n"
            "    return [{'params': head, 'lr': head_lr}, {'params': rest, 'lr': block_lr}]"
        ),
        "compares_values",
    ),
    "the frozen blocks as well": (_frozen_blocks, "frozen_in_group"),
    "the frozen part of the head as well": (_whole_head, "frozen_in_group"),
    "a tensor twice in one group": (changed(_by_identity, _one_twice), "twice_in_a_group"),
    "rates of its own": (lambda model, head_name, head_lr, block_lr: _by_identity(model, head_name, 1e-3, 1e-4), "other_rate"),
    "the last two tensors for the head": (_last_two, "mixed_up", "split_up"),
    "another model's tensors": (
        given(_by_identity, model=copy.deepcopy),
        "head_missing",
        "block_not_held",
        "foreign",
        "step_moves_others",
    ),
    "model.fc written out": (
        cell("def f(model, head_name, a, b):\n    return [{'params': list(model.classifier.parameters()), 'lr': a}]"),
        "head_by_name",
    ),
    "gradients switched off for good": (switching_gradients_off(_by_identity), "left_switched"),
    "an optimizer": (changed(_by_identity, torch.optim.SGD), "not_groups"),
}
