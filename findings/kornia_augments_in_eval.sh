#!/usr/bin/env bash
# Packages: kornia 0.9.0, torch 2.14.1, torchvision 0.29.1
#
# One would guess: kornia's augmentations are layers to be put before a model, and their mode is the model's: `eval()` switches them
# off, as it does dropout (and as Keras' layers of the same purpose do).
#
# What happens: the mode has no effect. After `eval()` images are turned as before, by a single augmentation, by
# AugmentationSequential and by ImageSequential; so does torchvision's v2 transform, which is a module as well.
#
# Why it matters: a model with its augmentation inside, nn.Sequential(augment, model), is validated, tested and exported on augmented
# images. Keep augmentation outside of what is measured, or call it where `model.training` is true.
#
# Seen on 2026-11-30 (an image whose columns are turned round with probability 1):
#   in nn.Sequential: image untouched in train mode False, in eval mode False
#   AugmentationSequential: image untouched in train mode False, in eval mode False
#   ImageSequential: image untouched in train mode False, in eval mode False
#   torchvision's v2: image untouched in train mode False, in eval mode False
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q kornia==0.9.0 torchvision==0.29.1 torch==2.14.1

then=$(sed -n "s/^#   //p" "$0") # the lines above
now=$("$work/venv/bin/python" -W ignore - 2>"$work/progress" <<'END'
import torch
from kornia import augmentation
from torch import nn
from torchvision.transforms import v2

image = torch.arange(12.0).reshape(1, 1, 3, 4)
turned = augmentation.RandomHorizontalFlip(p=1.0)
kinds = {
    "in nn.Sequential": nn.Sequential(turned),
    "AugmentationSequential": augmentation.AugmentationSequential(turned, data_keys=["input"]),
    "ImageSequential": augmentation.ImageSequential(turned),
    "torchvision's v2": nn.Sequential(v2.RandomHorizontalFlip(p=1.0)),
}
for title, layers in kinds.items():
    same = [torch.equal(layers.train(mode)(image), image) for mode in (True, False)]
    print(f"{title}: image untouched in train mode {same[0]}, in eval mode {same[1]}")
END
)

echo "$now"
diff <(echo "$then") <(echo "$now") || { echo "Changed since 2026-11-30: < then, > now." >&2; exit 1; }
