#!/usr/bin/env bash
# Packages: lightning 2.6.6, torch 2.14.1
#
# One would guess: `BackboneFinetuning(unfreeze_backbone_at_epoch=5, train_bn=False)` holds all of the backbone until epoch 5, BatchNorm
# included: its page says of `train_bn` that it makes BatchNorm trainable.
#
# What happens: until then BatchNorm learns all the same, weights and statistics. The callback freezes by `self.freeze(backbone)`, and
# hands its own setting on only when it unfreezes; `freeze` has a `train_bn` of its own, which is True unless said otherwise. So the two
# values of the callback's setting do the same in the frozen epochs. `BaseFinetuning.freeze(backbone, train_bn=False)` does hold it.
#
# Why it matters: who sets `train_bn=False` wants pre-trained statistics kept from a small data set. They drift from the first batch
# on, without an error.
#
# Seen on 2026-11-29:
#   BackboneFinetuning(5, train_bn=True):   BatchNorm's weights moved: True, statistics: True; convolution: False
#   BackboneFinetuning(5, train_bn=False):  BatchNorm's weights moved: True, statistics: True; convolution: False
#   freeze(backbone, train_bn=False):       BatchNorm's weights moved: False, statistics: False; convolution: False
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q lightning==2.6.6 torch==2.14.1

then=$(sed -n "s/^#   //p" "$0") # the lines above
now=$("$work/venv/bin/python" 2>"$work/said" - <<'END'
import copy
import logging

import lightning as L
import torch
from lightning.pytorch.callbacks import BackboneFinetuning, BaseFinetuning
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
torch.manual_seed(0)


class Module(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(8, 3)

    def training_step(self, batch, _):
        return nn.functional.cross_entropy(self.head(self.backbone(batch[0])), batch[1])

    def configure_optimizers(self):
        return torch.optim.SGD([p for p in self.parameters() if p.requires_grad], lr=0.1)


def hold(backbone):
    BaseFinetuning.freeze(backbone, train_bn=False)


quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
data = DataLoader(TensorDataset(torch.randn(32, 3, 8, 8) + 1, torch.randint(3, (32,))), batch_size=8)
ways = {
    "BackboneFinetuning(5, train_bn=True):": (lambda backbone: None, [BackboneFinetuning(5, train_bn=True)]),
    "BackboneFinetuning(5, train_bn=False):": (lambda backbone: None, [BackboneFinetuning(5, train_bn=False)]),
    "freeze(backbone, train_bn=False):": (hold, []),
}
for words, (prepare, callbacks) in ways.items():
    module = Module()
    prepare(module.backbone)
    before = copy.deepcopy(module.backbone.state_dict())
    L.Trainer(max_epochs=1, accelerator="cpu", callbacks=callbacks, **quiet).fit(module, data)
    moved = {name for name, tensor in module.backbone.state_dict().items() if not torch.equal(tensor, before[name])}
    weights, statistics, convolution = ("1.weight" in moved, "1.running_mean" in moved, "0.weight" in moved)
    print(f"{words:39} BatchNorm's weights moved: {weights}, statistics: {statistics}; convolution: {convolution}")
END
) || { cat "$work/said" >&2; exit 1; }

echo "$now"
diff <(echo "$then") <(echo "$now") || { echo "Changed since 2026-11-29: < then, > now." >&2; exit 1; }
