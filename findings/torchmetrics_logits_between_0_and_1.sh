#!/usr/bin/env bash
# Packages: torchmetrics 1.9.0, torch 2.14.1
#
# One would guess: MulticlassCalibrationError gets logits or probabilities, and adding the same number to all logits, which changes no
# probability, changes no result.
#
# What happens: whether it applies softmax hangs on the values of the batch: as soon as one lies outside of 0 to 1 they are logits,
# else probabilities, also where rows do not add up to 1. Small logits are read as confidences; shifted by one they are not, and the
# answer is another.
#
# Why it matters: a new head's first logits, and logits that a high temperature has divided, lie between 0 and 1 in some batches, and not in
# others. Apply softmax yourself before you measure calibration.
#
# Seen on 2026-11-30 (four images, three classes, logits of 0.1 to 0.9, five bins):
#   logits: 0.1500
#   the same plus 1: 0.4862
#   their softmax: 0.4862
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q torchmetrics==1.9.0 torch==2.14.1

then=$(sed -n "s/^#   //p" "$0") # the lines above
now=$("$work/venv/bin/python" -W ignore - 2>"$work/progress" <<'END'
import torch
from torchmetrics.classification import MulticlassCalibrationError

logits = torch.tensor([[0.9, 0.1, 0.2], [0.1, 0.8, 0.3], [0.2, 0.1, 0.7], [0.6, 0.5, 0.1]])
labels = torch.tensor([0, 1, 2, 1])
given = {"logits": logits, "the same plus 1": logits + 1, "their softmax": logits.softmax(dim=1)}
for title, predicted in given.items():
    print(f"{title}: {MulticlassCalibrationError(3, n_bins=5)(predicted, labels):.4f}")
END
)

echo "$now"
diff <(echo "$then") <(echo "$now") || { echo "Changed since 2026-11-30: < then, > now." >&2; exit 1; }
