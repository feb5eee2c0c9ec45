"""The class report as one HTML file that needs nothing else: no script, no network, the same on screen and on paper.

Names, notes and answers are data: each passes through `_words` or `_code`, so that none can become markup or turn the
writing around.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from statistics import mean, median

from helpers.grading.class_report.bars import PLAIN, bars, patterns, share, stack, swatch
from helpers.grading.class_report.facts import HALF, NOT_RUN, RIGHT, STATES, WAITING, WRONG, ClassReport, Learner, Mistake
from helpers.grading.class_report.similar_answers import Pair
from helpers.reports.style import POLICY, STYLE

SHORT = 12  # entries of a list up to which it stands open
MOST_MISTAKES, MOST_PAIRS = 15, 20  # shown; further mistakes are folded, further pairs only counted
LONGEST_CODE = 3_000  # characters of an answer shown
FEW_NAMES = 3  # up to which learners are named and not folded
NARROW = 24  # characters up to which entries stand in columns
STEPS = (1, 2, 5, 10, 20, 30, 60, 120, 300)  # seconds that a bar of the times may stand for
MOST_BARS = 12
# Control characters, marks that turn the direction of writing, and halves of characters.
_UNSHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def page(report: ClassReport) -> str:
    """The whole file."""
    sections = (_exercises, _mistakes, _attention, _times, _alike, _everyone)
    body = "".join(section(report) for section in sections)
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">
<title>Class report: {_words(report.title)}</title><style>{STYLE}</style></head><body>{patterns()}
<header><div class="soft">Class report, {report.made:%d %B %Y}</div><h1>{_words(report.title)}</h1></header>
<main>{_cards(report)}{_marks(report)}{body}</main>
<footer>For the instructor alone: this page names learners. Marks are the gradebook's, before anything is taken off for lateness.
Made by <code>python -m helpers report {_words(report.lesson)}</code>.</footer></body></html>
"""


def _words(text: str) -> str:
    """`text` as one line of HTML text."""
    return escape(_UNSHOWN.sub("\ufffd", re.sub(r"\s+", " ", text)))


def _code(source: str) -> str:
    """An answer as HTML text with its lines, cut where it is very long."""
    shown = source if len(source) <= LONGEST_CODE else source[:LONGEST_CODE] + "\n[the rest is not shown]"
    return f"<pre>{escape(_UNSHOWN.sub(chr(0xFFFD), shown))}</pre>"


def _who(student: str, report: ClassReport) -> str:
    """A learner as they are called: the name if there is one, and the id."""
    name = report.names.get(student)
    return f"<bdi>{_words(name)}</bdi> (<bdi>{_words(student)}</bdi>)" if name else f"<bdi>{_words(student)}</bdi>"


def _number(value: float) -> str:
    return f"{round(value, 2):g}"


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" + ("" if count == 1 else "s")


def _folded(title: str, content: str, count: int) -> str:
    """`content` under a title, closed if it is long."""
    return f"<details{' open' if count <= SHORT else ''}><summary>{title}</summary>{content}</details>"


def _cards(report: ClassReport) -> str:
    """The figures that one asks for first."""
    totals = [learner.total for learner in report.learners]
    hands = len({student for those in report.attention().values() for student, _ in those})
    cards = [
        ("handed in", f"{len(totals) + len(report.ungraded)}", ""),
        ("graded", f"{len(totals)}", ""),
        ("median mark", f"{_number(median(totals)) if totals else '–'} <small>of {_number(report.maximum)}</small>", ""),
        ("all points", f"{sum(total >= report.maximum for total in totals)}", ""),
        ("may need a hand", f"{hands}", " class='hand'" if hands else ""),
    ]
    shown = "".join(f"<div{kind}><dt>{label}</dt><dd>{value}</dd></div>" for label, value, kind in cards)
    return f"<dl class='cards'>{shown}</dl>"


