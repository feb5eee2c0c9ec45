"""Hidden problems of `run_strategy`: other models, other class counts, other numbers in the config."""

from __future__ import annotations

import random

from helpers.checks.starts import STARTS
from helpers.checks.witness import Problem
from helpers.grading.hidden import small_models, special


@special("run_strategy")
def problems(seed: int, count: int) -> list[Problem]:
    """`count` different problems; among the first two one releases no block and one all of them."""
    draw = random.Random(seed)
    return [_problem(draw, case, number) for number, case in enumerate(small_models(seed, count))]


def _problem(draw: random.Random, case, number: int) -> Problem:
    released = {0: 0, 1: case.num_blocks}.get(number, draw.randint(1, case.num_blocks - 1))
    return Problem(
        case,
        num_classes=draw.choice([n for n in range(2, 7) if n != case.num_classes]),
        released_blocks=released,
        head_epochs=draw.randint(2, 3),
        fine_tune_epochs=draw.randint(3, 4),
        head_lr=draw.choice((0.015, 0.02, 0.03)),
        fine_tune_lr=draw.choice((0.006, 0.008, 0.012)),
        came=draw.choice(STARTS),
    )
