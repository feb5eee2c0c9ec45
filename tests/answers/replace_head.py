"""`replace_head`: a new linear layer under the head's name."""

import copy

import torch
from torch import nn

from tests.answers import after, cell, changed, freeze, given, switching_gradients_off


def _putting(layer):
    """A replace_head that puts ``layer(old head, number of classes)`` under the head's name."""

    def replace_head(model, head_name, num_classes):
        setattr(model, head_name, layer(getattr(model, head_name), num_classes))
        return model

    return replace_head


put_linear = _putting(lambda old, num_classes: nn.Linear(old.in_features, num_classes))


def add_linear(model, head_name, num_classes):
    old = model.get_submodule(head_name)
    model.add_module(head_name, nn.Linear(old.weight.shape[1], num_classes, bias=True))
    return model


def _modules_dict(model, head_name, num_classes):
    layer = nn.Linear(model._modules[head_name].in_features, num_classes)
    nn.init.normal_(layer.weight, std=0.01)
    nn.init.zeros_(layer.bias)
    model._modules[head_name] = layer
    return model


def rename_outputs(model, head_name, num_classes):
    getattr(model, head_name).out_features = num_classes
    return model


def _appended(old, num_classes):
    return nn.Sequential(old, nn.Linear(old.out_features, num_classes))


linear_on_top = _putting(_appended)


def _with_old_rows(old, num_classes):
    new = nn.Linear(old.in_features, num_classes)
    rows = min(num_classes, old.out_features)
    with torch.no_grad():
        new.weight[:rows] = old.weight[:rows]
    return new


def _always_fc(model, head_name, num_classes):
    model.fc = nn.Linear(getattr(model, head_name).in_features, num_classes)
    return model


def new_head(model, head_name, num_classes):
    return getattr(put_linear(model, head_name, num_classes), head_name)


def _zeros(old, num_classes):
    new = nn.Linear(old.in_features, num_classes)
    nn.init.zeros_(new.weight)
    return new


def reset(model):
    for module in model.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()


def _changes_the_old_tensors(model, head_name, num_classes):
    head = getattr(model, head_name)
    head.weight = nn.Parameter(torch.randn(num_classes, head.in_features))
    head.bias = nn.Parameter(torch.zeros(num_classes))
    return model


def _only_a_variable(model, head_name, num_classes):
    head = getattr(model, head_name)
    head = nn.Linear(head.in_features, num_classes)
    return model


def _attribute_head_name(model, head_name, num_classes):
    model.head_name = nn.Linear(getattr(model, head_name).in_features, num_classes)
    return model


RIGHT = {"setattr": put_linear, "add_module": add_linear, "drawn by hand": _modules_dict}
WRONG = {
    "out_features set": (rename_outputs, "out_features_renamed", "old_layer_kept"),
    "layer appended": (linear_on_top, "old_head_inside"),
    "old rows kept": (_putting(_with_old_rows), "old_rows"),
    "on a copy": (given(put_linear, model=copy.deepcopy), "returns_another", "old_layer_kept", "outputs_unchanged"),
    "2048 written out": (_putting(lambda old, num_classes: nn.Linear(2048, num_classes)), "other_inputs", "other_shape"),
    "inputs and outputs swapped": (
        _putting(lambda old, num_classes: nn.Linear(num_classes, old.in_features)),
        "other_inputs",
        "other_shape",
    ),
    "dropout before it": (
        _putting(lambda old, n: nn.Sequential(nn.Dropout(0.2), nn.Linear(old.in_features, n))),
        "no_linear_layer",
    ),
    "a local variable": (_only_a_variable, "outputs_unchanged", "old_layer_kept"),
    "head_name written as an attribute": (_attribute_head_name, "outputs_unchanged", "base_changed", "old_layer_kept"),
    "model.fc asked": (
        cell("def f(model, head_name, n):\n    model.fc = nn.Linear(model.fc.in_features, n)\n    return model", nn=nn),
        "head_by_name",
    ),
    "the name asked": (cell("def f(model, head_name, n):\n    return head_name.in_features"), "name_for_thing"),
    "another argument": (cell("def replace_head(model, n):\n    return model"), "other_arguments"),
    "gradients switched off for good": (switching_gradients_off(put_linear), "left_switched"),
    "fc written out": (_always_fc, "outputs_unchanged", "base_changed", "old_layer_kept"),
    "ten written out": (_putting(lambda old, num_classes: nn.Linear(old.in_features, 10)), "wrong_outputs", "other_shape"),
    "nothing returned": (changed(put_linear, lambda model: None), "returns_nothing"),
    "head returned": (new_head, "returns_another"),
    "zeros": (_putting(_zeros), "all_equal"),
    "no bias": (_putting(lambda old, num_classes: nn.Linear(old.in_features, num_classes, bias=False)), "no_bias"),
    "base frozen as well": (after(freeze, put_linear), "flags_changed"),
    "new head frozen": (changed(put_linear, lambda model: model.requires_grad_(False)), "new_head_frozen", "flags_changed"),
    "base reset": (after(reset, put_linear), "base_changed"),
    "old layer kept": (_changes_the_old_tensors, "old_layer_kept"),
}
