"""`freeze_base`: freeze all but the head."""

from collections import OrderedDict

import torch
from torch import nn

from tests.answers import after, cell, flag_top_layers, misspell, switching_gradients_off


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


def _last_child(model, head_name):
    model.requires_grad_(False)
    list(model.children())[-1].requires_grad_(True)


def _last_two_tensors(model, head_name):
    model.requires_grad_(False)
    for parameter in list(model.parameters())[-2:]:
        parameter.requires_grad = True


_ONE_MODEL = nn.Sequential(OrderedDict(stem=nn.Linear(3, 3), fc=nn.Linear(3, 2)))


def _those(wanted):
    """Freezes the parameters that are wanted, by their own name and their layer, then releases the head."""

    def freeze_base(model, head_name):
        for layer in model.modules():
            for name, parameter in layer.named_parameters(recurse=False):
                if wanted(name, layer):
                    parameter.requires_grad = False
        only_the_head(model, head_name)

    return freeze_base


def _own_class(model, head_name):
    for name in model._order[:-1]:
        getattr(model, name).requires_grad_(False)
    getattr(model, head_name).requires_grad_(True)


def _not_implemented(model, head_name):
    torch.empty(2, device="meta").to("cpu")


RIGHT = {"two loops": _two_loops, "module methods": module_methods, "by prefix": by_prefix, "by identity": _by_identity}
WRONG = {
    "quiz: attributes on modules": (_quiz_attributes, "attribute_on_module", "step_moves_base"),
    "quiz: flags swapped": (_loops(base=True, head=False), "flags_swapped", "head_frozen", "step_moves_base"),
    "quiz: methods that do not exist": (_quiz_no_such_method, "no_such_part"),
    "quiz: only the first layer": (after(_freeze_the_first_layer, only_the_head), "base_partly_frozen", "step_moves_base"),
    "misspelt flag": (after(misspell, only_the_head), "misspelt_flag", "step_moves_base"),
    "head frozen as well": (_loops(head=False), "head_frozen", "backward_raises"),
    "frozen head skipped": (_skips_the_head, "head_left_frozen", "backward_raises"),
    "name contains the head's": (lookalike, "lookalike_name", "step_moves_base"),
    "nested layers missed": (after(flag_top_layers, only_the_head), "base_partly_frozen", "step_moves_base"),
    "bias forgotten": (weight_only, "head_partly_frozen", "step_leaves_head"),
    "flags toggled": (after(_toggle, only_the_head), "toggled", "step_moves_base"),
    "loop variable": (after(_bind_the_loop_variable, only_the_head), "nothing_frozen", "step_moves_base"),
    "base forgotten": (only_the_head, "nothing_frozen", "step_moves_base"),
    "head name written out": (_hard_coded_name, "head_by_name"),
    "only a fresh model": (after(_insist_on_fresh, _two_loops), "error"),
    "modes changed": (after(nn.Module.eval, _two_loops), "modes_too"),
    "head replaced": (_new_head, "more_than_flags"),
    "weights changed": (_zeroes_the_head, "more_than_flags"),
    "returns the model": (_returns_the_model, "returns_something"),
    "the last child": (_last_child, "last_released", "head_frozen", "step_moves_base"),
    "the last two tensors": (_last_two_tensors, "last_released", "head_frozen", "step_moves_base"),
    "the notebook's model": (
        lambda model, head_name: _two_loops(_ONE_MODEL, "fc"),
        "model_untouched",
        "step_moves_base",
    ),
    "eval mode is not freezing": (after(nn.Module.eval, only_the_head), "nothing_frozen", "modes_too", "step_moves_base"),
    "weights only": (_those(lambda name, layer: name == "weight"), "biases_missed", "step_moves_base"),
    "BatchNorm left out": (
        _those(lambda name, layer: not isinstance(layer, nn.BatchNorm2d)),
        "batchnorm_missed",
        "step_moves_base",
    ),
    "the head's name asked": (cell("def f(model, head_name):\n    head_name.requires_grad_(True)"), "name_for_thing"),
    "pairs for tensors": (
        cell("def f(model, head_name):\n    for p in model.named_parameters():\n        p.requires_grad = False"),
        "pair_for_tensor",
    ),
    "method not called": (
        cell("def f(model, head_name):\n    for p in model.parameters:\n        p.requires_grad = False"),
        "not_called",
    ),
    "an attribute of the model's": (cell("def f(model, head_name):\n    model.head_name.requires_grad_(True)"), "head_by_name"),
    "the judge's own class alone": (_own_class, "no_such_part"),
    "torch's own NotImplementedError": (_not_implemented, "error"),
    "gradients switched off for good": (switching_gradients_off(_two_loops), "left_switched"),
}
