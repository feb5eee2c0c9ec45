"""The check of `fit_temperature`: whatever the search, the loss at the number that it found is measured again."""

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from helpers.checks.exercise import exercise
from helpers.checks.honest_data.tables import Scored, refusal, said
from helpers.checks.report import Aspect, Finding, failed, passed, passed_if

# How far above its lowest the loss may lie. Measured: a grid in steps of 0.05 stays below 0.0004, ten steps of Adam do not.
TOLERANCE = 0.001
LEAST, MOST = 0.05, 20.0


@exercise(
    aspects=(
        Aspect("minimum", "at this temperature the loss is as low as it gets", 4),
        Aspect("plain", "a Python float", 0.5, requires=("minimum",)),
        Aspect("empty", "without images there is an error", 0.5, requires=("minimum",)),
        Aspect("intact", "logits and labels are as they came", 0.5, requires=("minimum",)),
    ),
    cases=(Scored(200, temperature=4.0), Scored(150, 8, 0.4, 1), Scored(250, 3, 5.0, 2), Scored(200, 10, 1.3, 3)),
    hints=(
        "Temperature is one number, and the loss as a function of it has one valley. Any way to its bottom will do: many numbers "
        "tried, the finer the nearer to the best; or a library's search.",
        "cross_entropy(logits / t, labels) is the loss at t. torch.logspace makes a row of numbers to try from 0.05 to 20; "
        "scipy.optimize.minimize_scalar(loss, bounds=(0.05, 20), method='bounded').x searches by itself.",
        'if len(labels) == 0:\n    raise ValueError(...)\ntried = torch.logspace(..., ..., 2000, dtype=torch.float64).tolist()\n'
        "return min(tried, key=lambda t: cross_entropy(logits / t, labels).item())",
    ),
)  # fmt: skip
def fit_temperature(case: Scored, answer: Callable[[Tensor, Tensor], float]) -> Iterator[Finding]:
    """Have the temperature found, and measure the loss there."""
    (logits, labels), (own_logits, own_labels) = case.scores(), case.scores()
    found = answer(own_logits, own_labels)
    yield _minimum_finding(found, logits, labels)
    likely = ".item() makes a float of a tensor with one number."
    yield passed_if("plain", type(found) is float, "not_a_float", found=said(found), expected="a Python float", likely=likely)
    none = (logits[:0], labels[:0])
    likely = "The mean over nothing is nan, and nan is neither higher nor lower than anything: look at the length first."
    yield refusal("empty", answer, none, "no image at all", likely)
    yield passed_if(
        "intact", torch.equal(own_logits, logits) and torch.equal(own_labels, labels), "scores_changed",
        found="the logits or labels that were passed in are others now", expected="both as they came",
        likely="logits /= t divides the caller's own tensor, a little more with each try: logits / t makes a new one.",
    )  # fmt: skip


def loss_at(temperature: float, logits: Tensor, labels: Tensor) -> float:
    """The mean negative log-likelihood of the labels, by ``softmax(logits / temperature)``, in double precision."""
    return float(cross_entropy(logits.double() / temperature, labels))


def best(loss: Callable[[float], float]) -> float:
    """Where a loss with one valley is lowest between `LEAST` and `MOST`: by thirds of what is left, in the logarithm."""
    low, high = math.log(LEAST), math.log(MOST)
    for _ in range(60):
        first, second = low + (high - low) / 3, high - (high - low) / 3
        low, high = (low, second) if loss(math.exp(first)) <= loss(math.exp(second)) else (first, high)
    return math.exp((low + high) / 2)


def _minimum_finding(found: object, logits: Tensor, labels: Tensor) -> Finding:
    right = best(lambda t: loss_at(t, logits, labels))
    lowest = loss_at(right, logits, labels)
    expected = f"a temperature near {right:.3f}, where the loss is {lowest:.4f}; up to {lowest + TOLERANCE:.4f} will do"
    try:
        value = math.nan if found is None or isinstance(found, (bool, str)) else float(found)
    except (TypeError, ValueError, RuntimeError):
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        shown = said(found) if math.isnan(value) else f"{value:g}"
        likely = "Divided by a number below 0, the logits turn round: search among numbers above 0."
        return failed("minimum", "no_temperature", found=shown, expected=expected, likely=likely)
    loss = loss_at(value, logits, labels)
    if loss <= lowest + TOLERANCE:
        return passed("minimum")
    reason, likely = _why(value, right, logits, labels)
    return failed("minimum", reason, found=f"{value:.4g}, where the loss is {loss:.4f}", expected=expected, likely=likely)


def _why(value: float, right: float, logits: Tensor, labels: Tensor) -> tuple[str, str]:
    probabilities = logits.double().softmax(dim=1)
    twice = best(lambda t: float(cross_entropy(probabilities / t, labels)))
    if abs(value - 1) < 1e-3:
        return "unchanged", "At 1 the logits stay as they are: nothing was fitted."
    if not 1.05 * LEAST < value < 0.95 * MOST:
        return "at_an_end", (
            "An end of the row: what was searched has no valley. The lowest cross_entropy is wanted; nll_loss takes "
            "log-probabilities, and no logits."
        )
    if loss_at(1 / value, logits, labels) <= loss_at(right, logits, labels) + 2 * TOLERANCE:
        return "inverse", "This is 1 / T: logits are divided by the temperature, not multiplied."
    if math.isclose(value, twice, rel_tol=0.05):
        return "softmax_twice", "cross_entropy takes logits and does the softmax itself: hand it no probabilities."
    return "not_at_the_bottom", "The way is right, but the valley goes on: try more numbers, a wider range, or more steps."
