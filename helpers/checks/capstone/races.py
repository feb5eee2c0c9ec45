"""Races to be judged: made-up outcomes in which seeds differ more than strategies do, as they do in life."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

UNDECIDED, LEAST_SEEDS = "undecided", 3
NAMES = ("head_only", "all_at_once", "gradual", "from_scratch", "last_stage", "two_rates", "warm_up", "frozen_stem")
Outcomes = list[dict]


def judge(outcomes: Outcomes, first: str, second: str, *, least: int = LEAST_SEEDS, ties: bool = False) -> str:
    """The right conclusion. `least` and `ties` (a tie counts as won) are there to make wrong ones."""
    ours, theirs = by_seed(outcomes, first), by_seed(outcomes, second)
    shared = ours.keys() & theirs.keys()
    return from_pairs([(ours[seed], theirs[seed]) for seed in shared], first, second, least, ties)


def by_seed(outcomes: Outcomes, strategy: str) -> dict[int, float]:
    """Seed -> accuracy of one strategy."""
    return {outcome["seed"]: outcome["accuracy"] for outcome in outcomes if outcome["strategy"] == strategy}


def from_pairs(
    pairs: Sequence[tuple[float, float]], first: str, second: str, least: int = LEAST_SEEDS, ties: bool = False
) -> str:
    """The one that is better in every pair; undecided if neither is, or if there are fewer than `least` pairs."""
    if len(pairs) < least:
        return UNDECIDED
    if all(a > b or (ties and a == b) for a, b in pairs):
        return first
    return second if all(b > a or (ties and a == b) for a, b in pairs) else UNDECIDED


@dataclass(frozen=True)
class RaceProblem:
    """One race.

    Attributes:
        aspect: the aspect that it looks at.
        outcomes: what the answer is given.
        first, second: the strategies to compare.
    """

    aspect: str
    outcomes: Outcomes
    first: str
    second: str

    @property
    def truth(self) -> str:
        """The right conclusion."""
        return judge(self.outcomes, self.first, self.second)

    def __str__(self) -> str:
        ours, theirs = by_seed(self.outcomes, self.first), by_seed(self.outcomes, self.second)
        pairs = (f"seed {seed}: {_said(ours, seed)} and {_said(theirs, seed)}" for seed in sorted({*ours, *theirs}))
        return f"{self.first} and {self.second} have {'; '.join(pairs)}"


def _said(accuracies: dict[int, float], seed: int) -> str:
    return f"{accuracies[seed]:.3f}" if seed in accuracies else "not run"


@dataclass(frozen=True)
class Races:
    """Races of every kind, made from one seed: equal cases are equal problems."""

    seed: int = 0

    def problems(self) -> list[RaceProblem]:
        """Two or more for each aspect."""
        draw = random.Random(self.seed)

        def lead(number: int, least: float = 0.01) -> list[float]:
            return [round(least + draw.uniform(0, 0.02), 3) for _ in range(number)]

        return [
            *(_problem(draw, "winner", lead(4), swap=swap) for swap in (False, True)),
            # The mean and most seeds say one thing, the best run another; then the mean says the other, too.
            *(_problem(draw, "every", [-0.004, *lead(4, 0.03)], hardest_last=True, swap=swap) for swap in (False, True)),
            _problem(draw, "every", [-0.18, *lead(4)], hardest_last=True),
            _problem(draw, "ties", [0.0, *lead(3)]),
            _problem(draw, "ties", [0.0] * 4),
            *(_problem(draw, "order", lead(5), swap=swap, shuffled=True) for swap in (False, True)),
            *(_problem(draw, "shared", lead(3), swap=swap, alone=2) for swap in (False, True)),
            *(_problem(draw, "few", lead(shared), alone=alone) for shared, alone in ((1, 2), (2, 0), (0, 3))),
            _problem(draw, "few", lead(LEAST_SEEDS)),
        ]


def _problem(
    draw: random.Random,
    aspect: str,
    leads: Sequence[float],
    *,
    swap: bool = False,
    alone: int = 0,
    shuffled: bool = False,
    hardest_last: bool = False,
) -> RaceProblem:
    """A race between two, one of them better by these leads, seed by seed; with two more strategies in the list.

    With `swap` the better one is the second argument, with `shuffled` the list is in no order; `alone` seeds each ran without the
    other: hard images for the better one, easy ones for the other. With `hardest_last` the first lead belongs to the seed with
    the easiest images, whose run is the best of all.
    """
    better, worse, *others = draw.sample(NAMES, 4)
    seeds = draw.sample(range(100), len(leads) + 2 * alone)
    shared, lone = seeds[: len(leads)], seeds[len(leads) :]
    # How easy each seed's images are lies further apart than the leads: without their pairs the two overlap.
    levels = [round(0.5 + 0.07 * place + draw.uniform(0, 0.02), 3) for place in range(len(leads))]
    draw.shuffle(levels)
    if hardest_last:
        levels.sort(reverse=True)
    runs = []
    for seed, level, ahead in zip(shared, levels, leads, strict=True):
        runs += [(worse, seed, level), (better, seed, round(level + ahead, 3))]
        runs += [(other, seed, round(draw.uniform(0.5, 0.9), 3)) for other in others]
    runs += [(better, seed, round(draw.uniform(0.3, 0.4), 3)) for seed in lone[:alone]]
    runs += [(worse, seed, round(draw.uniform(0.95, 0.99), 3)) for seed in lone[alone:]]
    draw.shuffle(runs)
    if not shuffled:
        runs.sort(key=lambda entry: entry[1])
    first, second = (worse, better) if swap else (better, worse)
    return RaceProblem(aspect, [_outcome(draw, *run) for run in runs], first, second)


def _outcome(draw: random.Random, strategy: str, seed: int, accuracy: float) -> dict:
    """A whole record: with what it cost, on which no conclusion may hang."""
    cost = {"seconds": round(draw.uniform(1, 60), 1), "trainable": draw.choice((12_810, 1_506_570, 3_383_818))}
    return {"strategy": strategy, "seed": seed, "accuracy": accuracy, **cost}
