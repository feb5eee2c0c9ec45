"""`class_weights`: N / (K x images of the class), in float32, and no class without images."""

import numpy as np
import torch
from sklearn.utils.class_weight import compute_class_weight

from tests.answers import changed, followed_by


def _counts(labels, num_classes):
    counts = torch.bincount(labels, minlength=num_classes)
    if len(counts) > num_classes:
        raise ValueError("a label that is no class")
    if counts.min() == 0:
        raise ValueError("a class without images")
    return counts


def _balanced(labels, num_classes):
    return (len(labels) / (num_classes * _counts(labels, num_classes))).float()


def _with_sklearn(labels, num_classes):
    weights = compute_class_weight("balanced", classes=np.arange(num_classes), y=labels.numpy())
    return torch.tensor(weights, dtype=torch.float32)


def _one_by_one(labels, num_classes):
    found = labels.tolist()
    if set(found) != set(range(num_classes)):
        raise ValueError("classes and labels do not fit")
    return torch.tensor([len(found) / num_classes / found.count(label) for label in range(num_classes)])


def _by_means(labels, num_classes):
    inverse = 1 / _counts(labels, num_classes)
    return inverse / inverse[labels].mean()


def _counted(weigh):
    """An answer that makes weights of the counts in another way."""

    def class_weights(labels, num_classes):
        return weigh(_counts(labels, num_classes).float())

    return class_weights


def _unchecked(labels, num_classes):
    counts = torch.bincount(labels, minlength=num_classes)
    return len(labels) / (num_classes * counts)


def _only_empty_checked(labels, num_classes):
    counts = torch.bincount(labels, minlength=num_classes)
    if (counts == 0).any():
        raise ValueError("a class without images")
    return len(labels) / (num_classes * counts)


def _zero_for_none(labels, num_classes):
    if labels.max() >= num_classes:
        raise ValueError("no such class")
    weights = _unchecked(labels, num_classes)
    return torch.where(weights.isinf(), 0.0, weights)


def _one_an_image(labels, num_classes):
    return _balanced(labels, num_classes)[labels]


RIGHT = {
    "bincount": _balanced,
    "scikit-learn": _with_sklearn,
    "class by class": _one_by_one,
    "scaled to a mean of 1": _by_means,
}
WRONG = {
    "by frequency": (_counted(lambda counts: counts / counts.sum()), "by_frequency"),
    "counts": (_counted(lambda counts: counts), "by_frequency"),
    "inverse counts": (_counted(lambda counts: 1 / counts), "not_scaled"),
    "not divided by K": (_counted(lambda counts: counts.sum() / counts), "not_divided_by_classes"),
    "weights add up to 1": (_counted(lambda counts: (1 / counts) / (1 / counts).sum()), "other_scale"),
    "largest class 1": (_counted(lambda counts: counts.max() / counts), "other_scale"),
    "square roots": (_counted(lambda counts: (counts.sum() / (len(counts) * counts)).sqrt()), "square_root"),
    "all alike": (_counted(torch.ones_like), "other_weights"),
    "one an image": (_one_an_image, "one_an_image"),
    "nothing refused": (_unchecked, "not_refused"),
    "no class refused that has too large a number": (_only_empty_checked, "not_refused"),
    "0 for a class without images": (_zero_for_none, "not_refused"),
    "float64": (changed(_balanced, torch.Tensor.double), "other_type"),
    "a list": (changed(_balanced, torch.Tensor.tolist), "other_type"),
    "a dict": (changed(_balanced, lambda weights: dict(enumerate(weights.tolist()))), "no_numbers"),
    "sorts the labels": (followed_by(_balanced, lambda labels: labels.copy_(labels.sort().values)), "labels_changed"),
}
