"""What the checks of counting share: problems, sums over tensors, and the slips by which a count goes wrong."""

from collections.abc import Iterable, Sequence
from typing import Any

from torch import Tensor, nn

from helpers.checks.report import Finding, passed_if
from helpers.checks.small_models import SAID, Case

Slip = tuple[int, str, str]  # a wrong number, its reason code, and what it is the number of

SHARED = "a weight used in two places is one tensor: model.parameters() yields it once"
TO_COUNT = (Case(), Case(kind="shared", head_name="classifier", num_classes=6, seed=1), Case(kind="no_norm", seed=2))


def scalars(tensors: Iterable[Tensor], *, trainable: bool) -> int:
    """The numbers in these tensors, or in those of them that are trainable."""
    return sum(tensor.numel() for tensor in tensors if tensor.requires_grad or not trainable)


def each_use(model: nn.Module) -> list[nn.Parameter]:
    """The parameters as somebody finds them who goes from layer to layer: one that is used twice comes twice."""
    return [parameter for _, parameter in model.named_parameters(remove_duplicate=False)]


def count_finding(aspect: str, value: Any, right: int, slips: Sequence[Slip], *, what: str, state: str) -> Finding:
    """Whether a count of `what` in a model in this state is right; if not, which slip leads to it: else the last of them."""
    _, reason, likely = next((slip for slip in slips if value == slip[0]), slips[-1])
    found = f"{value!r} in a model {SAID[state]}"[:200]
    return passed_if(aspect, value == right, reason, found=found, expected=f"{right} {what}", likely=likely)
