"""The check of `fix_single_image`: a batch of one image in train mode."""

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from helpers.checks.debug_clinic.patients import WIDTH, Batching
from helpers.checks.debug_clinic.repair import GONE, WORKS, repair
from helpers.checks.report import Finding, failed, passed_if, wrong_type


@repair(
    hints=(
        "One image is left over. Spread it: other batches can take it along, if they are a little larger.",
        "len(dataset) % batch_size is what is left over for the last batch. DataLoader also takes a batch_sampler.",
        "while len(dataset) % batch_size == 1:\n    batch_size ...\nreturn DataLoader(dataset, batch_size=batch_size, ...)",
    ),
    cases=(Batching(13, 4), Batching(16, 5, seed=1), Batching(20, 4, seed=2), Batching(18, 8, seed=3)),
    gone="no batch has a single image: BatchNorm in train mode takes them all",
    works="batches of about the size asked for, shuffled anew in each epoch",
    all="every image comes once in each epoch",
)
def fix_single_image(case: Batching, answer: Callable) -> Iterator[Finding]:
    """Read two epochs from the answer's loader and send every batch through BatchNorm in train mode."""
    dataset = case.dataset()
    loader = answer(dataset, case.batch_size)
    if not isinstance(loader, Iterable):
        yield wrong_type(WORKS, "not_a_loader", loader, "a DataLoader: batches of features and labels, anew in every epoch")
        return
    epochs = [[(features, labels) for features, labels in loader] for _ in range(2)]
    problem = f"{case.num_images} images in batches of {case.batch_size}"
    sizes = ", ".join(str(len(labels)) for _, labels in epochs[0])
    refused = sum(not _batchnorm_takes(features) for epoch in epochs for features, _ in epoch)
    yield passed_if(
        GONE, not refused, "single_image", found=f"{problem} become batches of {sizes}: BatchNorm in train mode raises",
        expected="no batch with a single image",
        likely="Count what is left over for the last batch, and do something about it before it comes.",
    )  # fmt: skip
    yield _batches_finding(case, epochs, dataset, problem)
    shown = [_numbers(epoch) for epoch in epochs]
    least, twice = min(len(set(numbers)) for numbers in shown), any(len(numbers) > len(set(numbers)) for numbers in shown)
    yield passed_if(
        "all", not twice and least == case.num_images, "image_twice" if twice else "images_lost",
        found=f"{problem}: an epoch shows {least} of them{', some twice' if twice else ''}",
        expected="each image once in every epoch",
        likely="" if twice else "What is left over for the last batch, be it one image or many, belongs to the epoch.",
    )  # fmt: skip


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
    largest = max((len(batch) for epoch in epochs for _, batch in epoch), default=0)
    if not largest or not epochs[1]:
        return failed(WORKS, "no_batches", found="an epoch without a batch", expected="batches in every epoch")
    if largest > 2 * case.batch_size:
        expected = f"batches of about {case.batch_size}, never more than {2 * case.batch_size}: memory has its limits"
        return failed(WORKS, "too_large", found=f"{problem} become a batch of {largest}", expected=expected)
    if _numbers(epochs[0]) == _numbers(epochs[1]):
        expected = "another order in each epoch, as before: shuffle=True"
        return failed(WORKS, "not_shuffled", found="the same order in two epochs", expected=expected)
    numbers = _numbers(epochs[0])
    known = all(0 <= number < case.num_images for number in numbers)
    wholes = zip(dataset.tensors, zip(*epochs[0], strict=True), strict=True)
    pairs = known and all(torch.equal(whole[numbers], torch.cat(batches)) for whole, batches in wholes)
    expected = "the features and labels of the data set, each label with its own features"
    return passed_if(WORKS, pairs, "other_images", found="different pairs from the data set's", expected=expected)
