"""Images become normalised batches: splits, transforms, loaders, seeds.

    splits = course_splits()                                  # train, val and test images
    train = to_dataset(splits.train, backbone.transform(96))  # float32 (3, 96, 96) and a label each
    loader = make_loader(train, batch_size=32, shuffle=True)  # the same batches on every run
"""

from __future__ import annotations

import hashlib
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from helpers import settings as course_settings
from helpers.datasets import DATASETS, NamedSet, data_root, load_images
from helpers.errors import CourseError
from helpers.images import ArrayImages, FileImages, ImageSet, load_folder, photos
from helpers.variants import which_classes

__all__ = [
    "DATASETS",
    "ArrayImages",
    "FileImages",
    "ImageSet",
    "NamedSet",
    "Splits",
    "TransformedImages",
    "course_splits",
    "data_root",
    "load_folder",
    "load_images",
    "make_loader",
    "photos",
    "set_seed",
    "some_classes",
    "split",
    "to_dataset",
]

# Up to this size transformed images stay in memory: 2,700 images at 96 px, or 500 at 224 px.
KEEP_MB = 300


@dataclass(frozen=True)
class Splits:
    """Three sets of images that share no image: to learn from, to choose by, to report on."""

    train: ImageSet
    val: ImageSet
    test: ImageSet

    @property
    def class_names(self) -> tuple[str, ...]:
        """What each label stands for."""
        return self.train.class_names


def split(image_set: ImageSet, *, num_train: int, num_val: int, num_test: int, seed: int = 0) -> Splits:
    """Three disjoint sets, drawn by chance (`seed`), each with the classes in the proportions of the whole.

    Raises:
        CourseError: more images asked for than there are, or fewer than one a class to train on.
    """
    sizes = {"train": num_train, "val": num_val, "test": num_test}
    if min(sizes.values()) < 0 or sum(sizes.values()) > len(image_set):
        raise CourseError(
            f"{image_set.name} has {len(image_set)} images, but {num_train} + {num_val} + {num_test} are asked for: "
            "lower num_train, num_val or num_test."
        )
    generator = np.random.default_rng(seed)
    labels = image_set.labels.numpy()
    pools = [generator.permutation(np.flatnonzero(labels == label)) for label in range(len(image_set.class_names))]
    parts = {}
    for name, size in sizes.items():
        quotas = _quotas([len(pool) for pool in pools], size)
        if name == "train" and min(quotas) == 0:
            empty = image_set.class_names[quotas.index(0)]
            raise CourseError(f"{num_train} training images of {image_set.name} leave out class {empty!r}: raise num_train.")
        chosen = np.concatenate([pool[:quota] for pool, quota in zip(pools, quotas, strict=True)])
        pools = [pool[quota:] for pool, quota in zip(pools, quotas, strict=True)]
        parts[name] = image_set.subset(generator.permutation(chosen), name=f"{image_set.name} ({name})")
    return Splits(**parts)


def _quotas(available: list[int], size: int) -> list[int]:
    """How many of `size` each class gives: in proportion to what is available, largest remainders first."""
    total = max(sum(available), 1)
    quotas = [size * count // total for count in available]
    by_remainder = sorted(range(len(available)), key=lambda index: (-(size * available[index] % total), index))
    for index in by_remainder[: size - sum(quotas)]:
        quotas[index] += 1
    return quotas


def course_splits(settings: course_settings.Settings | None = None) -> Splits:
    """The splits that `course.toml` asks for: data set, classes, sizes and seed.

    Raises:
        CourseError: the images cannot be had, or are too few, or of too few classes.
    """
    chosen = settings or course_settings.load()
    sizes = {"num_train": chosen.num_train, "num_val": chosen.num_val, "num_test": chosen.num_test}
    images = load_images(chosen.dataset)
    if chosen.num_classes:
        images = some_classes(images, chosen.num_classes, chosen.seed)
    return split(images, **sizes, seed=chosen.seed)


def some_classes(image_set: ImageSet, num_classes: int, seed: int) -> ImageSet:
    """The images of `num_classes` of the classes, drawn by `seed` and numbered anew from 0 in their old order.

    Raises:
        CourseError: there are fewer classes.
    """
    names = image_set.class_names
    if num_classes > len(names):
        raise CourseError(
            f"{image_set.name} has {len(names)} classes, but course.toml asks for {num_classes}: lower num_classes there."
        )
    if num_classes == len(names):
        return image_set
    kept = which_classes(len(names), num_classes, seed)
    chosen = image_set.subset(torch.isin(image_set.labels, torch.tensor(kept)).nonzero().flatten())
    labels = torch.searchsorted(torch.tensor(kept), chosen.labels)
    return ImageSet(chosen.images, labels, tuple(names[label] for label in kept), image_set.name)


class TransformedImages(Dataset):
    """Items ``(image, label)``: float32 (3, H, W), normalised as the transform says, and an int.

    Each image is transformed when first asked for; a set of up to `KEEP_MB` then stays in memory.

    Attributes:
        labels: int64 (N,).
        class_names: what each label stands for.
        name: short name for messages.
    """

    def __init__(self, image_set: ImageSet, transform: Callable[[Image.Image], Tensor]):
        self._image_set = image_set
        self._transform = transform
        self._kept: list[Tensor | None] = [None] * len(image_set)
        self.labels = image_set.labels
        self.class_names = image_set.class_names
        self.name = image_set.name

    def __len__(self) -> int:
        return len(self._kept)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = self._kept[index]
        if image is None:
            image = self._transform(self._image_set.images[index])
            if image.nbytes * len(self) <= KEEP_MB * 1e6:
                self._kept[index] = image
        return image, int(self.labels[index])

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the images, the labels and the transform: equal fingerprints, equal batches."""
        transform = repr(self._transform)
        if " at 0x" in transform:
            # A plain function shows an address, which another function may have tomorrow: never take one for the other.
            transform = uuid.uuid4().hex
        return hashlib.sha256(f"{self._image_set.fingerprint()} {transform}".encode()).hexdigest()[:32]


def to_dataset(image_set: ImageSet, transform: Callable[[Image.Image], Tensor]) -> TransformedImages:
    """The images as the model wants them: items float32 (3, H, W) and an int label.

    Args:
        image_set: what to show the model.
        transform: the weights' own, ``backbone.transform(image_size)``: RGB image -> float32 (3, H, W). It must give the
            same for the same image each time: augmentation has no place where features are computed once.

    Raises:
        CourseError: there is no image in the set.
    """
    if not len(image_set):
        raise CourseError(f"{image_set.name} has no images: choose a split with at least one.")
    return TransformedImages(image_set, transform)


def make_loader(dataset: Dataset, *, batch_size: int, shuffle: bool = False, seed: int = 0) -> DataLoader:
    """Batches of float32 (B, 3, H, W) and int64 (B,), the last one smaller.

    A fresh loader with the same seed yields the same batches in the same order, whatever else has drawn
    random numbers. With `shuffle` each epoch of one loader has an order of its own.

    Raises:
        CourseError: `batch_size` is not a positive whole number.
    """
    if not isinstance(batch_size, int) or batch_size < 1:
        raise CourseError(f"batch_size is {batch_size!r}: give a whole number of images, 1 or more.")
    return DataLoader(dataset, batch_size=batch_size, shuffle=shuffle, generator=torch.Generator().manual_seed(seed))


def set_seed(seed: int) -> None:
    """Seed Python, NumPy and torch. It makes runs repeatable on one machine, not across versions or devices.

    Source: https://docs.pytorch.org/docs/stable/notes/randomness.html
    """
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
