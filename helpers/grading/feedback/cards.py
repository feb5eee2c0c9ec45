"""What stands on top of a feedback page: a card for each exercise, with its mark, the reasons, and what to read again."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup, escape
from nbformat import NotebookNode
from nbgrader import utils

from helpers.checks.report import LOOKS, NOT_ATTEMPTED, NOT_YET, NOTED, RIGHT
from helpers.course.one_line import heading
from helpers.grading.submission.inert import clean, markdown2html

TITLE = re.compile(r"^###\s+(.+?)\s*$", re.MULTILINE)
_CONTROL = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Card:
    """One exercise.

    Attributes:
        exercise: its ``grade_id``.
        title: its heading in the lesson; empty where it has none of its own.
        status: one of `helpers.checks.report`'s words; noted is what waits for a mark by hand.
        points: the mark, in words.
        maximum: the most that it can earn.
        reasons: HTML of what the test cell said, with nothing in it that runs.
        comment: HTML of what the instructor wrote; empty for nothing.
        again: HTML of what to read again; empty for nothing.
    """

    exercise: str
    title: str
    status: str
    points: str
    maximum: str
    reasons: Markup
    comment: Markup
    again: Markup

    @property
    def look(self) -> tuple[str, str]:
        """Colour and sign of the status."""
        return LOOKS[self.status]


def cards(nb: NotebookNode, waiting: set[str], again: Mapping[str, list[str]]) -> list[Card]:
    """The cards of a graded notebook, in order; what they say is taken out of its test cells.

    Args:
        nb: with outputs that have been made inert.
        waiting: ``grade_id`` of what nobody has marked by hand yet.
        again: exercise -> Markdown lines of what to read again.
    """
    found, title, comments = [], "", {}
    for cell in nb.cells:
        if cell.cell_type == "markdown" and (headings := TITLE.findall(cell.source)):
            title = heading(headings[-1])
        info = cell.metadata.get("nbgrader", {})
        if utils.is_solution(cell) and info.get("comment"):
            comments[info.grade_id] = str(info.comment)
        if not utils.is_grade(cell):
            continue
        exercise, by_hand = info.grade_id.removeprefix("test_"), info.grade_id in waiting
        score, maximum = float(info.get("score") or 0), float(info.points)
        status = NOTED if by_hand else RIGHT if score >= maximum else NOT_YET if score or _attempted(cell) else NOT_ATTEMPTED
        reasons = Markup("")
        if not utils.is_solution(cell):
            reasons, cell.outputs = Markup("").join(map(_said, cell.get("outputs", []))), []
        points = "not marked yet" if by_hand else f"{score:g}"
        advice, comment = _html("\n".join(again.get(exercise, []))), _html(comments.get(exercise, ""))
        found.append(Card(exercise, title, status, points, f"{maximum:g}", reasons, comment, advice))
        title = ""
    return found


def _attempted(cell: NotebookNode) -> bool:
    said = "".join(str(output.get("data", {}).get("text/plain", "")) for output in cell.get("outputs", []))
    return NOT_ATTEMPTED not in said


def _html(markdown: str) -> Markup:
    return Markup(markdown2html({}, markdown)) if markdown else Markup("")


def _said(output: NotebookNode) -> Markup:
    """An output of a test cell as HTML; the mark that it ends with stands on the card already."""
    if output.output_type == "execute_result":
        return Markup("")
    data = output.get("data", {})
    if "text/html" in data:
        return Markup(clean("".join(data["text/html"])))
    text = data.get("text/plain") or output.get("text") or "\n".join(output.get("traceback", []))
    return Markup("<pre>{}</pre>").format(escape(_CONTROL.sub("", str(text)))) if str(text).strip() else Markup("")
