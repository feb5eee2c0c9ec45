"""`fix_leaking_augmentation`: two parts, each with its own transform."""

import copy

from torch.utils.data import Dataset, Subset

from helpers.checks.debug_clinic.patients import Pictures
from tests.answers import changed, given
from tests.support.broken_programs import broken, repaired


class _Part(Dataset):
    def __init__(self, dataset, indices, transform):
        self.dataset, self.indices, self.transform = dataset, indices, transform

    def __len__(self):
        return len(self.indices)

    def __getitem__(self, number):
        index = self.indices[number]
        image = self.dataset.images[index]
        return self.transform(image) if self.transform else image, int(self.dataset.labels[index])


def _own_class(dataset, train_indices, val_indices, augment):
    return _Part(dataset, train_indices, augment), _Part(dataset, val_indices, dataset.transform)


def _own_pictures(dataset, train_indices, val_indices, augment):
    images, labels = dataset.images[train_indices], dataset.labels[train_indices]
    return Pictures(images, labels, augment), Subset(copy.deepcopy(dataset), val_indices)


def _val_copied(dataset, train_indices, val_indices, augment):
    """Val is clean; everybody else's data set is not."""
    plain = copy.copy(dataset)
    dataset.transform = augment
    return Subset(dataset, train_indices), Subset(plain, val_indices)


def _no_augmentation(dataset, train_indices, val_indices, augment):
    return Subset(dataset, train_indices), Subset(dataset, val_indices)


def _augmented_once(dataset, train_indices, val_indices, augment):
    train = [(augment(dataset.images[index]), int(dataset.labels[index])) for index in train_indices]
    return train, Subset(dataset, val_indices)


def _val_kept_augmented(dataset, train_indices, val_indices, augment):
    """The validation images no longer change; they are augmented all the same."""
    train, val = broken("fix_leaking_augmentation")(copy.copy(dataset), train_indices, val_indices, augment)
    return train, [val[number] for number in range(len(val))]


RIGHT = {"a shallow copy": repaired("fix_leaking_augmentation"), "a class of its own": _own_class, "pictures anew": _own_pictures}
WRONG = {
    "the broken program": (broken("fix_leaking_augmentation"), "val_changes", "dataset_changed"),
    "the shared data set changed": (_val_copied, "dataset_changed"),
    "no augmentation at all": (_no_augmentation, "augmentation_lost"),
    "augmented once": (_augmented_once, "augmented_once"),
    "validation augmented for good": (_val_kept_augmented, "val_not_plain"),
    "validation dropped": (
        given(repaired("fix_leaking_augmentation"), val_indices=lambda indices: []),
        "val_not_plain",
        "other_pictures",
    ),
    "the two swapped": (
        changed(repaired("fix_leaking_augmentation"), lambda parts: parts[::-1]),
        "val_changes",
        "other_pictures",
        "other_transform",
    ),
    "another order": (
        given(repaired("fix_leaking_augmentation"), train_indices=sorted, val_indices=sorted),
        "other_pictures",
        "other_transform",
        "val_not_plain",
    ),
}
