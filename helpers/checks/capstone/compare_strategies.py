"""The check of `compare_strategies`: what may be concluded from a race, and which slip leads to which wrong conclusions."""

import copy
from collections.abc import Callable, Iterator, Sequence
from statistics import mean, median

from helpers.checks.capstone.races import LEAST_SEEDS, UNDECIDED, Outcomes, RaceProblem, Races, by_seed, from_pairs, judge
from helpers.checks.exercise import NotAttempted, exercise
from helpers.checks.report import Aspect, Finding, passed_if

Answer = Callable[[Outcomes, str, str], str]


def _by(number: Callable, paired: bool) -> Answer:
    """Compare one number of each strategy's accuracies: of all its runs, or of those with shared seeds."""

    def slip(outcomes: Outcomes, first: str, second: str) -> str:
        ours, theirs = by_seed(outcomes, first), by_seed(outcomes, second)
        shared = ours.keys() & theirs.keys()
        if paired and len(shared) < LEAST_SEEDS:
            return UNDECIDED
        a, b = ([runs[seed] for seed in (sorted(shared) if paired else runs)] for runs in (ours, theirs))
        return from_pairs([(number(a), number(b))], first, second, least=1) if a and b else UNDECIDED

    return slip


def _by_most(outcomes: Outcomes, first: str, second: str) -> str:
    ours, theirs = by_seed(outcomes, first), by_seed(outcomes, second)
    shared = ours.keys() & theirs.keys()
    lead = sum((ours[seed] > theirs[seed]) - (ours[seed] < theirs[seed]) for seed in shared)
    return from_pairs([(lead, 0)], first, second, least=1) if len(shared) >= LEAST_SEEDS else UNDECIDED


def _by_position(outcomes: Outcomes, first: str, second: str) -> str:
    ours, theirs = ([o["accuracy"] for o in outcomes if o["strategy"] == name] for name in (first, second))
    return from_pairs(list(zip(ours, theirs, strict=False)), first, second)


def _by_sorted_seeds(outcomes: Outcomes, first: str, second: str) -> str:
    ours, theirs = ([run for _, run in sorted(by_seed(outcomes, name).items())] for name in (first, second))
    return from_pairs(list(zip(ours, theirs, strict=False)), first, second)


def _missing_is_zero(outcomes: Outcomes, first: str, second: str) -> str:
    ours, theirs = by_seed(outcomes, first), by_seed(outcomes, second)
    return from_pairs([(ours.get(seed, 0.0), theirs.get(seed, 0.0)) for seed in ours.keys() | theirs.keys()], first, second)


# reason -> (what to think about, rules that lead to exactly the conclusions that were drawn).
SLIPS: dict[str, tuple[str, tuple[Answer, ...]]] = {
    "by_mean": (
        "a mean or a median hides the seed that points the other way: compare seed by seed, and ask for every one of them",
        (_by(mean, False), _by(mean, True), _by(median, False), _by(median, True)),
    ),
    "by_best": (
        "the best of several runs is luck, too, and the more runs the better it gets: compare the two seed by seed",
        (_by(max, False), _by(max, True)),
    ),
    "by_most": ("most seeds are not every seed: one that points the other way leaves it undecided", (_by_most,)),
    "by_position": (
        'the runs were paired as they stand in the list: pair those with equal "seed", wherever they stand',
        (_by_position,),
    ),
    "seeds_not_shared": (
        "a seed that only one of them ran has no partner and says nothing: keep to the seeds that both ran",
        (_by_sorted_seeds, _missing_is_zero),
    ),
    "ties_count": (
        "with a seed on which both are equal neither is better: > and not >=",
        (lambda o, a, b: judge(o, a, b, ties=True), lambda o, a, b: judge(o, a, b, least=1, ties=True)),
    ),
    "one_seed_decides": (
        f"one seed always points somewhere, and two agree by chance half of the time: ask for {LEAST_SEEDS} shared ones",
        (lambda o, a, b: judge(o, a, b, least=1), lambda o, a, b: judge(o, a, b, least=2)),
    ),
    "names_loser": (
        "this is the one that is worse with every seed",
        (lambda o, a, b: {a: b, b: a}.get(judge(o, a, b), UNDECIDED),),
    ),
    "always_the_same": (
        "the answer is the same for every list",
        (lambda o, a, b: a, lambda o, a, b: b, lambda o, a, b: UNDECIDED),
    ),
    "too_strict": (f"{LEAST_SEEDS} shared seeds are enough", (lambda o, a, b: judge(o, a, b, least=LEAST_SEEDS + 1),)),
}
SORTED, SORTS = "sorted", "outcomes.sort() sorts the caller's own list: sorted(outcomes, key=...) makes a new one"
# aspect -> reason and words where no slip explains all conclusions together.
GENERAL = {
    "winner": ("wrong_winner", "look at each shared seed; the one with the higher accuracy every time is the answer"),
    "every": ("not_every_seed", f"one seed that points the other way leaves it {UNDECIDED}"),
    "ties": ("tie_decides", "with a seed on which both are equal neither is better"),
    "order": ("order_matters", 'find the two runs of a seed by their "seed", not by their place'),
    "shared": ("lone_seeds_count", "only seeds that both strategies ran can be compared"),
    "few": ("few_seeds", f"from {LEAST_SEEDS} shared seeds on there is a conclusion, with fewer there is none"),
}


