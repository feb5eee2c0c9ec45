"""The check of `trainable_summary`: how many tensors and how many scalars are trainable."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from torch import nn

from helpers.checks.counting import SHARED, TO_COUNT, each_use, scalars
from helpers.checks.exercise import exercise, in_rounds
from helpers.checks.intact import intact
from helpers.checks.report import Aspect, Finding, failed, passed_if
from helpers.checks.small_models import SAID, STARTS, Case, start
from helpers.inspection.snapshot import take_snapshot


@exercise(
    aspects=(
        Aspect("shape", "the answer is a dict of two plain ints under tensors and scalars", 0.5, requires=("tensors", "scalars")),
        Aspect("tensors", "trainable tensors are counted, each once", 1.5),
        Aspect("scalars", "trainable scalars are counted", 1.5),
        Aspect("intact", "counting leaves the model as it was", 0.5, requires=("tensors", "scalars")),
    ),
    cases=TO_COUNT,
    hints=(
        "A tensor is one box of numbers. One count is the boxes that may change, the other the numbers inside them.",
        "model.parameters(), parameter.requires_grad (a bool, and booleans add up) and parameter.numel().",
        'trainable = [p for p in model.parameters() if ...]\nreturn {"tensors": len(...), "scalars": sum(...)}',
    ),
)
def trainable_summary(case: Case, answer: Callable[[nn.Module], dict[str, int]]) -> Iterator[Finding]:
    """Compare the two counts with our own on the case's model in every starting state."""
    return in_rounds(_look_at_summary(case, state, answer) for state in STARTS)


def _look_at_summary(case: Case, state: str, answer: Callable[[nn.Module], dict[str, int]]) -> Iterator[Finding]:
    """What the answer counts in a model in this state."""
    model = start(case, state)
    before = take_snapshot(model)
    result = answer(model)
    yield _shape_finding(result)
    if isinstance(result, dict):
        untouched = start(case, state)  # whatever the answer has made of the model
        yield _tensors_finding(untouched, state, result)
        yield _scalars_finding(untouched, state, result)
    yield intact("intact", before, model, "counting_changed_it")


def _shape_finding(result: Any) -> Finding:
    expected = 'a dict {"tensors": ..., "scalars": ...} of two plain ints'
    if not isinstance(result, dict) or set(result) != {"tensors", "scalars"}:
        found = f"keys {sorted(map(str, result))}" if isinstance(result, dict) else f"{type(result).__name__}"
        return failed("shape", "wrong_keys", found=found, expected=expected, likely="return one dict with exactly these two keys")
    kinds = {key: type(value).__name__ for key, value in result.items()}
    return passed_if(
        "shape", all(type(value) is int for value in result.values()), "not_int",
        found=f"values of type {kinds}", expected=expected,
        likely="parameter.numel() is a plain int; a sum of tensors or a float is not",
    )  # fmt: skip


def _tensors_finding(model: nn.Module, state: str, result: dict) -> Finding:
    parameters = list(model.parameters())
    learning = [parameter for parameter in parameters if parameter.requires_grad]
    value = result.get("tensors")
    reason, likely = "wrong_tensors", "add up the flags: True counts as 1"
    if value == scalars(parameters, trainable=True):
        reason, likely = "keys_swapped", "that is the number of scalars: a tensor counts once, however many numbers it holds"
    elif value == len(parameters):
        reason, likely = "frozen_counted", "that counts frozen tensors too: count only those with requires_grad True"
    elif value == sum(p.requires_grad for p in each_use(model)):
        reason, likely = "shared_twice", SHARED
    return passed_if(
        "tensors", value == len(learning), reason,
        found=f"{value!r} in a model {SAID[state]}", expected=f"{len(learning)} trainable tensors", likely=likely,
    )  # fmt: skip


def _scalars_finding(model: nn.Module, state: str, result: dict) -> Finding:
    right = scalars(model.parameters(), trainable=True)
    value = result.get("scalars")
    reason, likely = "wrong_scalars", "add up parameter.numel() over the trainable tensors"
    if value == sum(parameter.requires_grad for parameter in model.parameters()):
        reason, likely = "tensors_for_scalars", "adding up the flags counts tensors; the numbers inside are parameter.numel()"
    elif value == scalars(model.parameters(), trainable=False):
        reason, likely = "frozen_counted", "that counts frozen numbers too: only tensors with requires_grad True"
    elif value == scalars(each_use(model), trainable=True):
        reason, likely = "shared_twice", SHARED
    return passed_if(
        "scalars", value == right, reason,
        found=f"{value!r} in a model {SAID[state]}", expected=f"{right} trainable scalars", likely=likely,
    )  # fmt: skip
