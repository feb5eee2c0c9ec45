"""`extract_features`: the head's inputs and the labels, in one pass."""

import copy
from functools import partial

import torch
from torch import nn

from tests.answers import after, cell, changed, given, quietly, switching_gradients_off


def _listening(model, head_name, loader, *, hook_stays=False):
    features, labels = [], []
    handle = getattr(model, head_name).register_forward_pre_hook(lambda module, inputs: features.append(inputs[0]))
    for images, batch_labels in loader:
        model(images)
        labels.append(batch_labels)
    if not hook_stays:
        handle.remove()
    return torch.cat(features), torch.cat(labels)


_listen = quietly(_listening)


def _replacing(model, head_name, loader, *, head_lost=False):
    head = getattr(model, head_name)
    setattr(model, head_name, nn.Identity())
    pairs = [(model(images), labels) for images, labels in loader]
    if not head_lost:
        setattr(model, head_name, head)
    features, labels = zip(*pairs, strict=True)
    return torch.cat(features), torch.cat(labels)


_identity = quietly(_replacing)


def _headless_copy(model, head_name, loader):
    base = copy.deepcopy(model).eval()
    setattr(base, head_name, nn.Identity())
    features, labels = [], []
    for images, batch_labels in loader:
        features.append(base(images).detach())
        labels.append(batch_labels)
    return torch.vstack(features), torch.hstack(labels)


@quietly
def _outputs(model, head_name, loader):
    pairs = [(model(images), labels) for images, labels in loader]
    return torch.cat([logits for logits, _ in pairs]), torch.cat([labels for _, labels in pairs])


@quietly
def _two_passes(model, head_name, loader):
    features = _identity(model, head_name, loader)[0]
    return features, torch.cat([labels for _, labels in loader])


@quietly
def _own_class(model, head_name, loader):
    def features(images):
        for name in model._order[:-1]:
            images = getattr(model, name)(images)
        return images.mean(dim=(2, 3))

    pairs = [(features(images), labels) for images, labels in loader]
    return torch.cat([part for part, _ in pairs]), torch.cat([labels for _, labels in pairs])


RIGHT = {"a hook on the head": _listen, "Identity for a while": _identity, "a copy without a head": _headless_copy}
WRONG = {
    "the head's outputs": (_outputs, "logits_returned"),
    "in train mode": (_listening, "train_mode", "graph_kept", "model_changed"),
    "labels from a second pass": (_two_passes, "labels_of_another_pass", "not_once"),
    "the judge's own class alone": (_own_class, "no_such_part"),
    "hook left behind": (quietly(partial(_listening, hook_stays=True)), "hook_left"),
    "head not put back": (quietly(partial(_replacing, head_lost=True)), "head_replaced"),
    "inference_mode": (torch.inference_mode()(_listen), "inference_mode"),
    "features with their graph": (quietly(_listening, gradients=True), "graph_kept"),
    "last batch only": (given(_listen, loader=lambda loader: list(loader)[-1:]), "rows_missing", "labels_differ", "not_once"),
    "left in eval mode": (after(nn.Module.eval, _listen), "mode_left"),
    "labels as floats": (changed(_listen, lambda pair: (pair[0], pair[1].float())), "labels_dtype"),
    "labels shifted by one": (changed(_listen, lambda pair: (pair[0], pair[1].roll(1))), "labels_differ"),
    "features alone": (changed(_listen, lambda pair: pair[0]), "not_a_pair"),
    "batches not joined": (changed(_listen, lambda pair: (pair[0].split(4), pair[1].split(4))), "not_a_pair"),
    "one row for all": (changed(_listen, lambda pair: (pair[0].mean(0, keepdim=True), pair[1])), "rows_missing"),
    "gradients switched off for good": (switching_gradients_off(_listen), "left_switched"),
    "the head's name asked": (
        cell("def f(model, head_name, loader):\n    head_name.weight"),
        "name_for_thing",
    ),
    "numpy arrays": (changed(_listen, lambda pair: (pair[0].numpy(), pair[1].numpy())), "not_a_pair"),
}
