#!/usr/bin/env bash
# Packages: torch 2.14.1, onnx 1.23.2
#
# One would guess: `torch.onnx.export(..., dynamo=False)` puts the model into eval mode while it looks at it, and afterwards puts every
# layer back into the mode that it had.
#
# What happens: only the outermost module's mode is remembered, and it is given to all layers. A slice of a Sequential is a new module,
# in train mode by default, around layers that may all be in eval mode: after the export their BatchNorm and dropout are in train
# mode. They are the layers of the model itself, so that one is changed as well. The file is right.
#
# Why it matters: who exports a part of a frozen network, features up to some block, and goes on with the network gets other
# outputs for the same image, and the running statistics drift with each look.
#
# Seen on 2026-11-29 (convolution, BatchNorm, dropout, all in eval mode):
#   before:                                  False False False
#   after exporting the network:             False False False
#   after exporting a slice of it:           True True False
#   the network gives what it gave before:   False
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q torch==2.14.1 onnx==1.23.2 numpy==2.4.6

then=$(sed -n "s/^#   //p" "$0") # the lines above
now=$("$work/venv/bin/python" -W ignore - <<'END'
import io

import torch
from torch import nn

torch.manual_seed(0)
network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5)).eval()
images = torch.randn(2, 3, 8, 8)


def tell(words):
    print(f"{words:40} {' '.join(str(layer.training) for layer in network)}")


with torch.no_grad():
    before = network(images)
    tell("before:")
    torch.onnx.export(network, (images,), io.BytesIO(), dynamo=False)
    tell("after exporting the network:")
    torch.onnx.export(network[:2], (images,), io.BytesIO(), dynamo=False)
    tell("after exporting a slice of it:")
    print(f"{'the network gives what it gave before:':40} {torch.equal(network(images), before)}")
END
)

echo "$now"
diff <(echo "$then") <(echo "$now") || { echo "Changed since 2026-11-29: < then, > now." >&2; exit 1; }
