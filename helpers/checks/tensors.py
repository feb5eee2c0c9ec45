"""Tensors compared with what they should be, and put into words."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

Slip = tuple[Tensor, str, str]  # a wrong tensor, its reason code, and what it is
CLOSE = 1e-4  # relative; float32 sums in another order differ by about 1e-6


def near(found: Tensor, right: Tensor) -> bool:
    """Whether two tensors of any floating type hold the same numbers up to rounding."""
    found, right = found.detach().cpu().float(), right.detach().float()
    return found.shape == right.shape and torch.allclose(found, right, rtol=CLOSE, atol=1e-5)


def slip_to(found: Tensor, slips: Iterable[Slip], otherwise: tuple[str, str]) -> tuple[str, str]:
    """(reason code, likely cause): those of the first slip that leads to what was found, else `otherwise`."""
    return next(((reason, likely) for wrong, reason, likely in slips if near(found, wrong)), otherwise)


def same_weights(a: nn.Module, b: nn.Module) -> bool:
    """Whether two modules' parameters agree up to rounding, after steps that may have been made in another order."""
    return all(torch.allclose(p, q, rtol=1e-3, atol=1e-5) for p, q in zip(a.parameters(), b.parameters(), strict=True))


def shape_of(tensor: Tensor) -> str:
    """Type and shape in words: ``float32 (1, 10)``."""
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
