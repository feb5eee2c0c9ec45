"""The check of `trainable_summary`: how many tensors and how many scalars are trainable."""

from collections.abc import Callable, Iterator

from torch import nn

from helpers.checks.counting import (
    SHARED,
    TO_COUNT,
    Counted,
    count_finding,
    each_use,
    scalars,
    shape_of_two,
    the_two,
    weights,
)  # fmt: skip
from helpers.checks.exercise import exercise
from helpers.checks.intact import intact
from helpers.checks.report import Aspect, Finding
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
    yield shape_of_two(result)
    counts = the_two(result)
    if counts:
        yield from _count_findings(counts, Counted(start(case, state), model, state, answer, result))
    yield intact("intact", before, model, "counting_changed_it")


def _tensors(model: nn.Module) -> int:
    return sum(p.requires_grad for p in model.parameters())


def _scalars(model: nn.Module) -> int:
    return scalars(model.parameters(), trainable=True)


def _count_findings(counts: dict, counted: Counted) -> Iterator[Finding]:
    """Whether each of the two counts is right, and if not, which slip leads to that number."""
    model = counted.model
    flags, uses, own = [p.requires_grad for p in model.parameters()], each_use(model), weights(model)
    biases = "that is the weights alone: a bias is a parameter, too"
    slips = {
        "tensors": (
            (_scalars(model), "keys_swapped", "that is the number of scalars: a tensor counts once, however large it is"),
            (len(flags), "frozen_counted", "that counts frozen tensors too: only those with requires_grad True"),
            (sum(p.requires_grad for p in uses), "shared_twice", SHARED),
            (sum(p.requires_grad for p in own), "biases_missed", biases),
        ),
        "scalars": (
            (_tensors(model), "tensors_for_scalars", "that is the number of tensors: the numbers inside are parameter.numel()"),
            (scalars(model.parameters(), trainable=False), "frozen_counted", "that counts frozen numbers too: only tensors with "
             "requires_grad True"),
            (scalars(uses, trainable=True), "shared_twice", SHARED),
            (scalars(own, trainable=True), "biases_missed", biases),
        ),
    }  # fmt: skip
    for key, count in (("tensors", _tensors), ("scalars", _scalars)):
        yield count_finding(key, counts[key], count, slips[key], f"trainable {key}", counted)
