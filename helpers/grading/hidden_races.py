"""Hidden problems of the strategy lab: races drawn at random."""

from __future__ import annotations

import random

from helpers.checks.races import Races
from helpers.grading.hidden import special


@special("compare_strategies")
def races(seed: int, count: int) -> list[Races]:
    """`count` different sets of races; visible ones have small seeds."""
    draw = random.Random(seed)
    return [Races(draw.randrange(1_000, 2**31)) for _ in range(count)]
