"""`fix_renamed_outputs`: a new layer, not a new label on the old one."""

import torch
from torch import nn

from tests.answers import changed
from tests.answers.replace_head import add_linear, linear_on_top
from tests.support.broken_programs import broken, repaired


def _cut(model, head_name, num_classes):
    """Keeps the first rows of the old weight: the outputs of other classes."""
    head = getattr(model, head_name)
    rows = torch.arange(num_classes) % head.out_features
    head.weight, head.bias = nn.Parameter(head.weight[rows].detach()), nn.Parameter(head.bias[rows].detach())
    head.out_features = num_classes
    return model


def _other_name(model, head_name, num_classes):
    model.new_head = nn.Linear(getattr(model, head_name).in_features, num_classes)
    return model


RIGHT = {"setattr": repaired("fix_renamed_outputs"), "add_module": add_linear}
WRONG = {
    "the broken program": (broken("fix_renamed_outputs"), "out_features_renamed", "old_layer_kept"),
    "the whole model frozen": (
        changed(add_linear, lambda model: model.requires_grad_(False)),
        "new_head_frozen",
        "flags_changed",
    ),
    "a layer on top of the old one": (linear_on_top, "old_head_inside"),
    "rows of the old head": (_cut, "old_layer_kept"),
    "under another name": (_other_name, "outputs_unchanged", "base_changed", "old_layer_kept"),
}