@exercise(
    aspects=(
        Aspect("winner", "the one that is better with every seed is named, be it first or second", 1.5),
        Aspect("every", "one seed that points the other way leaves it undecided", 1, requires=("winner",)),
        Aspect("ties", "a tie with a seed leaves it undecided", 0.5, requires=("winner",)),
        Aspect("order", "runs are paired by seed, whatever their order", 0.75, requires=("winner", "every")),
        Aspect("shared", "seeds that only one of the two ran do not count", 0.5, requires=("winner",)),
        Aspect("few", f"{LEAST_SEEDS} shared seeds can decide, fewer cannot", 0.5, requires=("winner",)),
        Aspect("intact", "the list is as it was", 0.25, requires=("winner",)),
    ),
    cases=(Races(1), Races(2)),
    hints=(
        "With one seed both strategies met the same images, so the seed makes the pair. Look inside the pairs, then ask whether "
        "all of them point the same way.",
        'One dict for each strategy, {outcome["seed"]: outcome["accuracy"] for ...}; shared seeds: a.keys() & b.keys(); all().',
        'a, b = ({...} for name in (first, second))\nshared = a.keys() & b.keys()\nif len(shared) < 3:\n    return "undecided"\n'
        'if all(a[seed] > b[seed] for seed in shared):\n    return ...\nif all(...):\n    return ...\nreturn "undecided"',
    ),
)
def compare_strategies(case: Races, answer: Answer) -> Iterator[Finding]:
    """Have the answer judge every race of the case, then name the slip that explains all its conclusions, if there is one."""
    problems, drawn, changed = case.problems(), [], ""
    for problem in problems:
        outcomes = copy.deepcopy(problem.outcomes)
        drawn.append(_conclusion(problem, outcomes, answer))
        changed = changed or _change(problem.outcomes, outcomes)
    slip = _slip(problems, drawn)
    for problem, conclusion in zip(problems, drawn, strict=True):
        yield _finding(problem, conclusion, slip)
    yield passed_if(
        "intact", not changed, "list_sorted" if changed == SORTED else "list_changed",
        found="the list has another order now" if changed == SORTED else "the list, or a record in it, is another one now",
        expected="the list as it was", likely=SORTS if changed == SORTED else "",
    )  # fmt: skip


def _change(before: Outcomes, after: Outcomes) -> str:
    """What has become of the list: empty if nothing, `SORTED` if the same records stand in another order."""
    if before == after:
        return ""
    return SORTED if sorted(map(repr, before)) == sorted(map(repr, after)) else "changed"


def _conclusion(problem: RaceProblem, outcomes: Outcomes, answer: Answer) -> object:
    """What the answer concludes; an error of its own in its place, so that the other races still count."""
    try:
        return answer(outcomes, problem.first, problem.second)
    except (NotImplementedError, NotAttempted):
        raise
    except (Exception, SystemExit) as error:
        return error


def _right(problem: RaceProblem, conclusion: object) -> bool:
    return isinstance(conclusion, str) and conclusion == problem.truth


def _slip(problems: Sequence[RaceProblem], drawn: Sequence[object]) -> str:
    """The reason whose rule leads to all these conclusions; empty if they are right, or if no rule does."""
    pairs = list(zip(problems, drawn, strict=True))
    if all(_right(*pair) for pair in pairs):
        return ""
    for reason, (_, rules) in SLIPS.items():
        if any(all(rule(p.outcomes, p.first, p.second) == conclusion for p, conclusion in pairs) for rule in rules):
            return reason
    return ""


def _finding(problem: RaceProblem, conclusion: object, slip: str) -> Finding:
    """Whether one conclusion is right, and if not, why probably."""
    reason, likely = (slip, SLIPS[slip][0]) if slip else GENERAL[problem.aspect]
    if conclusion not in (problem.first, problem.second, UNDECIDED):
        reason, likely = "not_a_conclusion", f"the answer is one of the two names, or {UNDECIDED!r}"
    said = f"the answer is {conclusion!r}"
    if isinstance(conclusion, BaseException):
        reason, said = "stops", f"the answer stops with {type(conclusion).__name__}: {conclusion}"
        likely = ""
        if isinstance(conclusion, KeyError) and str(conclusion).split()[0] in {str(one["seed"]) for one in problem.outcomes}:
            likely = "the seed was run by one of the two only: look at those that both ran"
    return passed_if(
        problem.aspect, _right(problem, conclusion), reason,
        found=f"{problem}; {said[:120]}", expected=repr(problem.truth), likely=likely,
    )  # fmt: skip
