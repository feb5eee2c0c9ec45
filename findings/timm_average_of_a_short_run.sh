#!/usr/bin/env bash
# Packages: timm 1.0.31, torch 2.14.1, torchvision 0.29.1
#
# One would guess: `ModelEmaV3(model)`, the moving average of the weights that timm's training keeps, lies near the model after a run, and
# takes BatchNorm's running statistics as the model has them: they are a moving average already.
#
# What happens: by default the average keeps 0.9999 of itself a step. After a fine-tuning run of 160 steps it is still the model after the
# first one: of what the weights went it has gone 1.4 %, and a new head in it is nearly as it was drawn. With
# `use_warmup=True` it is 84 %. The statistics are averaged a second time, so they lag behind as far, unless exclude_buffers=True has
# them copied.
#
# Why it matters: with a million images and 300 epochs the average is the better model, and recipes say so. Copied into a run of some
# hundred steps it is the model before the run, and one concludes that fine-tuning has failed. Choose a decay by the number of steps.
#
# Seen on 2026-11-30:
#   a weight that rose from 0 to 1 in 160 steps: 0.014; with use_warmup: 0.843
#   a running mean that rose from 0 to 1 in 160 steps: 0.014; with exclude_buffers: 1.000
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q timm==1.0.31 torch==2.14.1 torchvision==0.29.1

then=$(sed -n "s/^#   //p" "$0") # the lines above
now=$("$work/venv/bin/python" -W ignore - <<'END'
import torch
from timm.utils import ModelEmaV3
from torch import nn

STEPS = 160


def averaged(model: nn.Module, tensor: torch.Tensor, **options) -> nn.Module:
    """The average after all steps, in each of which this tensor of the model rises by the same amount, from 0 to 1."""
    tensor.data.zero_()
    average = ModelEmaV3(model, **options)
    for step in range(1, STEPS + 1):
        tensor.data.fill_(step / STEPS)
        average.update(model, step=step)
    return average.module


head, norm = nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1)
usual, warm = (averaged(head, head.weight, **options).weight.item() for options in ({}, {"use_warmup": True}))
print(f"a weight that rose from 0 to 1 in {STEPS} steps: {usual:.3f}; with use_warmup: {warm:.3f}")
twice, once = (averaged(norm, norm.running_mean, **options).running_mean.item() for options in ({}, {"exclude_buffers": True}))
print(f"a running mean that rose from 0 to 1 in {STEPS} steps: {twice:.3f}; with exclude_buffers: {once:.3f}")
END
)

echo "$now"
diff <(echo "$then") <(echo "$now") || { echo "Changed since 2026-11-30: < then, > now." >&2; exit 1; }
