"""What the checks of counting share: problems, sums over tensors, and the slips by which a count goes wrong."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from torch import Tensor, nn

from helpers.checks.report import Finding, failed, passed_if
from helpers.checks.small_models import SAID, Case, start

Slip = tuple[int, str, str]  # a wrong number, its reason code, and what it is the number of

KEYS = ("tensors", "scalars")
SHARED = "a weight used in two places is one tensor: model.parameters() yields it once"
SAME = "the answer is the same for every model: count in the one that the function is given, not in one of the notebook's"
TO_COUNT = (
    Case(), Case(kind="shared", head_name="classifier", num_classes=6, seed=1), Case(kind="no_norm", seed=2),
    Case(kind="sequential", num_blocks=2, seed=3),
)  # fmt: skip


def scalars(tensors: Iterable[Tensor], *, trainable: bool) -> int:
    """The numbers in these tensors, or in those of them that are trainable."""
    return sum(tensor.numel() for tensor in tensors if tensor.requires_grad or not trainable)


def each_use(model: nn.Module) -> list[nn.Parameter]:
    """The parameters as somebody finds them who goes from layer to layer: one that is used twice comes twice."""
    return [parameter for _, parameter in model.named_parameters(remove_duplicate=False)]


def weights(model: nn.Module) -> list[nn.Parameter]:
    """The parameters without the biases."""
    return [parameter for name, parameter in model.named_parameters() if not name.endswith("bias")]


@dataclass
class Counted:
    """A model, and what an answer says of it.

    Attributes:
        model: the model as it came, afresh.
        left: the model as the answer left it.
        state: the state in which it came.
        answer: the answer.
        result: what it returned.
    """

    model: nn.Module
    left: nn.Module
    state: str
    answer: Callable
    result: object

    @cached_property
    def same_for_all(self) -> bool:
        """Whether the answer says the same of two unlike models, of which something else is true."""
        unlike = (Case(width=4, num_blocks=2), Case(width=6, num_blocks=4))
        return all(self.answer(start(case, "all trainable")) == self.result for case in unlike)


def count_finding(
    aspect: str, value: Any, count: Callable[[nn.Module], int], slips: Sequence[Slip], what: str, of: Counted
) -> Finding:
    """Whether `value` is what `count` says of the model, in `what`; if not, which slip leads to it, if one does."""
    right, found = count(of.model), f"{value!r} in a model {SAID[of.state]}"[:200]
    reason, likely = next(((reason, likely) for wrong, reason, likely in slips if value == wrong), ("wrong_count", ""))
    if value != right and value == count(of.left):
        reason, likely = "counting_changed_it", "It is the count of the model as the answer has left it, with different flags."
    elif value != right and of.same_for_all:
        reason, likely = "argument_not_used", SAME
    return passed_if(aspect, value == right, reason, found=found, expected=f"{right} {what}", likely=likely)


def the_two(result: Any) -> dict[str, Any]:
    """The two counts, also of a dict with keys much like the right ones and of a pair in their order; else empty."""
    if isinstance(result, (tuple, list)) and len(result) == 2:
        return dict(zip(KEYS, result, strict=True))
    if not isinstance(result, dict):
        return {}
    near = {key: get_close_matches(key, [name for name in result if isinstance(name, str)], n=1) for key in KEYS}
    return {key: result[names[0]] for key, names in near.items()} if all(near.values()) else {}


def shape_of_two(result: Any) -> Finding:
    """Whether the two counts come as the task asks for them."""
    expected = 'a dict {"tensors": ..., "scalars": ...} of two plain ints'
    if result is None:
        likely = "what is printed is not returned"
        return failed("shape", "nothing_returned", found="None", expected=expected, likely=likely)
    if not isinstance(result, dict) or set(result) != {*KEYS}:
        found = f"keys {', '.join(map(str, result))}"[:200] if isinstance(result, dict) else f"a {type(result).__name__}"
        return failed("shape", "wrong_keys", found=found, expected=expected, likely="return one dict with exactly these two keys")
    kinds = {key: type(value).__name__ for key, value in result.items()}
    return passed_if(
        "shape", all(type(value) is int for value in result.values()), "not_int",
        found=f"values of type {', '.join(kinds.values())}", expected=expected,
        likely="parameter.numel() is a plain int, and a sum of plain ints is one",
    )  # fmt: skip


def count_of_two(aspect: str, value: Any, right: int, slips: Sequence[Slip], where: str) -> Finding:
    """Whether one of the two predicted counts is right, and if not, which slip leads to it."""
    reason, likely = next(((reason, likely) for wrong, reason, likely in slips if value == wrong), ("wrong_count", ""))
    found = f"{value!r} {where}"[:200]
    return passed_if(aspect, value == right, reason, found=found, expected=f"{right} trainable {aspect}", likely=likely)
