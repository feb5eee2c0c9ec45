"""The class report as one HTML file: what its template shows, counted, sorted and put into words."""

from collections import Counter
from pathlib import Path
from statistics import mean, median
from typing import Any

from markupsafe import Markup

from helpers.grading.class_report import bars
from helpers.grading.class_report.facts import HALF, NOT_RUN, RIGHT, STATES, WAITING, WRONG, ClassReport
from helpers.reports.page import fill

TEMPLATE = Path(__file__).with_name("templates") / "class.html"
# What the template folds or leaves out.
LIMITS = {
    "open": 12,  # entries of a list up to which it stands open
    "mistakes": 15,  # shown; further ones are folded
    "pairs": 20,  # shown; further ones are only counted
    "code": 3_000,  # characters of an answer shown
    "names": 3,  # up to which learners are named and not folded
}
NARROW = 24  # characters up to which entries stand in columns
STEPS = (1, 2, 5, 10, 20, 30, 60, 120, 300)  # seconds that a bar of the times may stand for
MOST_BARS = 12


def render(report: ClassReport) -> str:
    """The whole file."""
    marked = [f"{one.name}, of {_number(one.points)}" for one in report.exercises]
    return fill(
        TEMPLATE,
        report=report,
        bars=bars,
        limits=LIMITS,
        number=_number,
        plural=_plural,
        legend=((bars.swatch(WRONG), "under half"), (bars.swatch(RIGHT), "half or more")),
        cards=_cards(report),
        marks=_marks(report),
        exercises=_exercises(report),
        mistakes=report.mistakes(),
        attention=[(reason, *_entries(those)) for reason, those in report.attention().items()],
        times=_times(report),
        pairs=_pairs(report),
        columns=["learner", *marked, f"sum, of {_number(report.maximum)}"],
    )


def _number(value: float) -> str:
    return f"{round(value, 2):g}"


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" + ("" if count == 1 else "s")


def _cards(report: ClassReport) -> list[tuple[str, str, str]]:
    """The figures that one asks for first, as (what it counts, figure, what it is out of)."""
    totals = [learner.total for learner in report.learners]
    return [
        ("handed in", f"{len(totals) + len(report.ungraded)}", ""),
        ("graded", f"{len(totals)}", ""),
        ("median mark", _number(median(totals)) if totals else "–", f"of {_number(report.maximum)}"),
        ("all points", f"{sum(total >= report.maximum for total in totals)}", ""),
        ("may need a hand", f"{len({student for those in report.attention().values() for student, _ in those})}", ""),
    ]


def _marks(report: ClassReport) -> tuple[str, Markup]:
    """How the marks are distributed, in words and as eleven bars, the last for all points."""
    totals, best = [learner.total for learner in report.learners], report.maximum or 1.0
    found = Counter(min(10, int(10 * total / best + 1e-9)) for total in totals)
    counts = [found[place] for place in range(11)]
    labels = [f"{10 * place}–{10 * place + 9} %" for place in range(10)] + ["all"]
    fillings = [WRONG if place < 10 * HALF else RIGHT for place in range(11)]
    low = sum(counts[: int(10 * HALF)])
    words = (
        f"Of {_plural(len(totals), 'learner')}, {low} got under half of {_number(report.maximum)} points and {counts[10]} all. "
        f"The mean is {_number(mean(totals))}, the median {_number(median(totals))}."
        if totals
        else "There are no marks yet."
    )
    axis = f"part of the {_number(report.maximum)} points; learners above the bars"
    return words, bars.bars(labels, counts, fillings, axis, words)


def _exercises(report: ClassReport) -> dict[str, Any]:
    """A table's heads, and for each exercise (it, its bar, how many learners are in each state, their mean)."""
    found = {state for learner in report.learners for state in (work.state for work in learner.works.values())}
    states, rows = [state for state in STATES if state not in (NOT_RUN, WAITING) or state in found], []
    for exercise in report.exercises:
        works = report.works(exercise.name)
        in_state = Counter(work.state for work in works)
        counts = {state: in_state[state] for state in states}
        words = f"{exercise.name}: " + ", ".join(f"{count} {state}" for state, count in counts.items() if count)
        average = mean(work.points for work in works) if works else 0.0
        rows.append((exercise, bars.stack(counts, words), list(counts.values()), average))
    return {"heads": ["exercise", *(bars.swatch(state) + state for state in states), "mean"], "rows": rows}


def _entries(those: list[tuple[str, str]]) -> tuple[list[tuple[str, str]], bool]:
    """(learner, details) pairs, and whether they are short enough for columns; then "4 of 14" stays in one line."""
    narrow = all(len(words) <= NARROW for _, words in those)
    return [(student, words.replace(" ", "\N{NO-BREAK SPACE}") if narrow else words) for student, words in those], narrow


def _times(report: ClassReport) -> dict[str, Any] | None:
    """How long the notebooks ran, in words and as bars, and the slowest three; None if none was timed."""
    timed = [(float(learner.seconds), learner.student) for learner in report.learners if learner.seconds is not None]
    if not timed:
        return None
    seconds = [value for value, _ in timed]
    longest = max(seconds)
    step = next((step for step in STEPS if longest / step < MOST_BARS), longest / MOST_BARS)
    found = Counter(int(value / step) for value in seconds)
    counts = [found[place] for place in range(int(longest / step) + 1)]
    words = f"{_plural(len(timed), 'notebook')} ran: the median is {median(seconds):.0f} seconds, the longest {longest:.0f}"
    words += f", the limit {report.limit:.0f}." if report.limit else "."
    labels = [f"{place * step:g}–{(place + 1) * step:g}" for place in range(len(counts))]
    picture = bars.bars(labels, counts, [bars.PLAIN] * len(counts), "seconds; notebooks above the bars", words)
    return {"words": words, "picture": picture, "slowest": sorted(timed, key=lambda one: (-one[0], one[1]))[:3]}


def _pairs(report: ClassReport) -> list[tuple]:
    """The pairs that are shown, each with (learner, answer) of both."""
    sources = {(one.student, name): work.source for one in report.learners for name, work in one.works.items()}
    return [
        (pair, [(student, sources.get((student, pair.exercise), "")) for student in (pair.first, pair.second)])
        for pair in report.pairs[: LIMITS["pairs"]]
    ]
