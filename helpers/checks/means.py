"""Exact means over samples, and the slips by which a mean goes wrong."""

import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from helpers.checks.report import Finding, failed, passed
from helpers.checks.small_models import Case
from helpers.checks.tensors import CLOSE


def expected_numbers(losses: list[float], right: list[int], case: Case) -> tuple[dict[str, float], dict[str, list]]:
    """The exact per-sample means, and for each key the values that usual mistakes give, with their reasons."""
    sizes = [len(labels) for _, labels in case.batches()]
    loss = sum(mean * size for mean, size in zip(losses, sizes, strict=True)) / sum(sizes)
    shares = [r / size for r, size in zip(right, sizes, strict=True)]
    exact = {"loss": loss, "accuracy": sum(right) / sum(sizes)}
    biased = "The last batch is smaller, yet in a mean of batch means it has as much say: weigh each batch by its size."
    last = "This is the last batch alone: add up over all batches."
    slips = {
        "loss": [
            (sum(losses) / len(losses), "batch_means", biased),
            (losses[-1], "last_batch", last),
            (sum(losses), "not_divided", "This is a sum over batches: divide by the number of samples."),
            (sum(losses) / sum(sizes), "batch_means", "loss.item() is a batch's mean already: times its size before adding up."),
        ],
        "accuracy": [
            (sum(shares) / len(shares), "batch_means", biased),
            (100 * exact["accuracy"], "percent", "Accuracies are in [0, 1] here: not in percent."),
            (float(sum(right)), "not_divided", "This is the number of correct answers: divide by the number of samples."),
            (shares[-1], "last_batch", last),
        ],
    }
    return exact, slips


def per_batch(model: nn.Module, batches: Iterable) -> tuple[list[float], list[int]]:
    """Of each batch of images and labels: the mean loss, and how many are classified correctly."""
    return measured(logits_of(model, batches))


def logits_of(model: nn.Module, batches: Iterable) -> list[tuple[Tensor, Tensor]]:
    """(logits, labels) of each batch of images and labels, in the modes that the model is in."""
    with torch.no_grad():
        return [(model(images), labels) for images, labels in batches]


def measured(outputs: list[tuple[Tensor, Tensor]], scale: float = 1.0) -> tuple[list[float], list[int]]:
    """As `per_batch`, from logits times `scale`."""
    outputs = [(logits * scale, labels) for logits, labels in outputs]
    return [cross_entropy(z, y).item() for z, y in outputs], [int((z.argmax(dim=1) == y).sum()) for z, y in outputs]


def numbers(
    found: object, exact: dict[str, float], slips: dict[str, list], other: Mapping[str, Iterable] = {}
) -> Iterator[Finding]:
    """Findings on the aspects ``loss`` and ``accuracy`` of a returned dict.

    `other` are slips of this exercise's own, asked for where a number is not the exact one.
    """
    for key, value in exact.items():
        if not isinstance(found, dict) or set(found) != set(exact):
            shape = (
                f"a dict with the keys {', '.join(map(str, found))}" if isinstance(found, dict) else f"a {type(found).__name__}"
            )
            likely = "What is printed is not returned." if found is None else ""
            yield failed(
                key, "nothing_returned" if found is None else "not_the_dict", found=shape[:200],
                expected='a dict with the keys "loss" and "accuracy", and no other', likely=likely,
            )  # fmt: skip
        else:
            yield _number(key, found[key], value, chain(slips[key], other.get(key, ())))


def is_among(found: object, key: str, *tables: tuple[dict[str, float], dict[str, list]]) -> bool:
    """Whether the number under `key` of a returned dict is an exact one or a known slip in one of these tables."""
    value = found.get(key) if isinstance(found, dict) else None
    known = [one for exact, slips in tables for one in (exact[key], *(slip[0] for slip in slips[key]))]
    return type(value) in (float, int) and any(math.isclose(value, one, rel_tol=CLOSE, abs_tol=1e-6) for one in known)


def _number(key: str, found: object, exact: float, slips: Iterable) -> Finding:
    if type(found) is not float or not math.isfinite(found):
        kind = "a tensor" if isinstance(found, Tensor) else f"{type(found).__name__} {found!r}"
        expected = "a finite Python float: .item() takes the number out of a tensor, and with it the graph goes"
        return failed(key, "not_plain", found=f"{key} is {kind}", expected=expected)
    if math.isclose(found, exact, rel_tol=CLOSE, abs_tol=1e-6):
        return passed(key)
    made = (slip for slip in slips if math.isnan(slip[0]) or math.isclose(found, slip[0], rel_tol=CLOSE, abs_tol=1e-6))
    _, reason, likely = next(made, (exact, "other_mean", ""))
    expected = f"{exact:.4f}, the mean over all samples"
    return failed(key, reason, found=f"{key} {found:.4f}", expected=expected, likely=likely)
