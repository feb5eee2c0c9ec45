#!/usr/bin/env bash
# Packages: torchmetrics 1.9.0, scikit-learn 1.9.1, torch 2.14.1
#
# One would guess: accuracy averaged over classes is one number: torchmetrics' MulticlassAccuracy(average="macro") and scikit-learn's
# balanced_accuracy_score agree, since both are the mean of what each class got right.
#
# What happens: they part where a class has no image in the set but the model predicts it: scikit-learn leaves the class out,
# torchmetrics counts it as a class of which nothing was right. Where nobody predicts it, both leave it out. And torchmetrics has two
# defaults: the class MulticlassAccuracy averages over classes, the factory Accuracy(task="multiclass") over images.
#
# Why it matters: small validation sets and folds often lack a class. One wrong prediction then costs a whole class' share, and a paper's
# "macro accuracy" depends on the library. Say which mean, and over which classes.
#
# Seen on 2026-11-29 (labels 0 0 1 1 1, three classes in the model):
#   class 2 predicted once:  torchmetrics 0.3889, factory's default 0.6000, scikit-learn 0.5833
#   class 2 never predicted: torchmetrics 0.5833, factory's default 0.6000, scikit-learn 0.5833
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q torchmetrics==1.9.0 scikit-learn==1.9.1 torch==2.14.1

then=$(sed -n "s/^#   //p" "$0") # the lines above
now=$("$work/venv/bin/python" -W ignore - <<'END'
import torch
from sklearn.metrics import balanced_accuracy_score
from torchmetrics import Accuracy
from torchmetrics.classification import MulticlassAccuracy

labels = torch.tensor([0, 0, 1, 1, 1])
for words, predicted in (("predicted once: ", [0, 2, 1, 1, 0]), ("never predicted:", [0, 1, 1, 1, 0])):
    predicted = torch.tensor(predicted)
    print(
        f"class 2 {words} torchmetrics {MulticlassAccuracy(3)(predicted, labels):.4f},",
        f"factory's default {Accuracy(task='multiclass', num_classes=3)(predicted, labels):.4f},",
        f"scikit-learn {balanced_accuracy_score(labels, predicted):.4f}",
    )
END
)

echo "$now"
diff <(echo "$then") <(echo "$now") || { echo "Changed since 2026-11-29: < then, > now." >&2; exit 1; }
