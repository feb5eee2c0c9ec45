#!/usr/bin/env bash
# Packages: torchcache 0.6.0, torch 2.14.1, zstd 1.5.7.2
#
# One would guess: a package that keeps what a frozen module gave knows the answer by the module and the image: other weights, or
# another image, are computed anew, or at worst refused.
#
# What happens: the weights are no part of what an answer is known by, only the class, its source and its arguments are. After a
# load_state_dict, or in the next run with other pre-trained weights, the features are those of the old weights, without a word. And of
# an image a sum of some of its values is taken: at 224 pixels those fourteen of fifteen that are left out may be anything.
#
# Why it matters: who compares two backbones of one class, or two augmentations, trains both on the features of the first, and
# the curves look plausible. What computes once has to be known by a checksum of weights and of the whole input.
#
# Seen on 2026-11-29 (a convolution of 3 x 224 x 224 images):
#   the same image again:                                  as computed: True
#   other weights, same class:                             as computed: False, as the old weights gave it: True
#   an image of which only left-out values differ:         as computed: False, as the first image gave it: True
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q torchcache==0.6.0 torch==2.14.1 zstd==1.5.7.2 setuptools

then=$(sed -n "s/^#   //p" "$0") # the lines above
cat >"$work/run.py" <<'END'
import torch
from torch import nn
from torchcache import torchcache


@torchcache(persistent=True, persistent_cache_dir="kept")
class Front(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 3).requires_grad_(False)

    def forward(self, images):
        return self.layer(images)


def tell(words, found, computed, earlier=None):
    said = f"as computed: {torch.allclose(found, computed, atol=1e-6)}"
    said += "" if earlier is None else f", as {earlier[0]}: {torch.allclose(found, earlier[1], atol=1e-6)}"
    print(f"{words:54} {said}")


with torch.no_grad():
    torch.manual_seed(0)
    images = torch.randn(1, 3, 224, 224)
    front = Front()
    first = front.layer(images)
    front(images)
    tell("the same image again:", front(images), first)
    torch.manual_seed(1)
    other = Front()
    tell("other weights, same class:", other(images), other.layer(images), ("the old weights gave it", first))
    left_out = torch.arange(images.numel()) % 15 != 0
    changed = torch.where(left_out, -images.flatten(), images.flatten()).view_as(images)
    words = "an image of which only left-out values differ:"
    tell(words, front(changed), front.layer(changed), ("the first image gave it", first))
END
now=$(cd "$work" && "$work/venv/bin/python" -W ignore run.py 2>log) # a file, for its source is part of a key

echo "$now"
diff <(echo "$then") <(echo "$now") || { echo "Changed since 2026-11-29: < then, > now." >&2; exit 1; }
