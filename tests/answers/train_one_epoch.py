"""`train_one_epoch`: one step a batch, exact means, nothing frozen moves."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from tests.answers import after, batch_by_batch, cell, changed, in_percent


def loop(*, zero=True, step=True, loss=cross_entropy, once=False, grad=True, late=False):
    """A train_one_epoch put together from parts, so that each wrong answer differs from a right one in a single place."""

    def train_one_epoch(model, loader, optimizer):
        total, correct, samples = 0.0, 0, 0
        for images, labels in loader:
            if late:
                optimizer.step()
            if zero:
                optimizer.zero_grad()
            with torch.set_grad_enabled(grad):
                logits = model(images)
            mean = loss(logits, labels)
            mean.backward()
            if step and not late:
                optimizer.step()
            total += mean.item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            samples += len(labels)
            if once:
                break
        return {"loss": total / samples, "accuracy": correct / samples}

    return train_one_epoch


by_hand = loop()


def _lists(model, loader, optimizer):
    losses, hits = [], []
    for images, labels in loader:
        logits = model(images)
        each = cross_entropy(logits, labels, reduction="none")
        each.mean().backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)
        losses += each.tolist()
        hits += (logits.argmax(1) == labels).tolist()
    return {"accuracy": sum(hits) / len(hits), "loss": sum(losses) / len(losses)}


def _sets_modes(model, loader, optimizer):
    for module in model.modules():
        flags = [p.requires_grad for p in module.parameters()]
        module.training = bool(flags) and all(flags)
    return by_hand(model, loader, optimizer)


def _releases_the_base(model, loader, optimizer):
    model.requires_grad_(True)
    return by_hand(model, loader, torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.5))


def _in_double(model, loader, optimizer):
    found = by_hand(model, loader, optimizer)
    torch.set_default_dtype(torch.float64)
    return found


RIGHT = {
    "sums": by_hand,
    "lists": _lists,
    "sets the modes by the flags": _sets_modes,
    "eval mode throughout": after(nn.Module.eval, by_hand),
}
WRONG = {
    "model.train() at the start": (after(nn.Module.train, by_hand), "batchnorm_moved"),
    "no_grad around the forward pass": (loop(grad=False), "no_gradient"),
    "softmax before cross entropy": (
        loop(loss=lambda logits, labels: cross_entropy(logits.softmax(dim=1), labels)),
        "softmax_before_loss",
    ),
    "step before backward": (loop(late=True), "step_too_early"),
    "the sum of losses": (
        loop(loss=lambda logits, labels: cross_entropy(logits, labels, reduction="sum")),
        "summed_loss",
        "other_mean",
    ),
    "detached logits": (loop(loss=lambda logits, labels: cross_entropy(logits.detach(), labels)), "graph_cut"),
    "printed, not returned": (changed(by_hand, print), "nothing_returned"),
    "backward of a number": (cell("def f(model, loader, optimizer):\n    (3.0).backward()"), "number_for_tensor"),
    "float64 for good": (_in_double, "left_switched"),
    "other keys": (changed(by_hand, lambda means: {"loss": means["loss"], "acc": means["accuracy"]}), "not_the_dict"),
    "no zero_grad": (loop(zero=False), "gradients_pile_up", "other_mean"),
    "no step": (loop(step=False), "nothing_moved", "other_mean"),
    "one batch only": (loop(once=True), "one_batch", "other_mean"),
    "mean of batch means": (batch_by_batch(by_hand), "batch_means"),
    "tensors": (changed(by_hand, lambda means: {key: torch.tensor(value) for key, value in means.items()}), "not_plain"),
    "percent": (changed(by_hand, in_percent), "percent"),
    "a number": (changed(by_hand, lambda means: means["loss"]), "not_the_dict"),
    "releases the base": (_releases_the_base, "frozen_moved", "other_mean", "other_steps"),
}
