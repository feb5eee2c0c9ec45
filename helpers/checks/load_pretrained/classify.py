"""The check of `classify`: the likeliest labels of a photograph, with their probabilities."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from helpers.checks.exercise import exercise
from helpers.checks.intact import intact
from helpers.checks.report import Aspect, Finding, failed, passed_if, unreached
from helpers.checks.small_models import Case
from helpers.checks.watching import Counting, TellsGraph, visit

TRAIN_MODE = "the model came in train mode, where BatchNorm uses this one image's statistics: call model.eval()"
NOT_USED = "the weights expect images prepared in one way: use transform(image)"
UNCLEAR = {"wrong_dim", "softmax_of_top_k", "wrong_probabilities"}  # fit whatever the model has said
TOLERANCE = 1e-5  # a batch of one and a batch of many differ by about this much (rounding)


@exercise(
    aspects=(
        Aspect("labels", "the k likeliest labels, the likeliest first, of the image as the weights expect it", 2),
        Aspect("probabilities", "each with its probability among all classes", 2),
        Aspect("list", "as a list of pairs of a plain str and a plain float", 0.5, requires=("labels",)),
        Aspect("no_gradient", "no gradient is recorded", 0.75, requires=("labels",)),
        Aspect("intact", "the model is as it was", 0.75, requires=("labels",)),
    ),
    cases=(
        Case(num_classes=12, image_size=16),
        Case(kind="lookalike", head_name="classifier", num_classes=8, image_size=20, seed=1),
        Case(kind="nested", head_name="head", num_classes=4, seed=4),
    ),
    hints=(
        "Five steps: prepare the image, make a batch of one, ask the model in eval mode without gradients, "
        "turn its scores into probabilities, take the best.",
        "transform(image).unsqueeze(0), model.eval(), torch.no_grad(), logits.softmax(dim=1), probabilities.topk(k).",
        "model.eval()\nwith torch.no_grad():\n    probabilities = model(transform(image)...).softmax(dim=1)[0]\n"
        "values, indices = probabilities....\n"
        "return [(categories[i], v) for v, i in zip(values.tolist(), indices.tolist())]",
    ),
)
def classify(case: Case, answer: Callable[..., list[tuple[str, float]]]) -> Iterator[Finding]:
    """Have the answer classify a made-up photograph by the case's model, which arrives in train mode."""
    model, question = case.model(), ClassifyProblem(case)
    arguments = (model, question.transform, question.image, question.categories, question.k)
    seen = visit(model, case.head(model), answer, *arguments, by=TellsGraph())
    result, graphs = seen.returned, seen.watch.graphs
    fits = {graph for graph in TellsGraph.factors if _explained(_pairs(result), question, graph)}
    yield _list_finding(result, question.k)
    yield _labels_finding(_pairs(result), question)
    yield _probabilities_finding(_pairs(result), question, fits == {True})
    if graphs and not any(graphs) and not fits:  # numbers that tell nothing
        yield from unreached(["no_gradient"])
    else:
        yield passed_if(
            "no_gradient", graphs and not any(graphs) and fits != {True}, "gradient_kept",
            found="the logits carry a graph for backward" if graphs else "the model was not called",
            expected="no graph is recorded", likely="put the call to the model inside with torch.no_grad():",
        )  # fmt: skip
    yield intact("intact", seen.before, seen.changes, "statistics_moved", "model_changed", apart=("modes",))


class ClassifyProblem(Counting):
    """One photograph to classify: the image, a transform of its own kind, names for the outputs, and the truth.

    Attributes:
        image: a made-up RGB photograph, wider than high.
        categories: one name for each output of the case's model.
        k: how many labels are asked for.
        count: how often the answer has called the transform.
    """

    def __init__(self, case: Case):
        self.case, self.k = case, min(5, case.num_classes - 1)
        self.categories = tuple(f"kind {number}" for number in range(case.num_classes))
        draw = torch.Generator().manual_seed(case.seed + 2)
        self._mean, self._std = torch.rand(3, 1, 1, generator=draw), torch.rand(3, 1, 1, generator=draw) * 0.3 + 0.1
        width, height = case.image_size + 9, case.image_size + 4
        pixels = torch.randint(256, (height, width, 3), generator=draw, dtype=torch.uint8)
        self.image = Image.frombytes("RGB", (width, height), bytes(pixels.flatten().tolist()))

    def transform(self, image: Image.Image) -> Tensor:
        """What the answer gets as `transform`: RGB image -> float32 (3, image_size, image_size), normalised."""
        self.count += 1
        return self._prepared(image)

    def logits(self, *, training: bool = False, graph: bool = False) -> Tensor:
        """What a fresh model of the case says to the image, with or without a graph: float32 (num_classes,)."""
        with torch.no_grad():
            return self.case.model().train(training)(self._prepared(self.image)[None])[0] * TellsGraph.factors[graph]

    def likeliest(self, count: int, *, training: bool = False) -> list[str]:
        """The labels of the `count` largest logits, the largest first."""
        return [self.categories[i] for i in self.logits(training=training).argsort(descending=True)[:count]]

    def _prepared(self, image: Image.Image) -> Tensor:
        side = self.case.image_size
        pixels = list(image.convert("RGB").resize((side, side)).tobytes())
        scaled = torch.tensor(pixels, dtype=torch.float32).view(side, side, 3).permute(2, 0, 1) / 255
        return (scaled - self._mean) / self._std


def _pairs(result: Any) -> list[tuple[str, float]]:
    """The answer's pairs as far as they are pairs of a label and a number; else an empty list."""
    if isinstance(result, dict):
        result = list(result.items())
    if not isinstance(result, (list, tuple)):
        return []
    good = all(isinstance(pair, (list, tuple)) and len(pair) == 2 and _number(pair[1]) for pair in result)
    return [(str(label), float(value)) for label, value in result] if good else []


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) or (isinstance(value, Tensor) and value.numel() == 1)


