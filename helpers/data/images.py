"""Labelled images, wherever they come from: an array, files on disk, or a folder with one sub-folder a class.

An `ImageSet` is all that the rest of the course knows of a data set. Images are decoded one at a time,
when they are asked for, so a set of ten thousand photographs costs no memory.
"""

from __future__ import annotations

import hashlib
import importlib.util
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from helpers.course.errors import CourseError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".ppm")


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


class FileImages:
    """Images in files, decoded when asked for."""

    def __init__(self, paths: Sequence[str | Path]):
        self.paths = [Path(path) for path in paths]

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Image.Image:
        """The image as RGB, turned upright if its camera noted how it was held.

        Raises:
            CourseError: the file is missing, cut short, or no image at all.
        """
        with _opened(self.paths[index]) as image:
            return ImageOps.exif_transpose(image).convert("RGB")

    def size(self, index: int) -> tuple[int, int]:
        """(width, height) in pixels as the file says, before it is turned upright; the image itself is not decoded.

        Raises:
            CourseError: the file is missing, or no image at all.
        """
        with _opened(self.paths[index]) as image:
            return image.size

    def subset(self, indices: Sequence[int]) -> FileImages:
        """These files, in this order."""
        return FileImages([self.paths[int(index)] for index in indices])

    def add_to(self, digest: hashlib._Hash) -> None:
        """Feed the files' bytes to a hash: what counts is the content, not where it lies."""
        for path in self.paths:
            try:
                content = path.read_bytes()
            except OSError as error:
                raise _unreadable(path, error) from None
            digest.update(len(content).to_bytes(8, "little"))
            digest.update(content)


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


def load_folder(path: str | Path) -> ImageSet:
    """The images of a folder that has one sub-folder a class, in alphabetical order.

    Every file is opened once, which costs about 0.1 ms; hidden files, and what is no image by its suffix, are passed over.

    Raises:
        CourseError: no such folder, fewer than two classes, a class without images, or a file that is no image in spite of its
            suffix, or huge. The sentence names it.
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise CourseError(f"There is no folder {folder}: give the path of a folder that has one sub-folder of images a class.")
    classes = sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith((".", "__")))
    if len(classes) < 2:
        raise CourseError(f"{folder} has {len(classes)} sub-folders: make one for the images of each class, two at least.")
    paths, labels = [], []
    for label, class_folder in enumerate(classes):
        files = (file for file in class_folder.rglob("*") if not file.name.startswith("."))
        found = sorted(file for file in files if file.suffix.lower() in SUFFIXES)
        if not found:
            kinds = ", ".join(SUFFIXES)
            raise CourseError(f"The class folder {class_folder} holds no images: put some in ({kinds}), or remove the folder.")
        paths += found
        labels += [label] * len(found)
    # Pillow warns from 89 megapixels on, which no camera in common use takes, and refuses twice as many.
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        for file in paths:
            with _opened(file) as image:
                image.verify()
    return ImageSet(FileImages(paths), torch.tensor(labels), tuple(c.name for c in classes), folder.resolve().name)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The image file, open; what Pillow raises inside becomes the learner's next step."""
    try:
        with Image.open(path) as image:
            yield image
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> CourseError:
    if isinstance(error, FileNotFoundError):
        return CourseError(f"The image {path} is gone: put it back, or load the data again.")
    if isinstance(error, (Image.DecompressionBombWarning, Image.DecompressionBombError)):
        return CourseError(f"The image {path} is huge, 89 megapixels or more: save a smaller copy of it in its place.")
    what = "is not an image, or damaged" if isinstance(error, UnidentifiedImageError) else f"cannot be read ({error})"
    return CourseError(f"The file {path} {what}: replace or delete it.")


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
