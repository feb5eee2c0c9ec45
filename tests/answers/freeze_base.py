"""`freeze_base`: freeze all but the head."""

import torch
from torch import nn

from tests.answers import after, flag_top_layers, misspell


def _loops(*, base=False, head=True):
    """Sets every parameter's flag to `base`, then the head's to `head`."""

    def freeze_base(model, head_name):
        for parameter in model.parameters():
            parameter.requires_grad = base
        for parameter in getattr(model, head_name).parameters():
            parameter.requires_grad = head

    return freeze_base


_two_loops = _loops()


def module_methods(model, head_name):
    model.requires_grad_(False)
    model.get_submodule(head_name).requires_grad_(True)


def by_prefix(model, head_name):
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith(head_name + "."))


def _by_identity(model, head_name):
    head = {id(parameter) for parameter in getattr(model, head_name).parameters()}
    for parameter in model.parameters():
        parameter.requires_grad = id(parameter) in head


def only_the_head(model, head_name):
    getattr(model, head_name).requires_grad_(True)


def _quiz_attributes(model, head_name):
    model.requires_grad = False
    getattr(model, head_name).requires_grad = True


def _quiz_no_such_method(model, head_name):
    model.freeze()
    getattr(model, head_name).unfreeze()


def _skips_the_head(model, head_name):
    for name, parameter in model.named_parameters():
        if not name.startswith(head_name + "."):
            parameter.requires_grad = False


def lookalike(model, head_name):
    for name, parameter in model.named_parameters():
        parameter.requires_grad = head_name in name


def _freeze_the_first_layer(model):
    next(model.children()).requires_grad_(False)


def weight_only(model, head_name):
    model.requires_grad_(False)
    getattr(model, head_name).weight.requires_grad = True


def _toggle(model):
    for parameter in model.parameters():
        parameter.requires_grad = not parameter.requires_grad


def _bind_the_loop_variable(model):
    for parameter in model.parameters():
        parameter = parameter.detach()


def _hard_coded_name(model, head_name):
    model.requires_grad_(False)
    model.fc.requires_grad_(True)


def _insist_on_fresh(model):
    if not all(parameter.requires_grad for parameter in model.parameters()):
        raise ValueError("something is frozen already")


def _new_head(model, head_name):
    model.requires_grad_(False)
    old = getattr(model, head_name)
    setattr(model, head_name, nn.Linear(old.in_features, old.out_features))


def _zeroes_the_head(model, head_name):
    _two_loops(model, head_name)
    with torch.no_grad():
        getattr(model, head_name).weight.zero_()


def _returns_the_model(model, head_name):
    _two_loops(model, head_name)
    return model


RIGHT = {"two loops": _two_loops, "module methods": module_methods, "by prefix": by_prefix, "by identity": _by_identity}
WRONG = {
    "quiz: attributes on modules": (_quiz_attributes, "attribute_on_module"),
    "quiz: flags swapped": (_loops(base=True, head=False), "flags_swapped"),
    "quiz: methods that do not exist": (_quiz_no_such_method, "error"),
    "quiz: only the first layer": (after(_freeze_the_first_layer, only_the_head), "base_partly_frozen"),
    "misspelt flag": (after(misspell, only_the_head), "misspelt_flag"),
    "head frozen as well": (_loops(head=False), "head_frozen"),
    "frozen head skipped": (_skips_the_head, "head_left_frozen"),
    "name contains the head's": (lookalike, "lookalike_name"),
    "nested layers missed": (after(flag_top_layers, only_the_head), "base_partly_frozen"),
    "bias forgotten": (weight_only, "head_partly_frozen"),
    "flags toggled": (after(_toggle, only_the_head), "base_partly_frozen"),
    "loop variable": (after(_bind_the_loop_variable, only_the_head), "nothing_frozen"),
    "base forgotten": (only_the_head, "nothing_frozen"),
    "head name written out": (_hard_coded_name, "error"),
    "only a fresh model": (after(_insist_on_fresh, _two_loops), "error"),
    "modes changed": (after(nn.Module.eval, _two_loops), "more_than_flags"),
    "head replaced": (_new_head, "more_than_flags"),
    "weights changed": (_zeroes_the_head, "more_than_flags"),
    "returns the model": (_returns_the_model, "returns_something"),
}
