"""The checks of the two counting exercises: `count_parameters` (lesson 01) and `trainable_summary` (lesson 03)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from torch import Tensor, nn

from helpers.checks.exercise import Exercise
from helpers.checks.report import Aspect, Finding, passed_if
from helpers.checks.small_models import SAID, STARTS, Case, in_rounds, listed, start
from helpers.inspection.snapshot import Snapshot, changes_since, take_snapshot

SHARED = "a weight used in two places is one tensor: model.parameters() yields it once"
CASES = (Case(), Case(kind="shared", head_name="classifier", num_classes=6, seed=1), Case(kind="no_norm", seed=2))


def examine_count_parameters(case: Case, answer: Callable[[nn.Module], tuple[int, int]]) -> Iterator[Finding]:
    """Compare both counts with our own on the case's model in every starting state."""
    return in_rounds({"pair", "total", "trainable", "intact"}, (_look_at_counts(case, state, answer) for state in STARTS))


def _look_at_counts(case: Case, state: str, answer: Callable[[nn.Module], tuple[int, int]]) -> Iterator[Finding]:
    """What the answer counts in a model in this state."""
    model = start(case, state)
    before = take_snapshot(model)
    result = answer(model)
    pair = isinstance(result, tuple) and len(result) == 2
    plain = pair and all(type(value) is int for value in result)
    yield passed_if(
        "pair", plain, "not_int" if pair else "not_a_pair",
        found=f"{result!r}"[:200], expected="a tuple of two plain ints: (all scalars, trainable scalars)",
        likely="return total, trainable",
    )  # fmt: skip
    if pair:
        untouched = start(case, state)  # whatever the answer has made of the model
        yield _count_finding("total", result[0], untouched, trainable=False, state=state)
        yield _count_finding("trainable", result[1], untouched, trainable=True, state=state)
    yield _intact_finding(before, model)


def _intact_finding(before: Snapshot, model: nn.Module) -> Finding:
    """Whether the model is still what it was before it was counted."""
    changes = changes_since(before, model)
    touched = changes.parameters | changes.buffers | changes.flags | changes.modes | changes.modules
    return passed_if(
        "intact", not touched, "counting_changed_it",
        found=f"counting changed {listed(touched)}", expected="the model is as it was", likely="read the flags, do not set them",
    )  # fmt: skip


def _count_finding(aspect: str, value: Any, model: nn.Module, *, trainable: bool, state: str) -> Finding:
    """Whether one of the two counts is right, and if not, which slip leads to that number."""
    everything, learning = _scalars(model.parameters(), False), _scalars(model.parameters(), True)
    twice = _scalars((p for _, p in model.named_parameters(remove_duplicate=False)), trainable)
    tensors = sum(parameter.requires_grad or not trainable for parameter in model.parameters())
    slips = (
        (tensors, "tensors_counted", "that is the number of tensors: add up parameter.numel(), the numbers inside them"),
        (twice, "shared_twice", SHARED),
        (everything + _scalars(model.buffers(), False), "buffers_counted", "BatchNorm's statistics are buffers, not parameters"),
        (everything, "frozen_counted", "the second number counts only tensors with requires_grad True"),
        (learning, "counts_swapped", "the first number counts all, the second those with requires_grad True"),
    )
    found = [(reason, words) for wrong, reason, words in slips if value == wrong]
    reason, likely = found[0] if found else ("wrong_count", "add up parameter.numel()")
    expected = learning if trainable else everything
    return passed_if(
        aspect, value == expected, reason,
        found=f"{value!r} in a model {SAID[state]}"[:200],
        expected=f"{expected} {'trainable scalars' if trainable else 'scalars in all'}", likely=likely,
    )  # fmt: skip


def _scalars(tensors: Iterable[Tensor], trainable: bool) -> int:
    """The numbers in these tensors, or in those of them that can learn."""
    return sum(tensor.numel() for tensor in tensors if tensor.requires_grad or not trainable)


count_parameters = Exercise(
    name="count_parameters",
    lesson="01_load_pretrained",
    aspects=(
        Aspect("total", "all scalars are counted, each once", 1.5),
        Aspect("trainable", "trainable scalars are counted", 1.5),
        Aspect("pair", "the answer is a tuple of two plain ints", 0.5, requires=("total", "trainable")),
        Aspect("intact", "counting leaves the model as it was", 0.5, requires=("total", "trainable")),
    ),
    examine=examine_count_parameters,
    cases=CASES,
    hints=(
        "A model is a list of tensors. Ask each how many numbers it holds, and whether it may change.",
        "model.parameters(), parameter.numel(), parameter.requires_grad.",
        "total = sum(p.numel() for p in ...)\ntrainable = sum(p.numel() for p in ... if ...)\nreturn total, trainable",
    ),
)
