#!/usr/bin/env bash
# Packages: medmnist 3.0.2, torch 2.14.1, torchvision 0.29.1
#
# One would guess: a data set "like MNIST" gives a class as MNIST does, as one number, so that a loop which counts
# `(logits.argmax(1) == labels)` works on it unchanged.
#
# What happens: a label is an array of one number, and a batch of N has shape (N, 1). Compared with N predictions that broadcasts to
# N x N: no error and no warning, and the mean is how often two images drawn at random have the same class. Predictions that are right
# for every image get about a half on two balanced classes, and always guessing one class gets the same as it would honestly. (Of the usual
# pieces only the loss complains: cross_entropy refuses that shape.)
#
# Why it matters: who adds `.squeeze(1)` to the loss, where the error is, and not to the accuracy trains well and reads chance.
#
# Seen on 2026-11-30 (files of the published format and sizes, with classes drawn at random):
#   a label: shape (1,), a batch: shape (156, 1)
#   right for every image: compared as they come 0.50, flattened 1.00
#   cross_entropy with the labels as they come: RuntimeError
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q medmnist==3.0.2 torch==2.14.1 torchvision==0.29.1

then=$(sed -n "s/^#   //p" "$0") # the lines above
now=$(cd "$work" && "$work/venv/bin/python" -W ignore - 2>"$work/progress" <<'END'
import numpy as np
import torch
from medmnist import INFO, BreastMNIST
from torch.utils.data import DataLoader
from torchvision.transforms import ToTensor

drawn, content = np.random.default_rng(0), {}
for split, number in INFO["breastmnist"]["n_samples"].items():
    content[f"{split}_images"] = drawn.integers(0, 256, (number, 28, 28), dtype=np.uint8)
    content[f"{split}_labels"] = drawn.integers(0, 2, (number, 1), dtype=np.uint8)
np.savez("breastmnist.npz", **content)
images = BreastMNIST(split="test", root=".", download=False, transform=ToTensor())
_, labels = next(iter(DataLoader(images, len(images))))
print(f"a label: shape {images[0][1].shape}, a batch: shape {tuple(labels.shape)}")
right = labels.flatten().long()  # what a model predicts that is never wrong
asked, flat = (right == labels).float().mean().item(), (right == labels.flatten()).float().mean().item()
print(f"right for every image: compared as they come {asked:.2f}, flattened {flat:.2f}")
try:
    torch.nn.functional.cross_entropy(torch.zeros(len(labels), 2), labels)
except RuntimeError as error:
    print("cross_entropy with the labels as they come:", type(error).__name__)
END
)

echo "$now"
diff <(echo "$then") <(echo "$now") || { echo "Changed since 2026-11-30: < then, > now." >&2; exit 1; }
