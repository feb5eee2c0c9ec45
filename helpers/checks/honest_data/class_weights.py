"""The check of `class_weights`: what an image of each class has to weigh so that all classes weigh alike."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from helpers.checks.exercise import exercise
from helpers.checks.honest_data.tables import Labels, refusal, said
from helpers.checks.report import Aspect, Finding, failed, passed, passed_if, unreached
from helpers.checks.tensors import Slip, near, shape_of, slip_to


@exercise(
    aspects=(
        Aspect("weights", "each class weighs N / (K x its images): all classes weigh alike, an image 1 on average", 3),
        Aspect("form", "a float32 tensor with one weight a class", 0.75, requires=("weights",)),
        Aspect("empty_class", "a class without images is refused", 0.75, requires=("weights",)),
        Aspect("outside", "so is a label that is no class", 0.25, requires=("weights",)),
        Aspect("intact", "the labels are as they came", 0.25, requires=("weights",)),
    ),
    cases=(Labels(), Labels(num_classes=7, most=60, seed=1), Labels(num_classes=2, most=25, seed=2)),
    hints=(
        "Count the images of each class. Twice as many images, half the weight: then the classes weigh alike. The factor in "
        "front makes the mean over all images 1: a loss that sums them is then as large as without weights.",
        "torch.bincount(labels, minlength=num_classes) counts; len(labels) / (num_classes * counts) divides. .float() makes "
        "float32 of it. Look at the counts first: a 0 among them, or one count too many, is a ValueError.",
        "counts = torch.bincount(labels, minlength=num_classes)\nif len(counts) > num_classes or counts.min() == 0:\n"
        "    raise ValueError(...)\nreturn (len(labels) / (num_classes * ...)).float()",
    ),
)
def class_weights(case: Labels, answer: Callable[[Tensor, int], Tensor]) -> Iterator[Finding]:
    """Weigh the case's classes, then hand over labels that cannot be weighed."""
    labels, given, classes = case.labels(), case.labels(), case.num_classes
    found, right = answer(given, classes), balanced(labels, classes)
    numbers = _numbers(found)
    yield _weights_finding(numbers, labels, right, found)
    if numbers is None:
        yield from unreached(["form", "empty_class", "outside", "intact"])
        return
    plain = isinstance(found, Tensor) and found.dtype == torch.float32
    likely = "torch's loss takes weights of the logits' type, which is float32."
    yield passed_if("form", plain, "other_type", found=said(found), expected=f"a tensor {shape_of(right)}", likely=likely)
    rare = labels[labels != labels.bincount().argmin()]
    words = f"labels of {classes - 1} of {classes} classes"
    likely = "Its weight would be infinite, or of no use: there is nothing to learn the class from. Look for a count of 0."
    yield refusal("empty_class", answer, (rare, classes), words, likely)
    words, likely = f"a label {classes} among classes 0 to {classes - 1}", "bincount makes room for every label that it meets."
    yield refusal("outside", answer, (torch.cat([labels, torch.tensor([classes])]), classes), words, likely)
    yield passed_if(
        "intact", torch.equal(given, labels), "labels_changed", found="the labels that were passed in are others now",
        expected="the labels as they came", likely="sort_() and other methods that end in _ change the tensor itself.",
    )  # fmt: skip


def balanced(labels: Tensor, num_classes: int) -> Tensor:
    """scikit-learn's class_weight="balanced": float32 (num_classes,).

    Source: https://scikit-learn.org/stable/modules/generated/sklearn.utils.class_weight.compute_class_weight.html
    """
    return (len(labels) / (num_classes * labels.bincount(minlength=num_classes))).float()


def _numbers(found: object) -> Tensor | None:
    """What came back as float32, None where there are no numbers in it."""
    try:
        return torch.as_tensor(found).detach().cpu().float()
    except (TypeError, ValueError, RuntimeError):
        return None


def _slips(labels: Tensor, classes: int, right: Tensor) -> Iterator[Slip]:
    counts = labels.bincount(minlength=classes).float()
    turned = "This gives the large classes the large weights: divide by the counts."
    yield counts / counts.sum(), "by_frequency", turned
    yield counts, "by_frequency", turned
    yield counts * classes / counts.sum(), "by_frequency", turned
    yield 1 / counts, "not_scaled", "The ratios are right, but an image weighs far less than 1 on average: times N / K."
    yield len(labels) / counts, "not_divided_by_classes", "The classes weigh alike, but K times too much: divide by K."
    likely = "The weights themselves add up to 1 or to K, or the largest class has 1: the mean over all images shall be 1."
    yield right / right.sum(), "other_scale", likely
    yield right * classes / right.sum(), "other_scale", likely
    yield counts.max() / counts, "other_scale", likely
    yield right / right.max(), "other_scale", likely
    yield right.sqrt(), "square_root", "The root of the right weight: a rare class would still weigh less than a common one."
    yield right[labels], "one_an_image", "These are weights of images. The loss takes one a class, and looks each label up."


def _weights_finding(numbers: Tensor | None, labels: Tensor, right: Tensor, found: object) -> Finding:
    expected = f"N / (K x images of the class): {_listed(right)}"
    if numbers is None:
        return failed("weights", "no_numbers", found=said(found), expected=expected)
    if near(numbers, right):
        return passed("weights")
    reason, likely = slip_to(numbers, _slips(labels, len(right), right), ("other_weights", ""))
    return failed("weights", reason, found=_listed(numbers), expected=expected, likely=likely)


def _listed(numbers: Tensor) -> str:
    shown = ", ".join(f"{number:.4g}" for number in numbers.flatten()[:8].tolist())
    return f"{shown}{', ...' if numbers.numel() > 8 else ''} in the shape {tuple(numbers.shape)}"
