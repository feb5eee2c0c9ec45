"""Models that are made before they are asked for, in a process that others are forked from: a fork has them without a copy."""

from collections.abc import Callable

from torch import nn

Kind = tuple[str, int | None]  # a backbone's name; what its values are drawn by, None if they are pre-trained
_made: dict[Kind, list[nn.Module]] = {}


def make(kind: Kind, times: int = 1) -> None:
    """Have the next models of this kind, so many of them, there at once. Each is handed out once, and belongs to who built it.

    Raises:
        CourseError: the weights cannot be had.
    """
    from helpers.models import backbones

    name, seed = kind
    models = [backbones.get(name).build(pretrained=seed is None, seed=seed or 0) for _ in range(times)]
    _made.setdefault(kind, []).extend(models)


def taken(name: str, seed: int | None, new: Callable[[], nn.Module]) -> nn.Module:
    """One of those that were made, with its 1000 classes; a new one where there is none."""
    made = _made.get((name, seed))
    return made.pop() if made else new()
