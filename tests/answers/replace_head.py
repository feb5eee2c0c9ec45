"""`replace_head`: a new linear layer under the head's name."""

import copy

import torch
from torch import nn


def _setattr(model, head_name, num_classes):
    setattr(model, head_name, nn.Linear(getattr(model, head_name).in_features, num_classes))
    return model


def _add_module(model, head_name, num_classes):
    old = model.get_submodule(head_name)
    model.add_module(head_name, nn.Linear(old.weight.shape[1], num_classes, bias=True))
    return model


def _modules_dict(model, head_name, num_classes):
    layer = nn.Linear(model._modules[head_name].in_features, num_classes)
    nn.init.normal_(layer.weight, std=0.01)
    nn.init.zeros_(layer.bias)
    model._modules[head_name] = layer
    return model


def _renames(model, head_name, num_classes):
    getattr(model, head_name).out_features = num_classes
    return model


def _appends(model, head_name, num_classes):
    old = getattr(model, head_name)
    setattr(model, head_name, nn.Sequential(old, nn.Linear(old.out_features, num_classes)))
    return model


def _slices(model, head_name, num_classes):
    old = getattr(model, head_name)
    new = nn.Linear(old.in_features, num_classes)
    rows = min(num_classes, old.out_features)
    with torch.no_grad():
        new.weight[:rows] = old.weight[:rows]
    setattr(model, head_name, new)
    return model


def _on_a_copy(model, head_name, num_classes):
    return _setattr(copy.deepcopy(model), head_name, num_classes)


def _width_of_resnet(model, head_name, num_classes):
    setattr(model, head_name, nn.Linear(2048, num_classes))
    return model


def _always_fc(model, head_name, num_classes):
    model.fc = nn.Linear(getattr(model, head_name).in_features, num_classes)
    return model


def _always_ten(model, head_name, num_classes):
    return _setattr(model, head_name, 10)


def _returns_nothing(model, head_name, num_classes):
    _setattr(model, head_name, num_classes)


def _returns_the_head(model, head_name, num_classes):
    return getattr(_setattr(model, head_name, num_classes), head_name)


def _zeros(model, head_name, num_classes):
    _setattr(model, head_name, num_classes)
    nn.init.zeros_(getattr(model, head_name).weight)
    return model


def _no_bias(model, head_name, num_classes):
    setattr(model, head_name, nn.Linear(getattr(model, head_name).in_features, num_classes, bias=False))
    return model


def _freezes_the_base(model, head_name, num_classes):
    model.requires_grad_(False)
    return _setattr(model, head_name, num_classes)


def _freezes_everything(model, head_name, num_classes):
    return _setattr(model, head_name, num_classes).requires_grad_(False)


def _resets_the_base(model, head_name, num_classes):
    for module in model.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    return _setattr(model, head_name, num_classes)


def _changes_the_old_tensors(model, head_name, num_classes):
    head = getattr(model, head_name)
    head.weight = nn.Parameter(torch.randn(num_classes, head.in_features))
    head.bias = nn.Parameter(torch.zeros(num_classes))
    return model


RIGHT = {"setattr": _setattr, "add_module": _add_module, "drawn by hand": _modules_dict}
WRONG = {
    "out_features set": (_renames, "out_features_renamed"),
    "layer appended": (_appends, "old_head_inside"),
    "old rows kept": (_slices, "old_rows"),
    "on a copy": (_on_a_copy, "returns_another"),
    "2048 written out": (_width_of_resnet, "forward_fails"),
    "fc written out": (_always_fc, "outputs_unchanged"),
    "ten written out": (_always_ten, "wrong_outputs"),
    "nothing returned": (_returns_nothing, "returns_nothing"),
    "head returned": (_returns_the_head, "returns_another"),
    "zeros": (_zeros, "all_equal"),
    "no bias": (_no_bias, "no_bias"),
    "base frozen as well": (_freezes_the_base, "flags_changed"),
    "new head frozen": (_freezes_everything, "new_head_frozen"),
    "base reset": (_resets_the_base, "base_changed"),
    "old layer kept": (_changes_the_old_tensors, "old_head_inside"),
}
