#!/usr/bin/env bash
# Packages: fvcore 0.1.5.post20221221, torch 2.14.1
#
# One would guess: a layer has so many "flops", and torch's own FlopCounterMode and fvcore's FlopCountAnalysis give the same number.
#
# What happens: fvcore counts a multiplication with its addition as one, torch as two; fvcore counts BatchNorm and pooling, torch
# counts neither. So the two are no fixed factor apart.
#
# Why it matters: papers' tables and plots of "GFLOPs" come from both. Compare models by one tool, and say which; the cost of a frozen
# part in eval mode is the same by neither.
#
# Seen on 2026-11-30:
#   convolution 3 x 3: torch 294912, fvcore 147456
#   depthwise 3 x 3: torch 36864, fvcore 18432
#   BatchNorm in eval mode: torch 0, fvcore 4096
#   mean over the image: torch 0, fvcore 2048
#   linear: torch 2000, fvcore 1000
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q fvcore==0.1.5.post20221221 torch==2.14.1 numpy

then=$(sed -n "s/^#   //p" "$0") # the lines above
now=$("$work/venv/bin/python" -W ignore - 2>"$work/progress" <<'END'
import torch
from fvcore.nn import FlopCountAnalysis
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

image, row = torch.zeros(1, 8, 16, 16), torch.zeros(1, 100)
layers = {
    "convolution 3 x 3": (nn.Conv2d(8, 8, 3, padding=1, bias=False), image),
    "depthwise 3 x 3": (nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False), image),
    "BatchNorm in eval mode": (nn.BatchNorm2d(8).eval(), image),
    "mean over the image": (nn.AdaptiveAvgPool2d(1), image),
    "linear": (nn.Linear(100, 10), row),
}
for title, (layer, given) in layers.items():
    with FlopCounterMode(display=False) as counter:
        layer(given)
    print(f"{title}: torch {counter.get_total_flops()}, fvcore {FlopCountAnalysis(layer, given).total():.0f}")
END
)

echo "$now"
diff <(echo "$then") <(echo "$now") || { echo "Changed since 2026-11-30: < then, > now." >&2; exit 1; }
