"""The clinic's cases about data: a last batch with a single image, and augmentation that reaches the validation images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset, TensorDataset

from helpers.checks.clinic import GONE, WORKS, repair
from helpers.checks.outcome import Finding, held, look, missed
from helpers.checks.patients import Pictures

WIDTH = 6


# ---------------------------------------------------------------- a batch of one
@dataclass(frozen=True)
class Batching:
    """So many samples, in batches of so many. Each sample carries its own number, so that it is known again."""

    num_images: int
    batch_size: int
    seed: int = 0

    def dataset(self) -> TensorDataset:
        """Features float32 (num_images, 6), the first of them the sample's number, and labels int64 (num_images,)."""
        generator = torch.Generator().manual_seed(self.seed)
        features = torch.randn(self.num_images, WIDTH, generator=generator)
        features[:, 0] = torch.arange(self.num_images)
        return TensorDataset(features, torch.randint(5, (self.num_images,), generator=generator))


def examine_single_image(case: Batching, answer: Callable) -> Iterator[Finding]:
    """Read two epochs from the answer's loader and send every batch through BatchNorm in train mode."""
    dataset = case.dataset()
    loader = answer(dataset, case.batch_size)
    if not isinstance(loader, Iterable):
        expected = "a DataLoader: batches of features and labels, anew in every epoch"
        yield missed(WORKS, "not_a_loader", found=f"a {type(loader).__name__}", expected=expected)
        return
    epochs = [[(features, labels) for features, labels in loader] for _ in range(2)]
    problem = f"{case.num_images} images in batches of {case.batch_size}"
    sizes = [len(labels) for _, labels in epochs[0]]
    refused = sum(not _batchnorm_takes(features) for epoch in epochs for features, _ in epoch)
    yield look(
        GONE, not refused, "single_image", found=f"{problem} become batches of {_listed(sizes)}: BatchNorm in train mode raises",
        expected="no batch with a single image",
        likely="Count what is left over for the last batch, and do something about it before it comes.",
    )  # fmt: skip
    yield _batches_finding(case, epochs, dataset, problem)
    yield _all_images_finding(case, epochs, problem)


def _batchnorm_takes(features: Tensor) -> bool:
    try:
        nn.BatchNorm1d(WIDTH).train()(features)
    except ValueError:
        return False
    return True


def _numbers(epoch: list) -> list[int]:
    return [int(number) for features, _ in epoch for number in features[:, 0]]


def _batches_finding(case: Batching, epochs: list, dataset: TensorDataset, problem: str) -> Finding:
    """Whether the batches are whole, of a size that memory allows, and in a new order in each epoch."""
    features, labels = dataset.tensors
    largest = max((len(batch) for epoch in epochs for _, batch in epoch), default=0)
    if not largest or not epochs[1]:
        return missed(WORKS, "no_batches", found="an epoch without a batch", expected="batches in every epoch")
    if largest > 2 * case.batch_size:
        expected = f"batches of about {case.batch_size}, never more than {2 * case.batch_size}: memory has its limits"
        return missed(WORKS, "too_large", found=f"{problem} become a batch of {largest}", expected=expected)
    if _numbers(epochs[0]) == _numbers(epochs[1]):
        expected = "another order in each epoch, as before: shuffle=True"
        return missed(WORKS, "not_shuffled", found="the same order in two epochs", expected=expected)
    numbers = _numbers(epochs[0])
    pairs = all(0 <= number < case.num_images for number in numbers)
    pairs = pairs and torch.equal(features[numbers], torch.cat([batch for batch, _ in epochs[0]]))
    pairs = pairs and torch.equal(labels[numbers], torch.cat([batch for _, batch in epochs[0]]))
    expected = "the features and labels of the data set, each label with its own features"
    return held(WORKS) if pairs else missed(WORKS, "other_images", found="other pairs than the data set's", expected=expected)


def _all_images_finding(case: Batching, epochs: list, problem: str) -> Finding:
    """Whether every image comes once in every epoch."""
    counts = [len(set(_numbers(epoch))) for epoch in epochs]
    twice = any(len(_numbers(epoch)) > count for epoch, count in zip(epochs, counts, strict=True))
    return look(
        "all", not twice and min(counts) == case.num_images, "image_twice" if twice else "images_lost",
        found=f"{problem}: an epoch shows {min(counts)} of them{', some twice' if twice else ''}",
        expected="each image once in every epoch",
        likely="" if twice else "drop_last=True drops whatever is left over, be it one image or many.",
    )  # fmt: skip


def _listed(sizes: list[int]) -> str:
    return ", ".join(map(str, sizes))


fix_single_image = repair(
    "fix_single_image",
    examine_single_image,
    (
        "One image is left over. Spread it: other batches can take it along, if they are a little larger.",
        "len(dataset) % batch_size is what is left over for the last batch. DataLoader also takes a batch_sampler.",
        "while len(dataset) % batch_size == 1:\n    batch_size ...\nreturn DataLoader(dataset, batch_size=batch_size, ...)",
    ),
    cases=(Batching(13, 4), Batching(16, 5, seed=1), Batching(20, 4, seed=2), Batching(18, 8, seed=3)),
    gone="no batch has a single image: BatchNorm in train mode takes them all",
    works="batches of about the size asked for, shuffled anew in each epoch",
    all="every image comes once in each epoch",
)


