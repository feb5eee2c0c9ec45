"""Lesson 09, `out_features` written over: the check of `fix_renamed_outputs`."""

from __future__ import annotations

from helpers.checks.debug_clinic.repair import repair
from helpers.checks.replace_head.replace_head import examine_replace_head

# ---------------------------------------------------------------- the head was renamed, not replaced
fix_renamed_outputs = repair(
    "fix_renamed_outputs",
    examine_replace_head,
    (
        "A layer's out_features is a label on the box. What is in the box?",
        "getattr(model, head_name) is the old layer; nn.Linear(old.in_features, num_classes) a new one; setattr puts it in.",
        "old = getattr(model, head_name)\nsetattr(model, head_name, nn.Linear(old...., ...))\nreturn model",
    ),
    outputs="the model gives num_classes outputs",
    layer="a new linear layer stands under the head's name",
    fresh="its weights are freshly drawn",
    trainable="it can learn",
    rest="everything else is as it was",
    returns="the function returns the model",
)
