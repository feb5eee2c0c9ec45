"""`fix_single_image`: no batch of one, and no image lost."""

from functools import partial

import torch
from torch.utils.data import DataLoader, Subset, TensorDataset

from tests.answers import changed, given
from tests.support.broken_programs import broken, repaired


class _Joined:
    """Batches of shuffled numbers; what is left over goes into the batch before."""

    def __init__(self, number, batch_size):
        self.number, self.batch_size = number, batch_size

    def __iter__(self):
        batches = list(torch.randperm(self.number).split(self.batch_size))
        if len(batches[-1]) == 1:
            last = batches.pop()
            batches[-1] = torch.cat([batches[-1], last])
        return iter(batch.tolist() for batch in batches)


class _Even(_Joined):
    """As many batches as before, all of nearly the same size."""

    def __iter__(self):
        return iter(part.tolist() for part in torch.randperm(self.number).tensor_split(-(-self.number // self.batch_size)))


def _joined(dataset, batch_size):
    return DataLoader(dataset, batch_sampler=_Joined(len(dataset), batch_size))


def _even(dataset, batch_size):
    return DataLoader(dataset, batch_sampler=_Even(len(dataset), batch_size))


def _drop_one(dataset, batch_size):
    left_over = len(dataset) % batch_size == 1
    return DataLoader(Subset(dataset, range(len(dataset) - left_over)), batch_size=batch_size, shuffle=True)


def _all_at_once(dataset, batch_size):
    return DataLoader(dataset, batch_size=len(dataset), shuffle=True)


def _in_order(dataset, batch_size):
    return DataLoader(dataset, batch_size=batch_size + (len(dataset) % batch_size == 1))


def _twice(dataset, batch_size):
    features, labels = dataset.tensors
    doubled = TensorDataset(torch.cat([features, features[:1]]), torch.cat([labels, labels[:1]]))
    return DataLoader(doubled if len(dataset) % batch_size == 1 else dataset, batch_size=batch_size, shuffle=True)


RIGHT = {"a larger batch": repaired("fix_single_image"), "joined to the one before": _joined, "even batches": _even}
WRONG = {
    "the broken program": (broken("fix_single_image"), "single_image"),
    "drop_last": (partial(DataLoader, shuffle=True, drop_last=True), "images_lost"),
    "the last image dropped": (_drop_one, "images_lost"),
    "one smaller, without looking": (given(broken("fix_single_image"), batch_size=lambda size: size - 1), "single_image"),
    "all at once": (_all_at_once, "too_large"),
    "no longer shuffled": (_in_order, "not_shuffled"),
    "an image twice": (_twice, "image_twice"),
    "an iterator": (changed(_even, iter), "no_batches", "images_lost"),
}
