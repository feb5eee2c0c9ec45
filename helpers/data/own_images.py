"""A data set of one's own choice: looked at with care, split by its size, and shown at a glance.

chosen = choose("small_digits")        # a set that the course knows by name
chosen = choose("~/pictures/leaves")   # or a folder with one sub-folder of images a class
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path

import torch

from helpers.course import settings
from helpers.course.errors import CourseError
from helpers.data import batches
from helpers.data import splits as image_splits
from helpers.data.files import FileImages
from helpers.data.folders import without_copies
from helpers.data.images import ImageSet
from helpers.data.named_sets import DATASETS, load_images

# Half to learn from. A fifth to choose by, three tenths to report on: a claim is worth as much as its test set is large.
SHARES = {"train": 0.5, "val": 0.2, "test": 0.3}
# Unless told otherwise: what a laptop fine-tunes on in seconds, and enough to tell 0.90 from 0.94.
MOST = {"train": 400, "val": 300, "test": 600}
# Fewer would leave a class with less than five images to learn from and three to be tested on.
LEAST_PER_CLASS = 10
UNEVEN = 3  # from this ratio of the largest to the smallest class on, accuracy alone says too little
FEW_TEST_IMAGES = 150
SHOWN_CLASSES = 15


@dataclass(frozen=True, eq=False)
class ChosenImages:
    """A data set that is ready for a strategy.

    Attributes:
        name: short name for messages.
        splits: images to learn from, to choose by, to report on; they share none.
        available: how many images there are in all.
        sizes: smallest and largest image as (width, height) in pixels.
        how: what was split how, in a sentence.
        notes: what a careful person would want to know of these images, one sentence each.
    """

    name: str
    splits: image_splits.Splits
    available: int
    sizes: tuple[tuple[int, int], tuple[int, int]]
    how: str
    notes: tuple[str, ...]

    @property
    def class_names(self) -> tuple[str, ...]:
        """What each label stands for."""
        return self.splits.class_names

    def counts(self) -> dict[str, dict[str, int]]:
        """Class -> split -> images."""
        found = {split: Counter(getattr(self.splits, split).labels.tolist()) for split in SHARES}
        return {name: {split: found[split][label] for split in SHARES} for label, name in enumerate(self.class_names)}

    def majority(self) -> tuple[str, float]:
        """(class, share): the commonest class of the training and validation images, and its share of the test images."""
        known = torch.cat([self.splits.train.labels, self.splits.val.labels])
        label = int(known.bincount(minlength=len(self.class_names)).argmax())
        test = self.splits.test.labels
        return self.class_names[label], float((test == label).sum()) / len(test)

    def datasets(self, transform: Callable) -> dict[str, batches.TransformedImages]:
        """Split -> its images as a model wants them: items float32 (3, H, W) and an int label."""
        return batches.to_datasets(self.splits, transform)

    def table_rows(self) -> list[tuple[str, ...]]:
        """The counts as rows of a table, heading first, all classes together last; of many classes only the first ones."""
        counts = self.counts()
        shown = list(counts)[:SHOWN_CLASSES]
        rows = [("class", *SHARES), *((name, *(f"{counts[name][split]:,}" for split in SHARES)) for name in shown)]
        if len(counts) > len(shown):
            rows.append((f"... {len(counts) - len(shown)} more classes", *[""] * len(SHARES)))
        return [*rows, ("all", *(f"{len(getattr(self.splits, split)):,}" for split in SHARES))]

    def facts(self) -> list[str]:
        """What there is to know, one sentence or two each."""
        (w, h), (wide, high) = self.sizes
        size = f"{w} x {h} pixels each" if self.sizes[0] == self.sizes[1] else f"from {w} x {h} to {wide} x {high} pixels"
        name, share = self.majority()
        guess = f"Always guessing {name!r}, the commonest class, would be right for {share:.2f} of the test images."
        return [f"{self.how} The images have {size}.", guess, *self.notes]

    def __repr__(self) -> str:
        rows = self.table_rows()
        width = max(len(row[0]) for row in rows)
        table = ["  ".join([row[0].ljust(width), *(cell.rjust(6) for cell in row[1:])]).rstrip() for row in rows]
        return "\n".join([f"{self.name}: {len(self.class_names)} classes", *table, *self.facts()])

    def _repr_html_(self) -> str:
        def cells(row: tuple[str, ...], tag: str) -> str:
            sides = ("left", *["right"] * len(SHARES))
            return "".join(f"<{tag} style='text-align:{s}'>{escape(cell)}</{tag}>" for s, cell in zip(sides, row, strict=True))

        head, *rows = self.table_rows()
        body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
        facts = "".join(f"<p style='margin:.3em 0'>{escape(fact)}</p>" for fact in self.facts())
        title = f"{escape(self.name)}: {len(self.class_names)} classes"
        caption = f"<caption style='text-align:left;font-weight:600'>{title}</caption>"
        return f"<table>{caption}<tr>{cells(head, 'th')}</tr>{body}</table>{facts}"


def choose(name_or_folder: str | Path, *, seed: int | None = None, **limits: int) -> ChosenImages:
    """The images of a set that the course knows by name, or of a folder, checked and split.

    Args:
        name_or_folder: a key of `helpers.data.named_sets.DATASETS`, or a folder that has one sub-folder of images a class.
        seed: which images go into which split; default the course's own.
        limits: ``num_train``, ``num_val``, ``num_test``: the most images of each split; default 400, 300 and 600, or what
            ``course.toml`` says if that is less.

    Raises:
        CourseError: what is there will not do; the sentence names the file, the class or the number, and the remedy.
    """
    course = settings.load()
    most = {f"num_{split}": min(number, getattr(course, f"num_{split}")) for split, number in MOST.items()}
    unknown = limits.keys() - most.keys()
    if unknown:
        raise CourseError(f"There is no limit {min(unknown)!r}: write num_train, num_val or num_test.")
    images, copies = load_images(name_or_folder), []
    if isinstance(images.images, FileImages) and str(name_or_folder) in DATASETS:  # a folder's were left out already
        images, copies = without_copies(images)
    _refuse_small_classes(images)
    most |= limits
    sizes = {f"num_{split}": min(most[f"num_{split}"], round(len(images) * share)) for split, share in SHARES.items()}
    splits = image_splits.split(images, **sizes, seed=course.seed if seed is None else seed)
    train, val, test = sizes.values()
    how = (
        f"Of {len(images):,} images {train} are to learn from, {val} to choose by and {test} to report on: half, a fifth and "
        f"three tenths, at most {most['num_train']}, {most['num_val']} and {most['num_test']}."
    )
    if images.even:
        how += (
            " Each class gives as many images to learn from, as far as they go; validation and test keep its share of the whole."
        )
    return ChosenImages(images.name, splits, len(images), _image_sizes(splits), how, (*images.notes, *copies, *_warnings(splits)))


def _refuse_small_classes(images: ImageSet) -> None:
    counts = images.labels.bincount(minlength=len(images.class_names)).tolist()
    small = [f"{name!r} has {n}" for name, n in zip(images.class_names, counts, strict=True) if n < LEAST_PER_CLASS]
    if small:
        shown = ", ".join(small[:4]) + (f", and {len(small) - 4} more classes are as small" if len(small) > 4 else "")
        raise CourseError(
            f"Too few images in {images.name}: {shown}. Collect {LEAST_PER_CLASS} or more for each class, or leave the class out."
        )


def _image_sizes(splits: image_splits.Splits) -> tuple[tuple[int, int], tuple[int, int]]:
    """The smallest and the largest image by area."""
    parts = (splits.train, splits.val, splits.test)
    sizes = {part.images.size(index) for part in parts for index in range(len(part))}
    return min(sizes, key=lambda size: size[0] * size[1]), max(sizes, key=lambda size: size[0] * size[1])


def _warnings(splits: image_splits.Splits) -> list[str]:
    counts = splits.train.labels.bincount(minlength=len(splits.class_names))
    found, tested = [], len(splits.test)
    if counts.max() >= UNEVEN * counts.min():
        most, least = splits.class_names[counts.argmax()], splits.class_names[counts.argmin()]
        found.append(
            f"Uneven classes: {int(counts.max())} training images of {most!r}, {int(counts.min())} of {least!r}. A model that "
            f"forgets {least!r} may still have a high accuracy: look at each class."
        )
    if tested < FEW_TEST_IMAGES:
        low, high = wilson(round(0.8 * tested), tested)
        found.append(f"Few test images: an accuracy of 0.8 on {tested} of them could be anything from {low:.2f} to {high:.2f}.")
    return found


def wilson(right: int, total: int) -> tuple[float, float]:
    """(low, high): Wilson's 95 per cent interval for the share of `total` independent trials of which `right` came out right.

    Of no trial at all it is (0, 1). It keeps its promise for small samples and for shares near 0 and 1, where the usual "plus or
    minus" does not. Source: E. B. Wilson, Journal of the American Statistical Association 22, 1927; compared with others by
    L. D. Brown, T. T. Cai and A. DasGupta, Statistical Science 16, 2001.

    Raises:
        ValueError, TypeError: not two whole numbers with 0 <= right <= total, as scipy says it.
    """
    from scipy.stats import binomtest  # takes a second to import

    if not total and not right:
        return 0.0, 1.0
    low, high = binomtest(right, total).proportion_ci(confidence_level=0.95, method="wilson")
    return float(low), float(high)
