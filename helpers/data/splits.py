"""Images become normalised batches: splits, transforms, loaders, seeds.

splits = course_splits()                                  # train, val and test images
train = to_dataset(splits.train, backbone.transform(96))  # float32 (3, 96, 96) and a label each
loader = make_loader(train, batch_size=32, shuffle=True)  # the same batches on every run
"""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import torch

from helpers.course import settings as course_settings
from helpers.course.errors import CourseError
from helpers.course.variants import which_classes
from helpers.data.images import ImageSet
from helpers.data.named_sets import load_images

SPLITS = ("train", "val", "test")


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

    Of a set that is to be learned from evenly (`ImageSet.even`), the training images are as many of each class as what the other
    two leave allows: those keep the proportions that a model will meet.

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
    for name in ("test", "val", "train") if image_set.even else SPLITS:
        size, left = sizes[name], [len(pool) for pool in pools]
        quotas = _even_quotas(left, size) if image_set.even and name == "train" else _quotas(left, size)
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


def _even_quotas(available: list[int], size: int) -> list[int]:
    """How many of `size` each class gives if all are to give alike: a class that has too few gives all, the others more."""
    quotas, left = [0] * len(available), size
    for rank, index in enumerate(sorted(range(len(available)), key=lambda index: available[index])):
        quotas[index] = min(available[index], left // (len(available) - rank))
        left -= quotas[index]
    return quotas


def course_splits(settings: course_settings.Settings | None = None) -> Splits:
    """The splits that `course.toml` asks for: data set, classes, sizes and seed.

    Side effect: prints the set's notes, once in a process.

    Raises:
        CourseError: the images cannot be had, or are too few, or of too few classes.
    """
    chosen = settings or course_settings.load()
    images = load_images(chosen.dataset)
    if images.notes:
        tell_once(images.notes)
    if chosen.num_classes:
        images = some_classes(images, chosen.num_classes, chosen.seed)
    return split(images, num_train=chosen.num_train, num_val=chosen.num_val, num_test=chosen.num_test, seed=chosen.seed)


@cache
def tell_once(notes: tuple[str, ...]) -> None:
    """Print what who uses a set of images has to be told; the same only once in a process."""
    print(*notes, sep="\n", flush=True)


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
    return replace(chosen, labels=labels, class_names=tuple(names[label] for label in kept))