# ---------------------------------------------------------------- augmentation that leaks
@dataclass(frozen=True)
class Album:
    """Pictures, of which some are for validation.

    Attributes:
        num_images, num_val: how many pictures there are, and how many of them are for validation.
        plain: whether the data set has a transform of its own already, which turns [0, 1] to [-1, 1].
        seed: seed of pictures and split.
    """

    num_images: int = 12
    num_val: int = 4
    plain: bool = False
    seed: int = 0

    def pictures(self) -> Pictures:
        """The data set that both parts look into."""
        generator = torch.Generator().manual_seed(self.seed)
        images = torch.rand(self.num_images, 3, 5, 5, generator=generator)
        labels = torch.randint(4, (self.num_images,), generator=generator)
        return Pictures(images, labels, _to_unit if self.plain else None)

    def indices(self) -> tuple[list[int], list[int]]:
        """Which pictures are for training, and which for validation."""
        order = torch.randperm(self.num_images, generator=torch.Generator().manual_seed(self.seed + 1)).tolist()
        return order[self.num_val :], order[: self.num_val]


def _to_unit(image: Tensor) -> Tensor:
    return image * 2 - 1


def brighter(image: Tensor) -> Tensor:
    """An augmentation that can be told from the result: every pixel brighter by one and the same random number."""
    return image + 0.2 + torch.rand(1)


def examine_leaking_augmentation(case: Album, answer: Callable) -> Iterator[Finding]:
    """Read validation and training pictures over two epochs, in turns."""
    dataset, (train_indices, val_indices) = case.pictures(), case.indices()
    transform, plain = dataset.transform, [case.pictures()[index][0] for index in range(len(dataset))]
    parts = answer(dataset, list(train_indices), list(val_indices), brighter)
    if not isinstance(parts, (tuple, list)) or len(parts) != 2 or not all(hasattr(part, "__getitem__") for part in parts):
        expected = "two data sets: for training and for validation"
        yield missed(WORKS, "not_two_sets", found=f"a {type(parts).__name__}", expected=expected)
        return
    train, val = parts
    passes = {"val": [], "train": []}
    for _ in range(2):
        passes["val"].append(_read(val))
        passes["train"].append(_read(train))
    yield _val_finding(passes["val"], [plain[index] for index in val_indices])
    raw, untouched = [dataset.images[index] for index in train_indices], [plain[index] for index in train_indices]
    yield _train_finding(passes["train"], raw, untouched)
    labels = dataset.labels
    right = all(
        [label for _, label in found] == [int(labels[index]) for index in indices]
        for found, indices in ((passes["train"][1], train_indices), (passes["val"][1], val_indices))
    )
    yield look("pairs", right, "other_pictures", found="other pictures or labels than asked for",
               expected="the pictures at the indices, in their order, with their labels")  # fmt: skip
    yield look(
        "kept", dataset.transform is transform, "dataset_changed", found="dataset.transform is another one than before",
        expected="the data set as it was: others may look into it, too",
        likely="Give the training images a data set of their own: copy.copy(dataset) shares the images.",
    )  # fmt: skip


def _read(part: Dataset) -> list[tuple[Tensor, int]]:
    """One epoch of pictures."""
    return [(part[number][0].clone(), int(part[number][1])) for number in range(len(part))]


def _equal(epoch: list, images: list[Tensor]) -> bool:
    return len(epoch) == len(images) and all(torch.equal(x, image) for (x, _), image in zip(epoch, images, strict=True))


def _val_finding(epochs: list, plain: list[Tensor]) -> Finding:
    if all(_equal(epoch, plain) for epoch in epochs):
        return held(GONE)
    drift = max((float((a - b).abs().max()) for (a, _), (b, _) in zip(*epochs, strict=False)), default=0.0)
    return missed(
        GONE, "val_changes" if drift > 0 else "val_not_plain",
        found=f"between two epochs a validation pixel changes by up to {drift:.2f}" if drift > 0
        else "the validation pictures are not the data set's own",
        expected="validation pictures without augmentation, the same in every epoch",
        likely="A Subset only points into its data set: both parts share one transform.",
    )  # fmt: skip


def _train_finding(epochs: list, raw: list[Tensor], plain: list[Tensor]) -> Finding:
    """Whether each training picture is the raw one, brightened by a number of its own that changes between epochs."""
    if any(_equal(epoch, plain) for epoch in epochs):
        expected = "augmented training pictures: augmenting is what they are here for"
        return missed(WORKS, "augmentation_lost", found="training pictures without augmentation", expected=expected)
    shifts = [[x - image for (x, _), image in zip(epoch, raw, strict=False)] for epoch in epochs]
    even = all(float(shift.max() - shift.min()) < 1e-5 for epoch in shifts for shift in epoch)
    if not even or any(len(epoch) != len(raw) for epoch in epochs):
        expected = "augment(image) of each training image, in place of the data set's own transform"
        return missed(WORKS, "other_transform", found="training pictures that augment does not give", expected=expected)
    same = all(torch.equal(a, b) for a, b in zip(*shifts, strict=True))
    expected = "another brightness in each epoch"
    return missed(WORKS, "augmented_once", found="the same in two epochs", expected=expected) if same else held(WORKS)


fix_leaking_augmentation = repair(
    "fix_leaking_augmentation",
    examine_leaking_augmentation,
    (
        "Two windows into one room: paint the room, and both views change. Give training a room of its own.",
        "copy.copy(dataset) is another data set that shares the images; Subset(dataset, indices) is a window.",
        "augmented = copy.copy(dataset)\naugmented.transform = ...\n"
        "return Subset(augmented, train_indices), Subset(..., val_indices)",
    ),
    cases=(Album(), Album(num_images=15, num_val=5, plain=True, seed=4)),
    gone="validation images are not augmented, and the same in every epoch",
    works="training images are augmented, anew in every epoch",
    pairs="both parts hold the images asked for, with their labels",
    kept="the data set itself is as it was",
)
