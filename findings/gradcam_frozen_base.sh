#!/usr/bin/env bash
# Packages: grad-cam 1.5.7, torch 2.14.1, torchvision 0.29.1
#
# One would guess: Grad-CAM asks for the gradient of a class's score by a layer's output, so it does not matter whether the layer's weights
# learn; and looking at a model leaves it as it was.
#
# What happens: of a model whose base is frozen, as after training a head, no map is made: the activation does not want a gradient, the
# package's hook passes over it without a word, and what follows meets None (an AttributeError that does not say why). With
# compute_input_gradient, an attribute to be set by hand, the map comes. Of a model that learns the map comes, but the model stays
# in eval mode afterwards, and the gradients of the class's score stay in its parameters, where the next backward pass adds to them.
#
# Why it matters: a look in the middle of a training changes the next step unless zero_grad() comes first, and every step after it
# unless the loop sets the modes anew.
#
# Seen on 2026-11-30 (a small network in train mode):
#   all learn: a map of (2, 16, 16); then train mode False, gradients in 8 of 8 parameters
#   base frozen: AttributeError: 'NoneType' object has no attribute 'shape'
#   base frozen, compute_input_gradient set: a map of (2, 16, 16)
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q grad-cam==1.5.7 torch==2.14.1 torchvision==0.29.1

then=$(sed -n "s/^#   //p" "$0") # the lines above
now=$("$work/venv/bin/python" -W ignore - 2>"$work/progress" <<'END'
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn

torch.manual_seed(0)
images = torch.randn(2, 3, 16, 16)


def network():
    pooled = nn.AdaptiveAvgPool2d(1), nn.Flatten()
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3), *pooled, nn.Linear(8, 4))


def mapped(model, inputs=False):
    with GradCAM(model=model, target_layers=[model[3]]) as cam:
        cam.compute_input_gradient = inputs
        return f"a map of {cam(input_tensor=images, targets=[ClassifierOutputTarget(1)] * 2).shape}"


model = network()
found, parameters = mapped(model), list(model.parameters())
held = sum(p.grad is not None for p in parameters)
print(f"all learn: {found}; then train mode {model.training}, gradients in {held} of {len(parameters)} parameters")
frozen = network()
for parameter in frozen[:-1].parameters():
    parameter.requires_grad_(False)
try:
    print("base frozen:", mapped(frozen))
except AttributeError as error:
    print(f"base frozen: {type(error).__name__}: {error}")
print("base frozen, compute_input_gradient set:", mapped(frozen, inputs=True))
END
)

echo "$now"
diff <(echo "$then") <(echo "$now") || { echo "Changed since 2026-11-30: < then, > now." >&2; exit 1; }