def _list_finding(result: Any, k: int) -> Finding:
    expected = f"a list of {k} pairs (label, probability), each a plain str and a plain float"
    if result is None:
        return failed("list", "nothing_returned", found="None", expected=expected, likely="what is printed is not returned")
    if not isinstance(result, list) or not _pairs(result):
        return failed("list", "not_a_list", found=f"{result!r}"[:200], expected=expected, likely="return a list of tuples")
    if len(result) != k:
        return failed("list", "wrong_length", found=f"{len(result)} pairs with k = {k}", expected=expected)
    plain = all(type(pair) is tuple and type(pair[0]) is str and type(pair[1]) is float for pair in result)
    return passed_if(
        "list", plain, "not_plain", found=f"the first is {result[0]!r}"[:200], expected=expected,
        likely="tensor.item() or tensor.tolist() gives a plain float",
    )  # fmt: skip


def _labels_finding(pairs: list[tuple[str, float]], question: ClassifyProblem) -> Finding:
    labels = [label for label, _ in pairs]
    right = question.likeliest(len(labels))
    if not question.count:
        reason, likely = "transform_not_used", NOT_USED
    elif not labels:
        reason, likely = "no_pairs", ""
    elif labels == question.likeliest(len(labels), training=True):
        reason, likely = "train_mode", TRAIN_MODE
    elif sorted(labels) == sorted(right):
        reason, likely = "not_sorted", "the likeliest comes first: torch.topk sorts"
    elif labels == question.likeliest(question.case.num_classes)[::-1][: len(labels)]:
        reason, likely = "least_likely", "these are the least likely ones: largest scores first"
    else:
        reason, likely = "wrong_labels", ""
    return passed_if(
        "labels", labels and labels == right and question.count, reason, found=", ".join(labels) or "no labels",
        expected=", ".join(right) or "the likeliest labels", likely=likely,
    )  # fmt: skip


def _right_probabilities(pairs: list[tuple[str, float]], logits: Tensor, question: ClassifyProblem) -> list[float]:
    """For each pair the probability of its label; NaN for what is no label."""
    truth = dict(zip(question.categories, logits.softmax(0).tolist(), strict=True))
    return [truth.get(label, math.nan) for label, _ in pairs]


def _explained(pairs: list[tuple[str, float]], question: ClassifyProblem, graph: bool) -> bool:
    """Whether these are the numbers that come of the model with or without a `graph`, or of a known slip with them."""
    logits, values = question.logits(graph=graph), [value for _, value in pairs]
    right = _right_probabilities(pairs, logits, question)
    if values and all(math.isclose(v, r, abs_tol=TOLERANCE) for v, r in zip(values, right, strict=True)):
        return True
    reason = _why_not_probabilities(values, logits, question.logits(training=True, graph=graph))[0]
    return bool(values) and reason not in UNCLEAR


def _probabilities_finding(pairs: list[tuple[str, float]], question: ClassifyProblem, graph: bool) -> Finding:
    logits = question.logits(graph=graph)
    values, right = [value for _, value in pairs], _right_probabilities(pairs, logits, question)
    fine = values and all(math.isclose(v, r, abs_tol=TOLERANCE) for v, r in zip(values, right, strict=True))
    reason, likely = _why_not_probabilities(values, logits, question.logits(training=True, graph=graph))
    if not question.count:
        reason, likely = "transform_not_used", NOT_USED
    elif not values:
        reason, likely = "no_pairs", ""
    return passed_if(
        "probabilities", fine, reason, found=", ".join(f"{value:.3f}" for value in values) or "no numbers",
        expected=", ".join(f"{value:.3f}" for value in right) or "probabilities in [0, 1]", likely=likely,
    )  # fmt: skip


def _why_not_probabilities(values: list[float], logits: Tensor, trained: Tensor) -> tuple[str, str]:
    """(reason code, likely cause) for numbers that are not the probabilities of the classes."""

    def same(other: Tensor) -> bool:
        pairs = zip(sorted(values, reverse=True), other.sort(descending=True).values.tolist(), strict=False)
        return bool(values) and all(math.isclose(value, right, abs_tol=TOLERANCE) for value, right in pairs)

    if same(logits.softmax(0)):
        return "other_labels", "these are the right numbers, beside labels that are not theirs"
    if same(logits):
        return "logits_shown", "these are logits: softmax turns them into probabilities"
    if len(values) > 1 and same(torch.ones_like(logits)):
        return "wrong_dim", "softmax over dim 0 compares images, and there is one: use dim=1 of (1, num_classes)"
    if len(values) > 1 and math.isclose(sum(values), 1, abs_tol=TOLERANCE):
        return "softmax_of_top_k", "they add up to 1 among themselves: take softmax over all classes, then the k likeliest"
    if same(logits.softmax(0) * 100):
        return "percent", "these are per cent: a probability lies in [0, 1]"
    if same(trained.softmax(0)):
        return "train_mode", TRAIN_MODE
    if same(logits.sigmoid()):
        return "sigmoid", "sigmoid treats each class on its own: softmax makes the probabilities of all classes add up to 1"
    if same(logits.log_softmax(0)):
        return "log_softmax", "these are logarithms of probabilities: softmax gives the probabilities"
    best = logits.softmax(0).sort(descending=True).values[: len(values)].tolist()
    if values and all(abs(value - right) < 0.006 for value, right in zip(sorted(values, reverse=True), best, strict=False)):
        return "rounded", "do not round: a number can be rounded when it is shown"
    return "wrong_probabilities", ""
