#!/usr/bin/env bash
# Packages: torch 2.14.1, torchvision 0.29.1
#
# One would guess: torch's compiler (`torch._dynamo`) is imported by whoever compiles or exports something.
#
# What happens: two things that compile nothing import it: torchvision when it is imported (its roi_align asks for one word about a
# device), and the first step of any optimizer.
# Those are several hundred modules, as long to import as torch itself.
#
# Why it matters: each process that trains or loads a network pays for it: each kernel of a class, each grading process, each worker of
# a test run. `import torch` alone is half of what "importing torch" takes in practice.
#
# Seen on 2026-11-29:
#   import torch                             compiler imported: False
#   import torch, torchvision                compiler imported: True
#   import torch, one step of an optimizer   compiler imported: True, hundreds of modules more: True
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q torch==2.14.1 torchvision==0.29.1

then=$(sed -n "s/^#   //p" "$0") # the lines above
seen() { # words, Python
    "$work/venv/bin/python" -W ignore -c "import sys, torch; n = len(sys.modules)
$2
more = f', hundreds of modules more: {len(sys.modules) - n > 300}' if 'step' in '''$2''' else ''
print(f\"{'$1':40} compiler imported: {'torch._dynamo' in sys.modules}{more}\")"
}
now=$(
    seen "import torch" ""
    seen "import torch, torchvision" "import torchvision"
    seen "import torch, one step of an optimizer" "torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1).step()"
)

echo "$now"
diff <(echo "$then") <(echo "$now") || { echo "Changed since 2026-11-29: < then, > now." >&2; exit 1; }
