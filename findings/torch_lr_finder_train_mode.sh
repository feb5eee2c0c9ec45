#!/usr/bin/env bash
# Packages: torch-lr-finder 0.2.2, torch 2.14.1
#
# One would guess: a range test runs the model as it was handed over, and `reset()`, documented to restore model and optimizer, leaves
# it so: a BatchNorm that was put into eval mode because its part is frozen stays there.
#
# What happens: the test itself calls model.train() at each step, so the frozen part's BatchNorm uses the batch's statistics and the
# suggested rate is that of another loop than the one it is meant for. `reset()` brings back weights, buffers and rates;
# the mode it leaves at train, in every layer.
#
# Why it matters: the training that follows changes the frozen part's running statistics, unless its own loop sets the modes anew at
# each epoch, and a model that is only evaluated after a range test predicts from batch statistics.
#
# Seen on 2026-11-29 (a network wholly in eval mode):
#   steps of the test with BatchNorm in train mode: 20 of 20
#   after reset(): state as before True, rate as before True, BatchNorm in train mode True
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q torch-lr-finder==0.2.2 torch==2.14.1

then=$(sed -n "s/^#   //p" "$0") # the lines above
now=$("$work/venv/bin/python" -W ignore - 2>"$work/progress" <<'END'
import contextlib
import io

import torch
from torch import nn
from torch_lr_finder import LRFinder

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 3)).eval()
before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
modes = []
model[1].register_forward_hook(lambda layer, *_: modes.append(layer.training))
images = torch.utils.data.TensorDataset(torch.randn(64, 4), torch.randint(0, 3, (64,)))
optimizer = torch.optim.SGD(model[2].parameters(), lr=1e-4)
finder = LRFinder(model, optimizer, nn.CrossEntropyLoss(), device="cpu")
with contextlib.redirect_stdout(io.StringIO()):
    finder.range_test(torch.utils.data.DataLoader(images, 8), end_lr=1, num_iter=20)
finder.reset()
same = all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
print(f"steps of the test with BatchNorm in train mode: {sum(modes)} of {len(modes)}")
print(f"after reset(): state as before {same}, rate as before {optimizer.param_groups[0]['lr'] == 1e-4},", f"BatchNorm in train mode {model[1].training}")
END
)

echo "$now"
diff <(echo "$then") <(echo "$now") || { echo "Changed since 2026-11-29: < then, > now." >&2; exit 1; }