def _marks(report: ClassReport) -> str:
    """How the marks are distributed: eleven bars, the last for all points."""
    totals, best = [learner.total for learner in report.learners], report.maximum or 1.0
    counts = [0] * 11
    for total in totals:
        counts[min(10, int(10 * total / best + 1e-9))] += 1
    labels = [f"{10 * place}–{10 * place + 9} %" for place in range(10)] + ["all"]
    fillings = [WRONG if place < 10 * HALF else RIGHT for place in range(11)]
    low = sum(counts[: int(10 * HALF)])
    words = (
        f"Of {_plural(len(totals), 'learner')}, {low} got under half of {_number(report.maximum)} points and {counts[10]} all. "
        f"The mean is {_number(mean(totals))}, the median {_number(median(totals))}."
        if totals
        else "There are no marks yet."
    )
    picture = bars(labels, counts, fillings, f"part of the {_number(report.maximum)} points; learners above the bars", words)
    legend = f"{swatch(WRONG)} under half {swatch(RIGHT)} half or more"
    figure = f"<figure>{picture}<figcaption class='small'>{legend}</figcaption></figure>"
    return f"<section><h2>Marks</h2><p>{words}</p>{figure}</section>"


def _exercises(report: ClassReport) -> str:
    """Each exercise: who got how far, and the mean."""
    rows, states = [], [state for state in STATES if state not in (NOT_RUN, WAITING) or _any(report, state)]
    for exercise in report.exercises:
        works = report.works(exercise.name)
        counts = {state: sum(work.state == state for work in works) for state in states}
        words = f"{exercise.name}: " + ", ".join(f"{count} {state}" for state, count in counts.items() if count)
        average = mean(work.points for work in works) if works else 0.0
        cells = "".join(f"<td class='number{'' if count else ' soft'}'>{count}</td>" for count in counts.values())
        rows.append(
            f"<tr><td>{_words(exercise.name)}<br>{stack(counts, _words(words))}</td>{cells}"
            f"<td class='number'>{_number(average)} of {_number(exercise.points)}</td></tr>"
        )
    heads = "".join(f"<th class='number' scope='col'>{swatch(state)}{state}</th>" for state in states)
    table = f"<table><thead><tr><th scope='col'>exercise</th>{heads}<th class='number' scope='col'>mean</th></tr></thead>"
    return f"<section><h2>Exercises</h2>{table}<tbody>{''.join(rows)}</tbody></table></section>"


def _any(report: ClassReport, state: str) -> bool:
    return any(work.state == state for learner in report.learners for work in learner.works.values())


def _mistakes(report: ClassReport) -> str:
    """What did not hold most often, with those whom it concerns."""
    found = report.mistakes()
    if not found:
        return "<section><h2>Commonest mistakes</h2><p>None: nothing was found wrong in any answer.</p></section>"
    first = _mistake_table(found[:MOST_MISTAKES], report)
    rest = found[MOST_MISTAKES:]
    more = _folded(f"{_plural(len(rest), 'rarer one')}", _mistake_table(rest, report), SHORT + 1) if rest else ""
    lead = "What did not hold, in the words that learners read. An answer can have several."
    return f"<section><h2>Commonest mistakes</h2><p class='soft'>{lead}</p>{first}{more}</section>"


def _mistake_table(found: Sequence[Mistake], report: ClassReport) -> str:
    rows = []
    for mistake in found:
        count = len(mistake.learners)
        names = ", ".join(_who(student, report) for student in mistake.learners)
        who = names if count <= FEW_NAMES else f"<details><summary>{_plural(count, 'learner')}</summary>{names}</details>"
        what = f"{_words(mistake.miss.title)} <code>{_words(mistake.miss.reason)}</code><div class='small'>{who}</div>"
        bar = share(count, len(report.learners))
        where = f"<td class='name'>{_words(mistake.exercise)}</td>"
        rows.append(f"<tr><td class='number'>{count}</td><td>{bar}</td><td class='what'>{what}</td>{where}</tr>")
    head = "<th class='number' scope='col'>learners</th><th></th><th scope='col'>does not hold</th><th scope='col'>exercise</th>"
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _attention(report: ClassReport) -> str:
    """Everyone who may need a hand, by the reason."""
    groups = report.attention()
    if not groups:
        return "<section><h2>Who may need a hand</h2><p>Nobody, as far as marks and files tell.</p></section>"
    parts = [
        _folded(f"<b>{reason}</b>: {len({student for student, _ in those})}", _entries(those, report), len(those))
        for reason, those in groups.items()
    ]
    return f"<section><h2>Who may need a hand</h2>{''.join(parts)}</section>"


