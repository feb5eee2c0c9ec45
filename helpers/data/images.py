"""Labelled images, wherever they come from: an array, or files on disk.

An `ImageSet` is all that the rest of the course knows of a data set. Images are decoded one at a time,
when they are asked for, so a set of ten thousand photographs costs no memory.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from helpers.course.errors import CourseError
from helpers.data.files import FileImages


class ArrayImages:
    """Images that lie in memory: uint8 (N, H, W) grey or (N, H, W, 3) RGB, in [0, 255]."""

    def __init__(self, array: np.ndarray):
        self.array = np.ascontiguousarray(array, dtype=np.uint8)

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, index: int) -> Image.Image:
        """The image as RGB; a grey one gets three equal channels, as the backbones expect colour."""
        return Image.fromarray(self.array[index]).convert("RGB")

    def size(self, index: int) -> tuple[int, int]:
        """(width, height) in pixels: the same for all."""
        return self.array.shape[2], self.array.shape[1]

    def subset(self, indices: Sequence[int]) -> ArrayImages:
        """These images, in this order, as a copy."""
        return ArrayImages(self.array[np.asarray(indices, dtype=np.int64)])

    def add_to(self, digest: hashlib._Hash) -> None:
        """Feed shape and pixels to a hash."""
        digest.update(repr(self.array.shape).encode())
        digest.update(self.array.data)


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images with labels.

    Attributes:
        images: where they come from; each item is an RGB `PIL.Image.Image`.
        labels: int64 (N,), in [0, len(class_names)).
        class_names: what each label stands for.
        name: short name for messages, such as ``"digits"``.
        notes: what who uses them has to be told, such as the terms of their makers; one sentence each.
        even: whether classes of unequal size should be learned from alike, see `helpers.data.splits.split`.
    """

    images: ArrayImages | FileImages
    labels: Tensor
    class_names: tuple[str, ...]
    name: str
    notes: tuple[str, ...] = ()
    even: bool = False

    def __post_init__(self) -> None:
        if len(self.images) != len(self.labels):
            counts = f"{len(self.images)} images and {len(self.labels)} labels"
            raise CourseError(f"{self.name} has {counts}: give each image one label.")

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"ImageSet({self.name}: {len(self)} images, {len(self.class_names)} classes)"

    def subset(self, indices: Sequence[int] | Tensor, name: str = "") -> ImageSet:
        """The images at `indices`, in that order."""
        chosen = torch.as_tensor(indices, dtype=torch.int64)
        return replace(self, images=self.images.subset(chosen.tolist()), labels=self.labels[chosen], name=name or self.name)

    def fingerprint(self) -> str:
        """A hash of images, labels and class names: equal sets have equal fingerprints, on every machine."""
        digest = hashlib.sha256(repr(self.class_names).encode())
        digest.update(self.labels.numpy().astype("<i8").tobytes())
        self.images.add_to(digest)
        return digest.hexdigest()[:32]


def photos() -> dict[str, Image.Image]:
    """Two real photographs that come with scikit-learn, both RGB, 640 x 427 pixels: ``"china"`` and ``"flower"``.

    Source: https://scikit-learn.org/stable/modules/generated/sklearn.datasets.load_sample_images.html
    """
    folder = path_in_package("sklearn", "datasets", "images")
    if folder is None:
        raise CourseError("The photographs come with scikit-learn, which is missing: run `pip install -r requirements.txt`.")
    return {name: FileImages([folder / f"{name}.jpg"])[0] for name in ("china", "flower")}


def path_in_package(module: str, *parts: str) -> Path | None:
    """Where a file or folder of an installed package lies, or would; None if the package is not installed.

    The package is not imported: of scikit-learn that takes a second.
    """
    spec = importlib.util.find_spec(module)
    return Path(spec.submodule_search_locations[0], *parts) if spec and spec.submodule_search_locations else None
