#!/usr/bin/env bash
# Packages: scikit-learn 1.9.1, numpy 2.4.6
#
# One would guess: `top_k_accuracy_score(y, scores, k=1)` for two classes calls an image positive if its score is above
# a fixed threshold; whether one image counts as right does not depend on the other images in the call.
#
# What happens: the function looks at the smallest and the largest score. All within 0 and 1: they are probabilities,
# the threshold is 0.5. Otherwise: decision values, the threshold is 0. Logits that happen to lie within 0 and 1 (those of
# a head after its first steps) are cut at 0.5, until one score outside of it moves the threshold for all the others.
#
# Why it matters: accuracy summed up over batches is not the accuracy over the same images at once, and one epoch's
# number does not compare with the next one's: the first logit below 0 looks like a leap in learning. No warning.
#
# Seen on 2026-11-28:
#   logits above 0:     4 of 4 right
#   first batch:        2 of 4 right
#   the same and -0.01: 5 of 5 right
#   the same and 0.01:  2 of 5 right
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q scikit-learn==1.9.1 numpy==2.4.6

then=$(sed -n "s/^#   //p" "$0") # the lines above
now=$("$work/venv/bin/python" - <<'END'
import numpy as np
from sklearn.metrics import top_k_accuracy_score

truth, logits = np.array([1, 1, 1, 1]), np.array([0.2, 0.4, 0.6, 0.8])


def right(truth, logits):
    return f"{top_k_accuracy_score(truth, logits, k=1, labels=[0, 1], normalize=False):.0f} of {len(truth)} right"


print(f"logits above 0:     {(truth == (logits > 0)).sum()} of 4 right")
print("first batch:       ", right(truth, logits))
print("the same and -0.01:", right(np.append(truth, 0), np.append(logits, -0.01)))
print("the same and 0.01: ", right(np.append(truth, 1), np.append(logits, 0.01)))
END
)

echo "$now"
diff <(echo "$then") <(echo "$now") || { echo "Changed since 2026-11-28: < then, > now." >&2; exit 1; }
