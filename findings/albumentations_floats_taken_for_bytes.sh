#!/usr/bin/env bash
# Packages: albumentations 2.0.8, opencv-python-headless 5.0.0.93, numpy 2.4.6
#
# One would guess: an image of float32 in [0, 1] is normalized as the same image of uint8 in [0, 255] is. A change of brightness asks an
# image for its type, and takes 1 for the most that a float32 has; so will the step that is told a `max_pixel_value`.
#
# What happens: `Normalize` divides by 255 whatever the type is. Of float32 in [0, 1] all values come out within 0.008 of the lowest one:
# the picture is there, 255 times as faint. Nothing is said. And other steps cut what a float32 has above 1: an image of float32 in [0, 255]
# becomes white by a change of brightness, while some others leave it as it is.
#
# Why it matters: to a network all such images are nearly one and the same, training runs without an error, and what is looked for is the
# learning rate. Keep images uint8 until `Normalize`, or give it max_pixel_value=1.0.
#
# Seen on 2026-11-30:
#   Normalize, uint8 in [0, 255]: -1.000 to 1.000
#   Normalize, float32 in [0, 1]: -1.000 to -0.992
#   Normalize, float32 in [0, 1], max_pixel_value=1.0: -1.000 to 1.000
#   RandomBrightnessContrast, float32 in [0, 255]: at most 1
#   ToGray, float32 in [0, 255]: at most 255
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q albumentations==2.0.8 opencv-python-headless==5.0.0.93 numpy==2.4.6

then=$(sed -n "s/^#   //p" "$0") # the lines above
now=$(NO_ALBUMENTATIONS_UPDATE=1 "$work/venv/bin/python" -W ignore - <<'END'
import albumentations
import numpy as np

ramp = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, axis=2)
small, large = (ramp / 255).astype(np.float32), ramp.astype(np.float32)
half = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
usual, told = albumentations.Normalize(**half), albumentations.Normalize(**half, max_pixel_value=1.0)
for what, step, image in (
    ("Normalize, uint8 in [0, 255]", usual, ramp),
    ("Normalize, float32 in [0, 1]", usual, small),
    ("Normalize, float32 in [0, 1], max_pixel_value=1.0", told, small),
):
    found = step(image=image)["image"]
    print(f"{what}: {found.min():.3f} to {found.max():.3f}")
bright = albumentations.RandomBrightnessContrast((0.1, 0.1), (0, 0), p=1)
for step in (bright, albumentations.ToGray(p=1)):
    print(f"{type(step).__name__}, float32 in [0, 255]: at most {step(image=large)['image'].max():.0f}")
END
)

echo "$now"
diff <(echo "$then") <(echo "$now") || { echo "Changed since 2026-11-30: < then, > now." >&2; exit 1; }
