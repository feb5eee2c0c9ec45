"""`train_one_epoch`: one step a batch, exact means, nothing frozen moves."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from tests.answers import after, changed, in_percent, mean_of


def _loop(*, zero=True, step=True, softmax=False, once=False, grad=True):
    """A train_one_epoch put together from parts, so that each wrong answer differs from a right one in a single place."""

    def train_one_epoch(model, loader, optimizer):
        total, correct, samples = 0.0, 0, 0
        for images, labels in loader:
            if zero:
                optimizer.zero_grad()
            with torch.set_grad_enabled(grad):
                logits = model(images)
            loss = cross_entropy(logits.softmax(dim=1) if softmax else logits, labels)
            loss.backward()
            if step:
                optimizer.step()
            total += loss.item() * len(labels)
            correct += (logits.argmax(dim=1) == labels).sum().item()
            samples += len(labels)
            if once:
                break
        return {"loss": total / samples, "accuracy": correct / samples}

    return train_one_epoch


_sums = _loop()


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
    return _sums(model, loader, optimizer)


def _batch_means(model, loader, optimizer):
    return mean_of([_sums(model, [batch], optimizer) for batch in loader])


def _releases_the_base(model, loader, optimizer):
    model.requires_grad_(True)
    return _sums(model, loader, torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.5))


RIGHT = {
    "sums": _sums,
    "lists": _lists,
    "sets the modes by the flags": _sets_modes,
    "eval mode throughout": after(nn.Module.eval, _sums),
}
WRONG = {
    "model.train() at the start": (after(nn.Module.train, _sums), "batchnorm_moved"),
    "no_grad around the forward pass": (_loop(grad=False), "no_gradient"),
    "softmax before cross entropy": (_loop(softmax=True), "softmax_before_loss"),
    "no zero_grad": (_loop(zero=False), "gradients_pile_up"),
    "no step": (_loop(step=False), "nothing_moved"),
    "one batch only": (_loop(once=True), "one_batch"),
    "mean of batch means": (_batch_means, "batch_means"),
    "tensors": (changed(_sums, lambda means: {key: torch.tensor(value) for key, value in means.items()}), "not_plain"),
    "percent": (changed(_sums, in_percent), "percent"),
    "a number": (changed(_sums, lambda means: means["loss"]), "not_the_dict"),
    "releases the base": (_releases_the_base, "frozen_moved"),
}
