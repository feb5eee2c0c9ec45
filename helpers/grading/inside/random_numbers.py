"""Where a notebook's own random numbers start while it is graded: by its content, so that equal work gets equal marks."""

import importlib
import random
from contextlib import suppress


def start(number: int) -> None:
    """Seed what nobody has to make: the generators of Python's, numpy's and torch's modules. `number`: in [0, 2**32)."""
    random.seed(number)
    with suppress(ImportError):
        importlib.import_module("numpy").random.seed(number)
    with suppress(ImportError):
        importlib.import_module("torch").manual_seed(number)
