"""Images -> batches as a model takes them: transformed once, shuffled by a seed of their own."""

import hashlib
import uuid
from collections.abc import Callable, Mapping
from functools import cached_property

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from helpers.course.errors import CourseError
from helpers.data.images import ImageSet
from helpers.data.splits import SPLITS, Splits

# Up to this size transformed images stay in memory: 2,700 images at 96 px, or 500 at 224 px.
KEEP_MB = 300


class TransformedImages(Dataset):
    """Items ``(image, label)``: float32 (3, H, W), normalised as the transform says, and an int.

    Each image is transformed when first asked for; a set of up to `KEEP_MB` then stays in memory.

    Attributes:
        image_set: the images as they are.
        labels: int64 (N,).
        class_names: what each label stands for.
        name: short name for messages.
    """

    def __init__(self, image_set: ImageSet, transform: Callable[[Image.Image], Tensor]):
        self.image_set = image_set
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
            image = self._transform(self.image_set.images[index])
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
        return hashlib.sha256(f"{self.image_set.fingerprint()} {transform}".encode()).hexdigest()[:32]


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


def to_datasets(splits: Splits, transform: Callable[[Image.Image], Tensor]) -> dict[str, TransformedImages]:
    """Split -> its images as the model wants them, see `to_dataset`."""
    return {name: to_dataset(getattr(splits, name), transform) for name in SPLITS}


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


def make_loaders(datasets: Mapping[str, Dataset], *, batch_size: int, seed: int = 0) -> dict[str, DataLoader]:
    """A loader for each data set; the one called ``"train"`` is shuffled."""
    options = {"batch_size": batch_size, "seed": seed}
    return {name: make_loader(dataset, shuffle=name == "train", **options) for name, dataset in datasets.items()}
