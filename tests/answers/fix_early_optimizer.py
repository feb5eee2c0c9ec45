"""`fix_early_optimizer`: first the head, then its optimizer."""

import torch

from tests.answers import given, unfrozen
from tests.answers.freeze_base import module_methods
from tests.answers.replace_head import new_head
from tests.support.broken_programs import broken, repaired


def _swap_then_release(model, head_name, num_classes, lr):
    new_head(model, head_name, num_classes)
    module_methods(model, head_name)
    return torch.optim.SGD(unfrozen(model), lr=lr)


def _built_early(mend):
    """The optimizer is built first, as in the broken program; ``mend(optimizer, new head)`` is the end."""

    def program(model, head_name, num_classes, lr):
        optimizer = torch.optim.SGD(getattr(model, head_name).parameters(), lr=lr)
        model.requires_grad_(False)
        mend(optimizer, new_head(model, head_name, num_classes))
        return optimizer

    return program


def _list_replaced(optimizer, head):
    optimizer.param_groups[0]["params"] = list(head.parameters())


def _both_heads(optimizer, head):
    optimizer.add_param_group({"params": head.parameters()})


def _no_swap(model, head_name, num_classes, lr):
    module_methods(model, head_name)
    return torch.optim.SGD(unfrozen(model), lr=lr)


def _base_as_well(model, head_name, num_classes, lr):
    new_head(model, head_name, num_classes)
    return torch.optim.SGD(model.parameters(), lr=lr)


def _base_not_frozen(model, head_name, num_classes, lr):
    return torch.optim.SGD(new_head(model, head_name, num_classes).parameters(), lr=lr)


def _frozen_after_the_swap(model, head_name, num_classes, lr):
    head = new_head(model, head_name, num_classes)
    model.requires_grad_(False)
    return torch.optim.SGD(head.parameters(), lr=lr)


RIGHT = {
    "built last": repaired("fix_early_optimizer"),
    "swap, freeze, release, build": _swap_then_release,
    "the optimizer's list replaced": _built_early(_list_replaced),
}
WRONG = {
    "the broken program": (broken("fix_early_optimizer"), "old_tensors_held", "strays_held"),
    "old head and new head": (_built_early(_both_heads), "strays_held"),
    "no swap": (_no_swap, "old_head"),
    "the whole model in it": (_base_as_well, "base_moves"),
    "the base not frozen": (_base_not_frozen, "base_moves"),
    "the new head frozen": (_frozen_after_the_swap, "head_stays", "strays_held"),
    "another rate": (given(_swap_then_release, lr=lambda lr: lr / 10), "other_rate"),
}
