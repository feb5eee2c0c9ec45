#!/usr/bin/env bash
# Packages: torch 2.14.1
#
# One would guess: an optimizer's step between a forward pass and its backward pass is an error, "one of the variables needed for
# gradient computation has been modified by an inplace operation", whichever implementation of the step is chosen: fused=True
# changes speed.
#
# What happens: with fused=True the step leaves the counters of changes of its parameters (`_version`) as they are. So backward()
# takes weights that have moved for those of the forward pass, raises nothing, and gives other gradients: here those of w ** 3
# at the new w, while the loss was computed at w = 1, 2, 3 and has the gradients 3, 12, 27. SGD, Adam and AdamW alike, on the CPU.
#
# Why it matters: two losses of one model, the first one's step done before the second one's backward(), is a mistake that PyTorch
# catches. Whoever switches to fused optimizers for speed loses the guard, and whatever watches weights by their counters sees nothing move.
#
# Seen on 2026-11-29:
#   SGD    fused=False: the counter rises by 1, backward raises RuntimeError
#   SGD    fused=True:  the counter rises by 0, backward gives 0.75, 6.75, 18.75
#   Adam   fused=False: the counter rises by 1, backward raises RuntimeError
#   Adam   fused=True:  the counter rises by 0, backward gives 0.75, 6.75, 18.75
#   AdamW  fused=False: the counter rises by 2, backward raises RuntimeError
#   AdamW  fused=True:  the counter rises by 0, backward gives 0.74, 6.66, 18.53
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q torch==2.14.1

then=$(sed -n "s/^#   //p" "$0") # the lines above
now=$("$work/venv/bin/python" -W ignore - <<'END'
import torch

for kind in (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW):
    for fused in (False, True):
        weights = torch.nn.Parameter(torch.tensor([1.0, 2.0, 3.0]))
        optimizer = kind([weights], lr=0.5, fused=fused)
        loss = (weights**3).sum()
        weights.grad, before = torch.ones(3), weights._version
        optimizer.step()
        weights.grad = None
        try:
            loss.backward()
            said = "gives " + ", ".join(f"{number:.2f}" for number in weights.grad.tolist())
        except RuntimeError:
            said = "raises RuntimeError"
        name = f"{kind.__name__:6} fused={fused}:"
        print(f"{name:19} the counter rises by {weights._version - before}, backward {said}")
END
)

echo "$now"
diff <(echo "$then") <(echo "$now") || { echo "Changed since 2026-11-29: < then, > now." >&2; exit 1; }
