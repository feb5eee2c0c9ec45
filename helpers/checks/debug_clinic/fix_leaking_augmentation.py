"""The check of `fix_leaking_augmentation`: augmentation that reaches the validation images."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor
from torch.utils.data import Dataset

from helpers.checks.debug_clinic.patients import Album
from helpers.checks.debug_clinic.repair import GONE, WORKS, repair
from helpers.checks.report import Finding, failed, passed_if, wrong_type


def brighter(image: Tensor) -> Tensor:
    """An augmentation that can be told from the result: every pixel brighter by one and the same random number."""
    return image + 0.2 + torch.rand(1)


@repair(
    hints=(
        "Two windows into one room: paint the room, and both views change. Give training a room of its own.",
        "copy.copy(dataset) is another data set that shares the images; Subset(dataset, indices) is a window.",
        "augmented = copy.copy(dataset)\naugmented.transform = ...\n"
        "return Subset(augmented, train_indices), Subset(..., val_indices)",
    ),
    cases=(Album(), Album(num_images=15, num_val=5, transformed=True, seed=4)),
    gone="validation images are not augmented, and the same in every epoch",
    works="training images are augmented, anew in every epoch",
    pairs="both parts hold the images asked for, with their labels",
    kept="the data set itself is as it was",
)
def fix_leaking_augmentation(case: Album, answer: Callable) -> Iterator[Finding]:
    """Read validation and training pictures over two epochs, in turns."""
    dataset, (train_indices, val_indices) = case.pictures(), case.indices()
    transform, plain = dataset.transform, [case.pictures()[index][0] for index in range(len(dataset))]
    parts = answer(dataset, list(train_indices), list(val_indices), brighter)
    if not isinstance(parts, (tuple, list)) or len(parts) != 2 or not all(hasattr(part, "__getitem__") for part in parts):
        yield wrong_type(WORKS, "not_two_sets", parts, "two data sets: for training and for validation")
        return
    val, train = zip(*((_read(parts[1]), _read(parts[0])) for _ in range(2)), strict=True)
    yield _val_finding(val, [plain[index] for index in val_indices])
    raw, untouched = [dataset.images[index] for index in train_indices], [plain[index] for index in train_indices]
    yield _train_finding(train, raw, untouched)
    right = all(
        [label for _, label in found] == [int(dataset.labels[index]) for index in indices]
        for found, indices in ((train[1], train_indices), (val[1], val_indices))
    )
    expected = "the pictures at the indices, in their order, with their labels"
    yield passed_if(
        "pairs", right, "other_pictures", found="different pictures or labels from those asked for", expected=expected
    )
    yield passed_if(
        "kept", dataset.transform is transform, "dataset_changed", found="dataset.transform is another one than before",
        expected="the data set as it was: others may look into it, too",
        likely="Give the training images a data set of their own: copy.copy(dataset) shares the images.",
    )  # fmt: skip


def _read(part: Dataset) -> list[tuple[Tensor, int]]:
    return [(part[number][0].clone(), int(part[number][1])) for number in range(len(part))]


def _equal(epoch: list, images: list[Tensor]) -> bool:
    return len(epoch) == len(images) and all(torch.equal(x, image) for (x, _), image in zip(epoch, images, strict=True))


def _val_finding(epochs: Sequence[list], plain: list[Tensor]) -> Finding:
    drift = max((float((a - b).abs().max()) for (a, _), (b, _) in zip(*epochs, strict=False)), default=0.0)
    return passed_if(
        GONE, all(_equal(epoch, plain) for epoch in epochs), "val_changes" if drift > 0 else "val_not_plain",
        found=f"between two epochs a validation pixel changes by up to {drift:.2f}" if drift > 0
        else "the validation pictures are not the data set's own",
        expected="validation pictures without augmentation, the same in every epoch",
        likely="A Subset only points into its data set: both parts share one transform." if drift > 0 else "",
    )  # fmt: skip


def _train_finding(epochs: Sequence[list], raw: list[Tensor], plain: list[Tensor]) -> Finding:
    """Whether each training picture is the raw one, brightened by a number of its own that changes between epochs."""
    if any(_equal(epoch, plain) for epoch in epochs):
        expected = "augmented training pictures: augmenting is what they are here for"
        return failed(WORKS, "augmentation_lost", found="training pictures without augmentation", expected=expected)
    shifts = [[x - image for (x, _), image in zip(epoch, raw, strict=False)] for epoch in epochs]
    even = all(float(shift.max() - shift.min()) < 1e-5 for epoch in shifts for shift in epoch)
    if not even or any(len(epoch) != len(raw) for epoch in epochs):
        expected = "augment(image) of each training image, in place of the data set's own transform"
        return failed(WORKS, "other_transform", found="training pictures that augment does not give", expected=expected)
    same = all(torch.equal(a, b) for a, b in zip(*shifts, strict=True))
    expected = "another brightness in each epoch"
    return passed_if(WORKS, not same, "augmented_once", found="the same in two epochs", expected=expected)
