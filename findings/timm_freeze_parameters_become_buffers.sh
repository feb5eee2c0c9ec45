#!/usr/bin/env bash
# Packages: timm 1.0.31, torch 2.14.1, torchvision 0.29.1
#
# One would guess: `timm.utils.freeze` sets requires_grad to False and leaves the model's parameters as they are: their number does
# not change, nor do the names in its state_dict.
#
# What happens: every BatchNorm in the frozen part is replaced by another module, whose weights and biases are buffers. Of ResNet18 9,600
# numbers are no parameters any more, 20 names (num_batches_tracked) leave the state_dict, and a variable that held the old layer
# holds one that the model no longer runs. `unfreeze` puts new BatchNorm layers in, and all is counted as before.
#
# Why it matters: "all, trainable, frozen" no longer add up to the model's published size, code that looks for nn.BatchNorm2d finds none
# in the frozen part, and an optimizer or a hook made before the call belongs to layers that are gone.
#
# Seen on 2026-11-29 (ResNet18, 10 classes, all but the head):
#   as it came:  parameters 11181642, trainable 11181642, in state_dict 122, BatchNorm2d layers 20
#   frozen:      parameters 11172042, trainable 5130, in state_dict 102, BatchNorm2d layers 0
#   unfrozen:    parameters 11181642, trainable 11181642, in state_dict 122, BatchNorm2d layers 20
#   the first BatchNorm is the module that it was: False
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q timm==1.0.31 torch==2.14.1 torchvision==0.29.1

then=$(sed -n "s/^#   //p" "$0") # the lines above
now=$("$work/venv/bin/python" - <<'END'
import timm
from timm.utils import freeze, unfreeze
from torch import nn

ALL_BUT_THE_HEAD = ["conv1", "bn1", "layer1", "layer2", "layer3", "layer4"]
model = timm.create_model("resnet18", num_classes=10)
first = model.bn1


def tell(words):
    sizes = [(p.numel(), p.requires_grad) for p in model.parameters()]
    print(
        f"{words:12} parameters {sum(size for size, _ in sizes)}, trainable {sum(size for size, trains in sizes if trains)},",
        f"in state_dict {len(model.state_dict())}, BatchNorm2d layers {sum(isinstance(m, nn.BatchNorm2d) for m in model.modules())}",
    )


tell("as it came:")
freeze(model, ALL_BUT_THE_HEAD)
tell("frozen:")
unfreeze(model, ALL_BUT_THE_HEAD)
tell("unfrozen:")
print("the first BatchNorm is the module that it was:", model.bn1 is first)
END
)

echo "$now"
diff <(echo "$then") <(echo "$now") || { echo "Changed since 2026-11-29: < then, > now." >&2; exit 1; }
