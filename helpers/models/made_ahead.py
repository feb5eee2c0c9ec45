"""Models that were built before they are asked for, in a process that others are forked from: a fork has them without a copy."""

from collections.abc import Callable, Iterable

from torch import nn

_made: dict[tuple[str, int | None], list[nn.Module]] = {}


def keep(name: str, seed: int | None, models: Iterable[nn.Module]) -> None:
    """Have these for the next who build this backbone, with values drawn by `seed` or, for None, pre-trained.

    Each is handed out once, and belongs to who built it. They have their 1000 classes and are as `Backbone.build` makes them.
    """
    _made.setdefault((name, seed), []).extend(models)


def taken(name: str, seed: int | None, new: Callable[[], nn.Module]) -> nn.Module:
    """One of those that are kept; a new one where there is none."""
    made = _made.get((name, seed))
    return made.pop() if made else new()
