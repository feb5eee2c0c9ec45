#!/usr/bin/env bash
# Packages: safetensors 0.8.0, numpy 2.4.6
#
# One would guess: the same tensors with the same metadata, saved twice, are the same file, so a checksum tells whether two files
# hold the same model.
#
# What happens: tensors are put into a fixed order, metadata are not. With two entries or more their order is drawn anew at each
# call, also within one process, and so are the bytes and every checksum of them. With one entry, or none, the bytes are equal.
#
# Why it matters: who notes where a model came from (class names, transform, licence: metadata is the place) can no longer compare files,
# deduplicate uploads, or hand out a reproducible archive, by a checksum of the whole. The bytes behind the header still compare.
#
# Seen on 2026-11-29 (different files among 40 that were saved of one model):
#   no metadata:        1
#   one entry:          1
#   five entries:       more than one
#   behind the header:  1
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q safetensors==0.8.0 numpy==2.4.6

then=$(sed -n "s/^#   //p" "$0") # the lines above
now=$("$work/venv/bin/python" - <<'END'
import numpy as np
from safetensors.numpy import save

model = {"weight": np.ones((2, 3), np.float32), "bias": np.zeros(2, np.float32), "steps": np.array([7])}
five = {name: "told" for name in ("class_names", "transform", "licence", "data", "accuracy")}


def files(metadata, part=lambda content: content):
    return len({part(save(model, metadata=metadata)) for _ in range(40)})


def behind_the_header(content):
    return content[8 + int.from_bytes(content[:8], "little") :]


print("no metadata:       ", files(None))
print("one entry:         ", files({"licence": "told"}))
print("five entries:      ", "more than one" if files(five) > 1 else 1)
print("behind the header: ", files(five, behind_the_header))
END
)

echo "$now"
diff <(echo "$then") <(echo "$now") || { echo "Changed since 2026-11-29: < then, > now." >&2; exit 1; }