def _entries(those: Iterable[tuple[str, str]], report: ClassReport) -> str:
    those = list(those)
    narrow = all(len(words) <= NARROW for _, words in those)
    space = "&nbsp;" if narrow else " "  # "4 of 14" stays in one line
    details = [f": {_words(words).replace(' ', space)}" if words else "" for _, words in those]
    items = (f"<li>{_who(student, report)}{words}</li>" for (student, _), words in zip(those, details, strict=True))
    return f"<ul{' class=narrow' if narrow else ''}>{''.join(items)}</ul>"


def _times(report: ClassReport) -> str:
    """How long the notebooks ran, and the slowest ones."""
    timed = [learner for learner in report.learners if learner.seconds is not None]
    if not timed:
        return "<section><h2>Time</h2><p>No notebook has been timed.</p></section>"
    seconds = [float(learner.seconds or 0.0) for learner in timed]
    step = next((step for step in STEPS if max(seconds) / step < MOST_BARS), max(seconds) / MOST_BARS)
    counts = [0] * (int(max(seconds) / step) + 1)
    for value in seconds:
        counts[int(value / step)] += 1
    words = f"{_plural(len(timed), 'notebook')} ran: the median is {median(seconds):.0f} seconds, the longest {max(seconds):.0f}"
    words += f", the limit {report.limit:.0f}." if report.limit else "."
    labels = [f"{place * step:g}–{(place + 1) * step:g}" for place in range(len(counts))]
    picture = bars(labels, counts, [PLAIN] * len(counts), "seconds; notebooks above the bars", words)
    slowest = sorted(timed, key=_slowest_first)[:3]
    names = ", ".join(f"{_who(learner.student, report)} {learner.seconds:.0f} s" for learner in slowest)
    return f"<section><h2>Time</h2><p>{words} Longest: {names}.</p><figure>{picture}</figure></section>"


def _slowest_first(learner: Learner) -> tuple[float, str]:
    return -(learner.seconds or 0.0), learner.student


def _alike(report: ClassReport) -> str:
    """Pairs of answers to look at, with both answers."""
    lead = (
        "A hint and no more: <b>alike is not copied</b>. People who learn together, or from the same page, write alike. Names, "
        "comments and layout do not count, nor does what was handed out, what the course's own answer says, what many in the "
        "class have, or a short answer. Read both before you think anything of it."
    )
    if not report.pairs:
        return f"<section><h2>Answers alike</h2><p>No pair stands out.</p><p class='soft small'>{lead}</p></section>"
    shown = "".join(_pair(pair, report) for pair in report.pairs[:MOST_PAIRS])
    rest = len(report.pairs) - MOST_PAIRS
    more = f"<p>{_plural(rest, 'further pair')} not shown.</p>" if rest > 0 else ""
    return f"<section><h2>Answers alike</h2><p class='soft'>{lead}</p>{shown}{more}</section>"


def _pair(pair: Pair, report: ClassReport) -> str:
    sources = {one.student: one.works[pair.exercise].source for one in report.learners if pair.exercise in one.works}
    title = f"{_words(pair.exercise)}: {_who(pair.first, report)} and {_who(pair.second, report)}, {pair.likeness:.0%} in common"
    both = "".join(f"<div>{_who(name, report)}{_code(sources.get(name, ''))}</div>" for name in (pair.first, pair.second))
    return f"<details><summary>{title}</summary><div class='two small'>{both}</div></details>"


def _everyone(report: ClassReport) -> str:
    """All marks as a table."""
    rows = []
    for learner in report.learners:
        points = (learner.works.get(exercise.name) for exercise in report.exercises)
        cells = "".join(f"<td class='number'>{_number(work.points) if work else ''}</td>" for work in points)
        total = f"<td class='number'><b>{_number(learner.total)}</b></td>"
        rows.append(f"<tr><td>{_who(learner.student, report)}</td>{cells}{total}</tr>")
    names = (f"{_words(one.name)}, of {_number(one.points)}" for one in report.exercises)
    heads = "".join(f"<th class='number' scope='col'>{name}</th>" for name in names)
    last = f"<th class='number' scope='col'>sum, of {_number(report.maximum)}</th>"
    head = f"<thead><tr><th scope='col'>learner</th>{heads}{last}</tr></thead>"
    table = f"<table class='small'>{head}<tbody>{''.join(rows)}</tbody></table>"
    return f"<section><h2>All marks</h2>{_folded(_plural(len(rows), 'learner'), table, len(rows))}</section>"
