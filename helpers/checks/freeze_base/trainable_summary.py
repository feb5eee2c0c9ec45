"""The check of `trainable_summary`: how many tensors and how many scalars are trainable."""

from collections.abc import Callable, Iterator
from typing import Any

from torch import nn

from helpers.checks.counting import SHARED, TO_COUNT, count_finding, each_use, scalars
from helpers.checks.exercise import exercise
from helpers.checks.intact import intact
from helpers.checks.report import Aspect, Finding, failed, passed_if
from helpers.checks.small_models import STARTS, Case, start
from helpers.inspection.snapshot import take_snapshot


@exercise(
    aspects=(
        Aspect("shape", "the answer is a dict of two plain ints under tensors and scalars", 0.5, requires=("tensors", "scalars")),
        Aspect("tensors", "trainable tensors are counted, each once", 1.5),
        Aspect("scalars", "trainable scalars are counted", 1.5),
        Aspect("intact", "counting leaves the model as it was", 0.5, requires=("tensors", "scalars")),
    ),
    cases=TO_COUNT,
    rounds=STARTS,
    hints=(
        "A tensor is one box of numbers. One count is the boxes that may change, the other the numbers inside them.",
        "model.parameters(), parameter.requires_grad (a bool, and booleans add up) and parameter.numel().",
        'trainable = [p for p in model.parameters() if ...]\nreturn {"tensors": len(...), "scalars": sum(...)}',
    ),
)
def trainable_summary(case: Case, state: str, answer: Callable[[nn.Module], dict[str, int]]) -> Iterator[Finding]:
    """Compare the two counts with our own on the case's model in this starting state."""
    model = start(case, state)
    before = take_snapshot(model)
    result = answer(model)
    yield _shape_finding(result)
    if isinstance(result, dict):
        yield from _count_findings(start(case, state), state, result)  # a fresh model, whatever the answer has made of this one
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


def _count_findings(model: nn.Module, state: str, result: dict) -> Iterator[Finding]:
    """Whether each of the two counts is right, and if not, which slip leads to that number."""
    flags, uses = [p.requires_grad for p in model.parameters()], each_use(model)
    right = {"tensors": sum(flags), "scalars": scalars(model.parameters(), trainable=True)}
    keys_swapped = "that is the number of scalars: a tensor counts once, however many numbers it holds"
    tensors_for_scalars = "adding up the flags counts tensors; the numbers inside are parameter.numel()"
    numbers = "that counts frozen numbers too: only tensors with requires_grad True"
    slips = {
        "tensors": (
            (right["scalars"], "keys_swapped", keys_swapped),
            (len(flags), "frozen_counted", "that counts frozen tensors too: only those with requires_grad True"),
            (sum(p.requires_grad for p in uses), "shared_twice", SHARED),
            (-1, "wrong_tensors", "add up the flags: True counts as 1"),
        ),
        "scalars": (
            (right["tensors"], "tensors_for_scalars", tensors_for_scalars),
            (scalars(model.parameters(), trainable=False), "frozen_counted", numbers),
            (scalars(uses, trainable=True), "shared_twice", SHARED),
            (-1, "wrong_scalars", "add up parameter.numel() over the trainable tensors"),
        ),
    }
    for key, number in right.items():
        yield count_finding(key, result.get(key), number, slips[key], what=f"trainable {key}", state=state)
