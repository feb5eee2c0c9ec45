"""`train_one_epoch`: one step a batch, exact means, nothing frozen moves."""

import torch
from torch.nn.functional import cross_entropy


def _sums(model, loader, optimizer):
    total, correct, samples = 0.0, 0, 0
    for images, labels in loader:
        optimizer.zero_grad()
        logits = model(images)
        loss = cross_entropy(logits, labels)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        correct += (logits.argmax(dim=1) == labels).sum().item()
        samples += len(labels)
    return {"loss": total / samples, "accuracy": correct / samples}


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


def _eval_throughout(model, loader, optimizer):
    model.eval()
    return _sums(model, loader, optimizer)


def _train_mode(model, loader, optimizer):
    model.train()
    return _sums(model, loader, optimizer)


def _variant(*, zero=True, step=True, softmax=False, once=False, grad=True):
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


def _batch_means(model, loader, optimizer):
    losses, shares = [], []
    for images, labels in loader:
        optimizer.zero_grad()
        logits = model(images)
        loss = cross_entropy(logits, labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        shares.append((logits.argmax(dim=1) == labels).float().mean().item())
    return {"loss": sum(losses) / len(losses), "accuracy": sum(shares) / len(shares)}


def _tensors(model, loader, optimizer):
    return {key: torch.tensor(value) for key, value in _sums(model, loader, optimizer).items()}


def _percent(model, loader, optimizer):
    found = _sums(model, loader, optimizer)
    return {**found, "accuracy": 100 * found["accuracy"]}


def _loss_only(model, loader, optimizer):
    return _sums(model, loader, optimizer)["loss"]


def _releases_the_base(model, loader, optimizer):
    model.requires_grad_(True)
    return _sums(model, loader, torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.5))


RIGHT = {"sums": _sums, "lists": _lists, "sets the modes by the flags": _sets_modes, "eval mode throughout": _eval_throughout}
WRONG = {
    "model.train() at the start": (_train_mode, "batchnorm_moved"),
    "no_grad around the forward pass": (_variant(grad=False), "no_gradient"),
    "softmax before cross entropy": (_variant(softmax=True), "softmax_before_loss"),
    "no zero_grad": (_variant(zero=False), "gradients_pile_up"),
    "no step": (_variant(step=False), "nothing_moved"),
    "one batch only": (_variant(once=True), "one_batch"),
    "mean of batch means": (_batch_means, "batch_means"),
    "tensors": (_tensors, "not_plain"),
    "percent": (_percent, "percent"),
    "a number": (_loss_only, "not_the_dict"),
    "releases the base": (_releases_the_base, "frozen_moved"),
}
