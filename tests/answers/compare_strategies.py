"""`compare_strategies`: pairs by seed, every one of them, three or more."""

from operator import ge, gt, itemgetter
from statistics import mean, median

from tests.answers import after, changed, followed_by

UNDECIDED = "undecided"


def _runs(outcomes, name):
    return {outcome["seed"]: outcome["accuracy"] for outcome in outcomes if outcome["strategy"] == name}


def _signs(outcomes, first, second):
    pairs = [
        (ours["accuracy"], theirs["accuracy"])
        for ours in outcomes
        for theirs in outcomes
        if ours["strategy"] == first and theirs["strategy"] == second and ours["seed"] == theirs["seed"]
    ]
    signs = {(a > b) - (a < b) for a, b in pairs}
    if len(pairs) < 3 or len(signs) != 1:
        return UNDECIDED
    return {1: first, -1: second, 0: UNDECIDED}[signs.pop()]


def _winners(outcomes, first, second):
    best = {}
    for outcome in sorted(outcomes, key=lambda record: record["accuracy"]):
        if outcome["strategy"] in (first, second):
            best.setdefault(outcome["seed"], []).append(outcome)
    pairs = [pair for pair in best.values() if len(pair) == 2]
    winners = {pair[1]["strategy"] if pair[1]["accuracy"] != pair[0]["accuracy"] else UNDECIDED for pair in pairs}
    return winners.pop() if len(pairs) >= 3 and len(winners) == 1 else UNDECIDED


def _with_numpy(outcomes, first, second):
    import numpy as np

    a, b = _runs(outcomes, first), _runs(outcomes, second)
    differences = np.array([a[seed] - b[seed] for seed in sorted(set(a) & set(b))])
    if differences.size < 3:
        return UNDECIDED
    return first if (differences > 0).all() else second if (differences < 0).all() else UNDECIDED


def _compare(first, second, a, b):
    return first if a > b else second if b > a else UNDECIDED


def _by(number):
    """Compares one number of each strategy, made of all its accuracies."""

    def compare_strategies(outcomes, first, second):
        return _compare(first, second, *(number(_runs(outcomes, name).values()) for name in (first, second)))

    return compare_strategies


def _shared(a, b):
    return [(a[seed], b[seed]) for seed in sorted(a.keys() & b.keys())]


def _paired(pair=_shared, least=3, wins=gt, conclude=None):
    """Compares pair by pair: `pair` makes the pairs of the two strategies' runs by seed, at least `least` of them decide."""

    def compare_strategies(outcomes, first, second):
        pairs = pair(_runs(outcomes, first), _runs(outcomes, second))
        if len(pairs) < least:
            return UNDECIDED
        if conclude:
            return _compare(first, second, *conclude(pairs))
        return first if all(wins(a, b) for a, b in pairs) else second if all(wins(b, a) for a, b in pairs) else UNDECIDED

    return compare_strategies


_dicts = _paired()


def _means(pairs):
    return mean(a for a, _ in pairs), mean(b for _, b in pairs)


def _won(pairs):
    return sum(a > b for a, b in pairs), sum(b > a for a, b in pairs)


def _by_position(a, b):
    return list(zip(a.values(), b.values(), strict=False))


def _by_sorted_seeds(a, b):
    return _by_position(dict(sorted(a.items())), dict(sorted(b.items())))


def _missing_as_zero(a, b):
    return [(a.get(seed, 0), b.get(seed, 0)) for seed in a.keys() | b.keys()]


def _the_loser(outcomes, first, second):
    return {first: second, second: first}.get(_dicts(outcomes, first, second), UNDECIDED)


def _any(outcomes, first, second):
    pairs = _shared(_runs(outcomes, first), _runs(outcomes, second))
    return first if any(a > b for a, b in pairs) else second if any(b > a for a, b in pairs) else UNDECIDED


def _last_seed(outcomes, first, second):
    pairs = _shared(_runs(outcomes, first), _runs(outcomes, second))
    return _compare(first, second, *pairs[-1]) if pairs else UNDECIDED


RIGHT = {"two dicts": _dicts, "signs of all pairs": _signs, "winners seed by seed": _winners, "differences in NumPy": _with_numpy}
WRONG = {
    "compares means": (_by(mean), "by_mean"),
    "compares means of shared seeds": (_paired(conclude=_means), "by_mean"),
    "compares medians": (_by(median), "by_mean"),
    "compares best runs": (_by(max), "by_best"),
    "most seeds": (_paired(conclude=_won), "by_most"),
    "pairs by position": (_paired(_by_position), "by_position"),
    "pairs by place among the sorted seeds": (_paired(_by_sorted_seeds), "seeds_not_shared"),
    "a missing seed counts as 0": (_paired(_missing_as_zero), "seeds_not_shared"),
    "a missing seed stops it": (_paired(lambda a, b: [(a[seed], b[seed]) for seed in a]), "stops"),
    "ties count as won": (_paired(wins=ge), "ties_count"),
    "one seed is enough": (_paired(least=1), "one_seed_decides"),
    "all() of nothing": (_paired(least=0), "few_seeds"),
    "three are not enough": (_paired(least=4), "too_strict"),
    "sorts the caller's list": (after(lambda outcomes: outcomes.sort(key=itemgetter("seed")), _dicts), "list_sorted"),
    "drops the list's last record": (followed_by(_dicts, lambda outcomes: outcomes.pop()), "list_changed"),
    "says how far": (lambda outcomes, first, second: _runs(outcomes, first), "not_a_conclusion"),
    "prints": (changed(_dicts, print), "not_a_conclusion"),
    "one seed won is enough": (_any, "not_every_seed", "few_seeds", "tie_decides"),
    "the last seed decides": (_last_seed, "not_every_seed", "few_seeds", "tie_decides"),
    "always the first": (lambda outcomes, first, second: first, "always_the_same"),
    "never decides": (lambda outcomes, first, second: UNDECIDED, "always_the_same"),
    "None for undecided": (
        changed(_dicts, lambda conclusion: None if conclusion == UNDECIDED else conclusion),
        "not_a_conclusion",
    ),
    "names the loser": (_the_loser, "names_loser"),
}
