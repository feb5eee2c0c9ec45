"""The check of `count_parameters`: how many scalars a model has, and how many of them are trainable."""

from collections.abc import Callable, Iterator
from typing import Any

from torch import nn

from helpers.checks.counting import SHARED, TO_COUNT, Counted, count_finding, each_use, scalars, weights
from helpers.checks.exercise import exercise
from helpers.checks.intact import intact
from helpers.checks.report import Aspect, Finding, failed, passed_if
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
    pair = isinstance(result, (tuple, list)) and len(result) == 2
    yield _pair_finding(result, pair)
    if pair:
        counted = Counted(start(case, state), model, state, answer, result)
        yield from (_count_finding(aspect, counted) for aspect in ("total", "trainable"))
    yield intact("intact", before, model, "counting_changed_it")


def _pair_finding(result: Any, pair: bool) -> Finding:
    expected = "a tuple of two plain ints: (all scalars, trainable scalars)"
    if result is None:
        likely = "What is printed is not returned: return total, trainable"
        return failed("pair", "nothing_returned", found="None", expected=expected, likely=likely)
    plain = pair and all(type(value) is int for value in result)
    return passed_if(
        "pair", plain and isinstance(result, tuple), "not_int" if pair and not plain else "not_a_pair",
        found=f"{result!r}"[:200], expected=expected, likely="return total, trainable" if plain or not pair else "",
    )  # fmt: skip


def _count_finding(aspect: str, counted: Counted) -> Finding:
    """Whether one of the two counts is right, and if not, which slip leads to that number."""
    model, trainable = counted.model, aspect == "trainable"
    everything, learning = (scalars(model.parameters(), trainable=only) for only in (False, True))
    other = everything if trainable else learning
    tensors = sum(parameter.requires_grad or not trainable for parameter in model.parameters())
    swapped = (other, "counts_swapped", "the first number counts all, the second those with requires_grad True")
    one = {
        "trainable": (everything, "frozen_counted", "the second number counts only tensors with requires_grad True"),
        "total": (learning, "frozen_missed", "the first number counts all tensors, whatever their requires_grad"),
    }[aspect]
    slips = (
        (tensors, "tensors_counted", "that is the number of tensors: add up parameter.numel(), the numbers inside them"),
        (scalars(each_use(model), trainable=trainable), "shared_twice", SHARED),
        (everything + scalars(model.buffers(), trainable=False), "buffers_counted", BUFFERS),
        swapped if list(counted.result) == [learning, everything] else one,
        (scalars(weights(model), trainable=trainable), "biases_missed", "that is the weights alone: a bias is a parameter, too"),
    )
    what, value = "trainable scalars" if trainable else "scalars in all", counted.result[trainable]
    return count_finding(aspect, value, lambda model: scalars(model.parameters(), trainable=trainable), slips, what, counted)
