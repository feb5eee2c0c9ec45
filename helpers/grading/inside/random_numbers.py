"""Where a notebook's own random numbers start while it is graded: by its content, so that equal work gets equal marks."""

import importlib
import random
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any


def start(number: int) -> None:
    """Seed what nobody has to make: the generators of Python's, numpy's and torch's modules, and numpy's new ones for which no
    seed is given. `number`: in [0, 2**32).
    """
    random.seed(number)
    with suppress(ImportError):
        generators = importlib.import_module("numpy").random
        generators.seed(number)
        generators.default_rng = _seeded(generators.default_rng, generators.SeedSequence(number))
    with suppress(ImportError):
        importlib.import_module("torch").manual_seed(number)


def _seeded(default_rng: Callable, numbers: Any) -> Callable:
    """numpy's `default_rng`; without a seed it takes the next one of `numbers` where it would ask the system."""

    @wraps(default_rng)
    def with_seed(seed: Any = None) -> Any:
        return default_rng(numbers.spawn(1)[0] if seed is None else seed)

    return with_seed
