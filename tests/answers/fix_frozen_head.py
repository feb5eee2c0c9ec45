"""`fix_frozen_head`: freeze the base, not the head that is in it by then."""

from torch import nn

from tests.answers import changed
from tests.support.broken_programs import broken, repaired


def _swapped(model, head_name, num_classes):
    setattr(model, head_name, nn.Linear(getattr(model, head_name).in_features, num_classes))
    return model


def _release_afterwards(model, head_name, num_classes):
    _swapped(model, head_name, num_classes).requires_grad_(False)
    getattr(model, head_name).requires_grad_(True)
    return model


def _by_name(model, head_name, num_classes):
    for name, parameter in _swapped(model, head_name, num_classes).named_parameters():
        parameter.requires_grad = name.split(".")[0] == head_name
    return model


def _old_head(model, head_name, num_classes):
    model.requires_grad_(False)
    getattr(model, head_name).requires_grad_(True)
    return model


def _weight_only(model, head_name, num_classes):
    _swapped(model, head_name, num_classes).requires_grad_(False)
    getattr(model, head_name).weight.requires_grad = True
    return model


def _name_contains(model, head_name, num_classes):
    for name, parameter in _swapped(model, head_name, num_classes).named_parameters():
        parameter.requires_grad = head_name in name
    return model


def _returns_head(model, head_name, num_classes):
    return getattr(_release_afterwards(model, head_name, num_classes), head_name)


RIGHT = {
    "frozen first": repaired("fix_frozen_head"),
    "released afterwards": _release_afterwards,
    "by the first part of the name": _by_name,
}
WRONG = {
    "the broken program": (broken("fix_frozen_head"), "head_frozen"),
    "everything released": (changed(_swapped, lambda model: model.requires_grad_(True)), "base_moves"),
    "the old head released": (_old_head, "old_head"),
    "the bias left frozen": (_weight_only, "head_partly_frozen"),
    "names that contain the head's": (_name_contains, "base_moves"),
    "the head returned": (_returns_head, "not_the_model"),
}
