"""The check of `count_parameters`: how many scalars a model has, and how many of them are trainable."""

from collections.abc import Callable, Iterator
from typing import Any

from torch import nn

from helpers.checks.counting import SHARED, TO_COUNT, count_finding, each_use, scalars
from helpers.checks.exercise import exercise
from helpers.checks.intact import intact
from helpers.checks.report import Aspect, Finding, passed_if
from helpers.checks.small_models import STARTS, Case, start
from helpers.inspection.snapshot import take_snapshot

BUFFERS = "BatchNorm's statistics are buffers, not parameters"


@exercise(
    aspects=(
        Aspect("total", "all scalars are counted, each once", 1.5),
        Aspect("trainable", "trainable scalars are counted", 1.5),
        Aspect("pair", "the answer is a tuple of two plain ints", 0.5, requires=("total", "trainable")),
        Aspect("intact", "counting leaves the model as it was", 0.5, requires=("total", "trainable")),
    ),
    cases=TO_COUNT,
    rounds=STARTS,
    hints=(
        "A model is a list of tensors. Ask each how many numbers it holds, and whether it may change.",
        "model.parameters(), parameter.numel(), parameter.requires_grad.",
        "total = sum(p.numel() for p in ...)\ntrainable = sum(p.numel() for p in ... if ...)\nreturn total, trainable",
    ),
)
def count_parameters(case: Case, state: str, answer: Callable[[nn.Module], tuple[int, int]]) -> Iterator[Finding]:
    """Compare both counts with our own on the case's model in this starting state."""
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
    yield intact("intact", before, model, "counting_changed_it")


def _count_finding(aspect: str, value: Any, model: nn.Module, *, trainable: bool, state: str) -> Finding:
    """Whether one of the two counts is right, and if not, which slip leads to that number."""
    everything, learning = (scalars(model.parameters(), trainable=only) for only in (False, True))
    twice = scalars(each_use(model), trainable=trainable)
    tensors = sum(parameter.requires_grad or not trainable for parameter in model.parameters())
    slips = (
        (tensors, "tensors_counted", "that is the number of tensors: add up parameter.numel(), the numbers inside them"),
        (twice, "shared_twice", SHARED),
        (everything + scalars(model.buffers(), trainable=False), "buffers_counted", BUFFERS),
        (everything, "frozen_counted", "the second number counts only tensors with requires_grad True"),
        (learning, "counts_swapped", "the first number counts all, the second those with requires_grad True"),
        (-1, "wrong_count", "add up parameter.numel()"),
    )
    right, what = (learning, "trainable scalars") if trainable else (everything, "scalars in all")
    return count_finding(aspect, value, right, slips, what=what, state=state)
