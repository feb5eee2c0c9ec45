"""What the checks of counting share: problems, sums over tensors, and the slips by which a count goes wrong."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, nn

from helpers.checks.small_models import Case

SHARED = "a weight used in two places is one tensor: model.parameters() yields it once"
TO_COUNT = (Case(), Case(kind="shared", head_name="classifier", num_classes=6, seed=1), Case(kind="no_norm", seed=2))


def scalars(tensors: Iterable[Tensor], *, trainable: bool) -> int:
    """The numbers in these tensors, or in those of them that are trainable."""
    return sum(tensor.numel() for tensor in tensors if tensor.requires_grad or not trainable)


def each_use(model: nn.Module) -> list[nn.Parameter]:
    """The parameters as somebody finds them who goes from layer to layer: one that is used twice comes twice."""
    return [parameter for _, parameter in model.named_parameters(remove_duplicate=False)]
