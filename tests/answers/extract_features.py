"""`extract_features`: the head's inputs and the labels, in one pass."""

import copy

import torch
from torch import nn


def _kept_modes(function):
    def wrapped(model, head_name, loader):
        modes = [(module, module.training) for module in model.modules()]
        model.eval()
        with torch.no_grad():
            found = function(model, head_name, loader)
        for module, training in modes:
            module.training = training
        return found

    return wrapped


@_kept_modes
def _listen(model, head_name, loader):
    features, labels = [], []
    handle = getattr(model, head_name).register_forward_pre_hook(lambda module, inputs: features.append(inputs[0]))
    for images, batch_labels in loader:
        model(images)
        labels.append(batch_labels)
    handle.remove()
    return torch.cat(features), torch.cat(labels)


@_kept_modes
def _identity(model, head_name, loader):
    head = getattr(model, head_name)
    setattr(model, head_name, nn.Identity())
    pairs = [(model(images), labels) for images, labels in loader]
    setattr(model, head_name, head)
    features, labels = zip(*pairs, strict=True)
    return torch.cat(features), torch.cat(labels)


def _headless_copy(model, head_name, loader):
    base = copy.deepcopy(model).eval()
    setattr(base, head_name, nn.Identity())
    base.stem = model.stem  # one first layer for both, so that every image is still seen to pass once
    features, labels = [], []
    for images, batch_labels in loader:
        features.append(base(images).detach())
        labels.append(batch_labels)
    return torch.vstack(features), torch.hstack(labels)


@_kept_modes
def _outputs(model, head_name, loader):
    pairs = [(model(images), labels) for images, labels in loader]
    return torch.cat([logits for logits, _ in pairs]), torch.cat([labels for _, labels in pairs])


def _train_mode(model, head_name, loader):
    return _listen.__closure__[0].cell_contents(model, head_name, loader)


@_kept_modes
def _two_passes(model, head_name, loader):
    features = _identity(model, head_name, loader)[0]
    return features, torch.cat([labels for _, labels in loader])


@_kept_modes
def _hook_stays(model, head_name, loader):
    features, labels = [], []
    getattr(model, head_name).register_forward_pre_hook(lambda module, inputs: features.append(inputs[0]))
    for images, batch_labels in loader:
        model(images)
        labels.append(batch_labels)
    return torch.cat(features), torch.cat(labels)


@_kept_modes
def _head_lost(model, head_name, loader):
    setattr(model, head_name, nn.Identity())
    pairs = [(model(images), labels) for images, labels in loader]
    return torch.cat([part for part, _ in pairs]), torch.cat([labels for _, labels in pairs])


def _inference(model, head_name, loader):
    with torch.inference_mode():
        return _listen(model, head_name, loader)


def _with_graph(model, head_name, loader):
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    found = _listen.__closure__[0].cell_contents(model, head_name, loader)
    for module, training in modes:
        module.training = training
    return found


def _last_batch(model, head_name, loader):
    return _listen(model, head_name, list(loader)[-1:])


def _stays_in_eval(model, head_name, loader):
    model.eval()
    return _listen(model, head_name, loader)


def _float_labels(model, head_name, loader):
    features, labels = _listen(model, head_name, loader)
    return features, labels.float()


def _numpy(model, head_name, loader):
    return tuple(part.numpy() for part in _listen(model, head_name, loader))


RIGHT = {"a hook on the head": _listen, "Identity for a while": _identity, "a copy without a head": _headless_copy}
WRONG = {
    "the head's outputs": (_outputs, "logits_returned"),
    "in train mode": (_train_mode, "train_mode"),
    "labels from a second pass": (_two_passes, "labels_differ"),
    "hook left behind": (_hook_stays, "hook_left"),
    "head not put back": (_head_lost, "head_replaced"),
    "inference_mode": (_inference, "inference_mode"),
    "features with their graph": (_with_graph, "graph_kept"),
    "last batch only": (_last_batch, "rows_missing"),
    "left in eval mode": (_stays_in_eval, "mode_left"),
    "labels as floats": (_float_labels, "labels_differ"),
    "numpy arrays": (_numpy, "not_a_pair"),
}
