"""The check of `expected_parameters`: counts predicted before the head is swapped."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from helpers import parameters
from helpers.checks.exercise import NotAttempted, exercise
from helpers.checks.report import Aspect, Finding, failed, passed_if
from helpers.models import backbones

TENSORS = "that is the number of tensors: count the numbers inside them"


Slips = dict[tuple[str, int], tuple[str, str]]  # (key, number that a mistake leads to) -> (reason code, what the number is)


@cache
def truth_and_slips(name: str, num_classes: int) -> tuple[dict[str, int], Slips]:
    """What the swap from 1000 to `num_classes` outputs in the backbone `name` makes right, and what reasonable mistakes lead to.

    Counted on the architecture, never written down. The truth is the answer: ``total``, ``head`` and ``base``, in scalars.
    """
    backbone = backbones.get(name)
    old, new = (parameters.count(backbone.without_values(n)) for n in (1000, num_classes))
    inputs, still = backbone.num_features, "still_thousand"
    head = inputs * num_classes + num_classes
    base = new.total - head
    slips = {
        ("total", old.total): (still, "that is the model before the swap, with its 1000 outputs"),
        ("total", base): ("head_missing", "that is the base alone: the total includes the new head"),
        ("total", new.tensors): ("tensors_counted", TENSORS),
        ("total", new.total - num_classes): ("bias_forgotten", "the biases of the new head are missing"),
        ("total", old.total + head): ("both_heads", "the old head goes when the new one comes: subtract its parameters"),
        ("head", head - num_classes): ("bias_forgotten", "that is the weight alone: each output has a bias as well"),
        ("head", old.total - base): (still, "that is the old head with 1000 outputs"),
        ("head", old.total - base - 1000): (still, "that is the old head's weight with 1000 outputs"),
        ("head", num_classes): ("outputs_counted", "that is the number of outputs: each has many weights and one bias"),
        ("head", inputs): ("inputs_counted", "that is the number of inputs: each output has so many weights and a bias"),
        ("head", 2): ("tensors_counted", TENSORS),
        ("base", new.tensors - 2): ("tensors_counted", TENSORS),
        ("base", old.total): ("head_not_subtracted", "that is the whole model with its old head: take the head away"),
        ("base", new.total): ("head_not_subtracted", "that is the whole new model: the base is what its head leaves"),
    }
    return {"total": new.total, "head": head, "base": base}, slips


@exercise(
    aspects=(
        Aspect("head", "the new head's parameters are predicted"),
        Aspect("base", "the base's parameters are predicted"),
        Aspect("total", "the new model's parameters are predicted"),
        Aspect("adds_up", "base and head make up the total", 0.5, requires=("head", "base")),
    ),
    cases=(("resnet50", 10),),
    hints=(
        "The base is what the swap does not touch. Take the old head away from the old model, then add the new head.",
        "nn.Linear(n, m) has a weight of shape (m, n) and a bias of shape (m,).",
        "head = 2048 * ... + ...\nbase = ... - (2048 * 1000 + ...)\n"
        'expected_parameters = {"total": base + head, "head": head, "base": base}',
    ),
)
def expected_parameters(case: tuple[str, int], answer: dict[str, int] | None) -> Iterator[Finding]:
    """Compare each predicted count with the true one; `case`: backbone and number of classes."""
    if answer is None:
        raise NotAttempted
    truth, slips = truth_and_slips(*case)
    for key, right in truth.items():
        yield _count_finding(key, answer.get(key) if isinstance(answer, dict) else None, right, slips)
    whole = isinstance(answer, dict) and all(type(answer.get(key)) is int for key in truth)
    if not isinstance(answer, dict):
        found, expected = f"a {type(answer).__name__}", 'a dict with the keys "total", "head" and "base"'
        yield failed("adds_up", "not_a_dict", found=found, expected=expected)
        return
    yield passed_if(
        "adds_up", whole and answer["base"] + answer["head"] == answer["total"], "does_not_add_up" if whole else "incomplete",
        found="base + head is not total" if whole else f"{answer!r}"[:200],
        expected='a dict of three plain ints under "total", "head" and "base", with base + head equal to total',
        likely="every parameter is either in the head or in the base" if whole else "",
    )  # fmt: skip


def _count_finding(key: str, value: Any, right: int, slips: Slips) -> Finding:
    if type(value) is not int:
        likely = "write the count as a plain int, such as 2048 * 10 + 10"
        if value is None:
            return failed(key, "missing_key", found="no such key", expected=f'a plain int under "{key}"')
        found = f"{type(value).__name__} {value!r}"[:200]
        return failed(key, "not_int", found=found, expected="a plain int", likely=likely)
    reason, likely = slips.get((key, value), ("wrong_count", ""))
    expected = "a number to be worked out by hand"
    return passed_if(key, value == right, reason, found=f"{value:,}", expected=expected, likely=likely)
