#!/usr/bin/env bash
# Packages: timm 1.0.31, torch 2.14.1, torchvision 0.29.1
#
# One would guess: timm's two documented ways to a new head, `create_model(name, num_classes=10)` and `reset_classifier(10)` on a model that
# is there, give the same kind of head: fresh, small weights, and a first loss near the logarithm of the number of classes.
#
# What happens: for an EfficientNet the first way draws the new layer's weights evenly from a range of one over the root of the
# number of *outputs*, the second leaves torch's own, one over the root of the number of *inputs*: with 1280 features and 10 classes
# the first head's weights are eleven times as large, and its first loss, on features as they come behind a ReLU, three times
# that of pure guessing. Both heads are right ones, and learn.
#
# Why it matters: "the first loss should be near ln(classes)" is the usual check of a new head. Here it calls a sound model broken, and
# two runs that differ in nothing but that line start from different places: their curves do not compare.
#
# Seen on 2026-11-29:
#   create_model(..., num_classes=10): weights up to 0.316, first loss above 2 ln 10: True
#   reset_classifier(10):              weights up to 0.028, first loss above 2 ln 10: False
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q timm==1.0.31 torch==2.14.1 torchvision==0.29.1

then=$(sed -n "s/^#   //p" "$0") # the lines above
now=$("$work/venv/bin/python" - <<'END'
import math

import timm
import torch
from torch.nn.functional import cross_entropy

torch.manual_seed(0)
features, labels = torch.randn(256, 1280).relu(), torch.arange(256) % 10
made = timm.create_model("tf_efficientnet_lite0", num_classes=10)
reset = timm.create_model("tf_efficientnet_lite0")
reset.reset_classifier(10)
for words, model in (("create_model(..., num_classes=10):", made), ("reset_classifier(10):", reset)):
    head = model.get_classifier()
    loss = cross_entropy(head(features), labels).item()
    print(f"{words:34} weights up to {head.weight.abs().max():.3f}, first loss above 2 ln 10: {loss > 2 * math.log(10)}")
END
)

echo "$now"
diff <(echo "$then") <(echo "$now") || { echo "Changed since 2026-11-29: < then, > now." >&2; exit 1; }
