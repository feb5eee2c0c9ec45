"""`compare_strategies`: pairs by seed, every one of them, three or more."""

from statistics import mean, median

UNDECIDED = "undecided"


def _runs(outcomes, name):
    return {outcome["seed"]: outcome["accuracy"] for outcome in outcomes if outcome["strategy"] == name}


def _dicts(outcomes, first, second):
    a, b = _runs(outcomes, first), _runs(outcomes, second)
    shared = a.keys() & b.keys()
    if len(shared) < 3:
        return UNDECIDED
    if all(a[seed] > b[seed] for seed in shared):
        return first
    if all(b[seed] > a[seed] for seed in shared):
        return second
    return UNDECIDED


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


def _means(outcomes, first, second):
    return _compare(first, second, mean(_runs(outcomes, first).values()), mean(_runs(outcomes, second).values()))


def _means_of_shared(outcomes, first, second):
    a, b = _runs(outcomes, first), _runs(outcomes, second)
    shared = sorted(a.keys() & b.keys())
    if len(shared) < 3:
        return UNDECIDED
    return _compare(first, second, mean(a[seed] for seed in shared), mean(b[seed] for seed in shared))


def _best_runs(outcomes, first, second):
    return _compare(first, second, max(_runs(outcomes, first).values()), max(_runs(outcomes, second).values()))


def _medians(outcomes, first, second):
    return _compare(first, second, median(_runs(outcomes, first).values()), median(_runs(outcomes, second).values()))


def _most(outcomes, first, second):
    a, b = _runs(outcomes, first), _runs(outcomes, second)
    shared = a.keys() & b.keys()
    if len(shared) < 3:
        return UNDECIDED
    return _compare(first, second, sum(a[seed] > b[seed] for seed in shared), sum(b[seed] > a[seed] for seed in shared))


def _pairs(outcomes, first, second, pairs, least=3):
    if len(pairs) < least:
        return UNDECIDED
    return first if all(a > b for a, b in pairs) else second if all(b > a for a, b in pairs) else UNDECIDED


def _by_position(outcomes, first, second):
    a, b = ([outcome["accuracy"] for outcome in outcomes if outcome["strategy"] == name] for name in (first, second))
    return _pairs(outcomes, first, second, list(zip(a, b, strict=False)))


def _by_sorted_seeds(outcomes, first, second):
    a, b = ([run for _, run in sorted(_runs(outcomes, name).items())] for name in (first, second))
    return _pairs(outcomes, first, second, list(zip(a, b, strict=False)))


def _missing_as_zero(outcomes, first, second):
    a, b = _runs(outcomes, first), _runs(outcomes, second)
    return _pairs(outcomes, first, second, [(a.get(seed, 0), b.get(seed, 0)) for seed in a.keys() | b.keys()])


def _key_error(outcomes, first, second):
    a, b = _runs(outcomes, first), _runs(outcomes, second)
    return _pairs(outcomes, first, second, [(a[seed], b[seed]) for seed in a])


def _ties_count(outcomes, first, second):
    a, b = _runs(outcomes, first), _runs(outcomes, second)
    shared = a.keys() & b.keys()
    if len(shared) < 3:
        return UNDECIDED
    if all(a[seed] >= b[seed] for seed in shared):
        return first
    return second if all(b[seed] >= a[seed] for seed in shared) else UNDECIDED


def _any_number(outcomes, first, second):
    a, b = _runs(outcomes, first), _runs(outcomes, second)
    return _pairs(outcomes, first, second, [(a[seed], b[seed]) for seed in a.keys() & b.keys()], least=1)


def _no_seed_decides(outcomes, first, second):
    a, b = _runs(outcomes, first), _runs(outcomes, second)
    return _pairs(outcomes, first, second, [(a[seed], b[seed]) for seed in a.keys() & b.keys()], least=0)


def _more_than_three(outcomes, first, second):
    a, b = _runs(outcomes, first), _runs(outcomes, second)
    return _pairs(outcomes, first, second, [(a[seed], b[seed]) for seed in a.keys() & b.keys()], least=4)


def _sorts_in_place(outcomes, first, second):
    outcomes.sort(key=lambda outcome: outcome["seed"])
    return _dicts(outcomes, first, second)


def _first_always(outcomes, first, second):
    return first


def _undecided_always(outcomes, first, second):
    return UNDECIDED


def _none_for_undecided(outcomes, first, second):
    conclusion = _dicts(outcomes, first, second)
    return None if conclusion == UNDECIDED else conclusion


def _the_loser(outcomes, first, second):
    return {first: second, second: first}.get(_dicts(outcomes, first, second), UNDECIDED)


RIGHT = {"two dicts": _dicts, "signs of all pairs": _signs, "winners seed by seed": _winners, "differences in NumPy": _with_numpy}
WRONG = {
    "compares means": (_means, "by_mean"),
    "compares means of shared seeds": (_means_of_shared, "by_mean"),
    "compares medians": (_medians, "by_mean"),
    "compares best runs": (_best_runs, "by_best"),
    "most seeds": (_most, "by_most"),
    "pairs by position": (_by_position, "by_position"),
    "pairs by place among the sorted seeds": (_by_sorted_seeds, "seeds_not_shared"),
    "a missing seed counts as 0": (_missing_as_zero, "seeds_not_shared"),
    "a missing seed stops it": (_key_error, "stops"),
    "ties count as won": (_ties_count, "ties_count"),
    "one seed is enough": (_any_number, "one_seed_decides"),
    "all() of nothing": (_no_seed_decides, "few_seeds"),
    "three are not enough": (_more_than_three, "too_strict"),
    "sorts the caller's list": (_sorts_in_place, "list_changed"),
    "always the first": (_first_always, "wrong_winner"),
    "never decides": (_undecided_always, "wrong_winner"),
    "None for undecided": (_none_for_undecided, "not_every_seed"),
    "names the loser": (_the_loser, "wrong_winner"),
}
