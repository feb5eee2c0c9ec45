#!/usr/bin/env bash
# Packages: torch 2.14.1, torchvision 0.29.1 (as plain pip installs them)
#
# One would guess: an import only loads code. It writes nothing outside Python's own caches, and the standard library's
# `tempfile` decides where temporary files belong when the program first asks for one.
#
# What happens: `import torch` is harmless, but `import torchvision`, even on a machine without a GPU and with nothing ever
# compiled, brings in `torch._dynamo`. That asks for the temporary folder, makes `torchinductor_<user>` in it, and
# thereby fills `tempfile.tempdir` for the rest of the process: TMPDIR set after the import has no effect any more.
#
# Why it matters: who fine-tunes or grades imports once and then gives each learner's work (a forked kernel, a worker)
# its own temporary folder by setting TMPDIR. All of them still write to the old one, where they see each other's
# files, or which is long deleted; and a folder that a grader checks for leftovers holds one that no learner made.
#
# Seen on 2026-11-28:
#   torch: tempfile.tempdir None, in the first folder [], TMPDIR set later is obeyed: True
#   torchvision: tempfile.tempdir first, in the first folder ['torchinductor_'], TMPDIR set later is obeyed: False
#   torch._dynamo: tempfile.tempdir first, in the first folder ['torchinductor_'], TMPDIR set later is obeyed: False
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q torch==2.14.1 torchvision==0.29.1
unset TORCHINDUCTOR_CACHE_DIR

then=$(sed -n "s/^#   //p" "$0") # the lines above
now=$(for module in torch torchvision torch._dynamo; do
    rm -rf "$work/first" "$work/second"
    mkdir "$work/first" "$work/second"
    TMPDIR="$work/first" "$work/venv/bin/python" - "$module" "$work/second" <<'END'
import importlib, os, sys, tempfile

module, second = sys.argv[1:]
first = os.environ["TMPDIR"]
importlib.import_module(module)
cached = tempfile.tempdir and os.path.basename(tempfile.tempdir)
left = ["torchinductor_" if name.startswith("torchinductor_") else name for name in os.listdir(first)]
os.environ["TMPDIR"] = second
obeyed = os.path.dirname(tempfile.mkdtemp()) == second
print(f"{module}: tempfile.tempdir {cached}, in the first folder {left}, TMPDIR set later is obeyed: {obeyed}")
END
done)

echo "$now"
diff <(echo "$then") <(echo "$now") || { echo "Changed since 2026-11-28: < then, > now." >&2; exit 1; }
