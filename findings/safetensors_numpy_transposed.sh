#!/usr/bin/env bash
# Packages: safetensors 0.8.0, numpy 2.4.6 (and safetensors 0.7.0, to compare)
#
# One would guess: `safetensors.numpy.save_file` saves the array that one sees: an array equal to another gives an
# equal array back, whatever its order in memory, as with `numpy.save`; or it refuses, as `safetensors.torch` does.
#
# What happens: 0.8.0 takes the bytes as they lie in memory and writes the shape beside them. A transposed array (which
# is "contiguous and dense", as the documentation asks, in Fortran's order) comes back with the right shape and dtype
# and its values in other places. No error, no warning. 0.7.0 was right. The library's tracker has it as issue 825.
#
# Why it matters: weights that come from elsewhere are transposed on the way ((in, out) to (out, in), HWIO to OIHW), and
# scikit-learn's own are often in Fortran's order. Such a checkpoint loads strictly, and the model guesses; it looks like
# a bad run of fine-tuning, and a grader that loads a learner's file gives a bad mark to right work.
#
# Seen on 2026-11-28:
#   safetensors 0.7.0: contiguous True, saved [[0, 3], [1, 4], [2, 5]], loaded [[0, 3], [1, 4], [2, 5]]
#    HWIO to OIHW: shape (4, 2, 3, 3), values in place 72 of 72; after ascontiguousarray 72 of 72
#   safetensors 0.8.0: contiguous True, saved [[0, 3], [1, 4], [2, 5]], loaded [[0, 1], [2, 3], [4, 5]]
#    HWIO to OIHW: shape (4, 2, 3, 3), values in place 2 of 72; after ascontiguousarray 72 of 72
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"

then=$(sed -n "s/^#   //p" "$0") # the lines above
now=$(for version in 0.7.0 0.8.0; do
    "$work/venv/bin/pip" install -q numpy==2.4.6 "safetensors==$version"
    "$work/venv/bin/python" - <<'END'
import numpy as np
import safetensors
from safetensors.numpy import load, save

head = np.arange(6).reshape(2, 3).T
back = load(save({"head": head}))["head"]
print(f"safetensors {safetensors.__version__}: contiguous {head.flags.forc},", end=" ")
print(f"saved {head.tolist()}, loaded {back.tolist()}")

kernel = np.arange(72.0, dtype=np.float32).reshape(3, 3, 2, 4).transpose(3, 2, 0, 1)
back = load(save({"kernel": kernel}))["kernel"]
copy = load(save({"kernel": np.ascontiguousarray(kernel)}))["kernel"]
print(f" HWIO to OIHW: shape {back.shape}, values in place {(back == kernel).sum()} of 72;", end=" ")
print(f"after ascontiguousarray {(copy == kernel).sum()} of 72")
END
done)

echo "$now"
diff <(echo "$then") <(echo "$now") || { echo "Changed since 2026-11-28: < then, > now." >&2; exit 1; }
