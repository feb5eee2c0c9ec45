"""`fix_batch_means`: one sample, one vote."""

import torch
from torch.nn.functional import cross_entropy

from helpers.training.loop import measure
from tests.answers import after, as_tuple, changed, given, in_percent
from tests.support.broken_programs import broken, repaired


@torch.no_grad()
def _per_sample(model, loader):
    losses, hits = [], []
    for images, labels in loader:
        logits = model(images)
        losses += cross_entropy(logits, labels, reduction="none").tolist()
        hits += (logits.argmax(dim=1) == labels).float().tolist()
    return {"loss": sum(losses) / len(losses), "accuracy": sum(hits) / len(hits)}


def _accuracy_forgotten(model, loader):
    return {**broken("fix_batch_means")(model, loader), "loss": measure(model, loader)["loss"]}


@torch.no_grad()
def _not_weighed(model, loader):
    """Adds up means, divides by samples."""
    losses = [cross_entropy(model(images), labels).item() for images, labels in loader]
    return {"loss": sum(losses) / len(loader.dataset), "accuracy": measure(model, loader)["accuracy"]}


RIGHT = {"sums": repaired("fix_batch_means"), "a list of samples": _per_sample, "the workshop's measure": measure}
WRONG = {
    "the broken program": (broken("fix_batch_means"), "batch_means"),
    "the last batch dropped": (
        given(measure, loader=lambda loader: list(loader)[:-1] or loader),
        "depends_on_batches",
        "other_mean",
    ),
    "accuracy forgotten": (_accuracy_forgotten, "batch_means"),
    "means added up, divided by samples": (_not_weighed, "batch_means", "other_mean"),
    "percent": (changed(measure, in_percent), "percent"),
    "the first batch": (given(measure, loader=lambda loader: [next(iter(loader))]), "depends_on_batches", "other_mean"),
    "train mode": (
        after(torch.nn.Module.train, repaired("fix_batch_means")),
        "model_changed",
        "depends_on_batches",
        "other_mean",
    ),
    "a pair": (changed(measure, as_tuple), "not_the_dict"),
}
