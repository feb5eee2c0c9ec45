"""An answer to a question of the quiz -> a mark, with the explanation that belongs to it.

In self-study every answer is explained at once. In a class (no key in questions.toml, or ``show_solutions = false``) it is noted
and no more, until the instructor's grading, which has the key, marks it and puts the explanations into the feedback.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from html import escape

from helpers.checks.code_listing import as_text, highlighted, printed, prose
from helpers.checks.display import box, show
from helpers.checks.quiz import ordering as orders
from helpers.checks.quiz.explanation import Solution, fold, folded
from helpers.checks.quiz.question_kinds import ChoiceQuestion, Option, OrderingQuestion
from helpers.checks.quiz.questions import get
from helpers.checks.report import LOOKS, NOT_ATTEMPTED, NOT_YET, NOTED, RIGHT, Report
from helpers.course import progress, settings
from helpers.course.errors import CourseError

LESSON = "08_quiz"
_LETTER = re.compile(r"\s*\(?\s*([a-zA-Z])\s*[).:]?\s*")
_BETWEEN = re.compile(r"[\s,;:>.()\[\]'\"–-]")  # what people put between the letters of an order


def grade(question_id: str, answer: object, points: float = 1) -> float:
    """Show what is to be said to an answer, and return the mark: a plain float in [0, points]. For locked test cells.

    Raises:
        CourseError: no such question, or the instructor grades with a copy that has no key.
    """
    question = get(question_id)
    if _is_graded() and not question.has_key:
        raise CourseError("This copy of the quiz has no key: grade in the course's own folder, not in a handout.")
    reply = reply_to(question, answer, points)
    progress.record(LESSON, question_id, reply.status)
    show(reply)
    return float(reply.score)


def reply_to(question: ChoiceQuestion | OrderingQuestion, answer: object, points: float | None = None) -> Reply | Report:
    """What is to be said to an answer, and what it earns. Never raises on a bad one."""
    reply = Reply(question, NOT_ATTEMPTED, points)
    if answer is None or answer is ...:
        return reply
    letters = read(question, answer)
    if not letters:
        return replace(reply, status=NOT_YET, trouble=_trouble(question, answer))
    status = status_of(question, letters)
    if status == NOTED:
        return replace(reply, status=status, letters=letters, trouble="The 0.0 below is not your mark: this copy cannot tell.")
    if isinstance(question, ChoiceQuestion):
        return replace(reply, status=status, letters=letters)
    report = Report(question.id, orders.aspects(question), points=points)
    report.add(orders.findings(question, letters))
    return report


def status_of(question: ChoiceQuestion | OrderingQuestion, letters: str) -> str:
    """What letters that can be read are worth: right, not yet, or noted where it is not to be told."""
    if not explains(question):
        return NOTED
    if isinstance(question, ChoiceQuestion):
        return RIGHT if letters == question.right else NOT_YET
    return RIGHT if all(finding.passed for finding in orders.findings(question, letters)) else NOT_YET


def explains(question: ChoiceQuestion | OrderingQuestion) -> bool:
    """Whether answers are explained here and now: in self-study, and when the instructor grades."""
    return question.has_key and (_is_graded() or settings.load().show_solutions)


def read(question: ChoiceQuestion | OrderingQuestion, answer: object) -> str:
    """The letter or letters that an answer stands for; empty if it stands for none."""
    if isinstance(question, ChoiceQuestion):
        match = _LETTER.fullmatch(answer) if isinstance(answer, str) else None
        letter = match[1].lower() if match else ""
        return letter if letter in question.letters else ""
    if isinstance(answer, (list, tuple)):
        answer = " ".join(map(str, answer))
    letters = _BETWEEN.sub("", answer).lower() if isinstance(answer, str) else ""
    return letters if sorted(letters) == sorted(question.letters) else ""


def _trouble(question: ChoiceQuestion | OrderingQuestion, answer: object) -> str:
    said, letters = repr(answer)[:40], ", ".join(question.letters)
    if isinstance(question, ChoiceQuestion):
        return f"{said} is none of the answers: write one of the letters {letters}, in quotation marks."
    return f"{said} is no order of all the items: write each of the letters {letters} once, in quotation marks."


def _is_graded() -> bool:
    return os.environ.get("NBGRADER_EXECUTION") == "autograde"


@dataclass(frozen=True)
class Reply:
    """What is said to an answer of one letter, and to any answer that is not marked yet.

    Attributes:
        question: what was asked.
        status: one of the words of `helpers.checks.report`.
        points: the maximum, where this stands for a mark.
        letters: the answer; empty where there is none that can be read.
        trouble: why it cannot be read, with the remedy, or what else there is to know about the mark.
    """

    question: ChoiceQuestion | OrderingQuestion
    status: str
    points: float | None = None
    letters: str = ""
    trouble: str = ""

    @property
    def score(self) -> float:
        """The points earned: a plain float in [0, points]."""
        return float(self.points or 0.0) if self.status == RIGHT else 0.0

    @property
    def headline(self) -> str:
        """The outcome in one line."""
        name = self.question.id
        if self.status == NOTED:
            return f'{name}: noted, "{orders.spaced(self.letters)}"; your instructor marks it, and explains it in the feedback'
        line = self.status
        if self.status == NOT_ATTEMPTED:
            answer = "your letter" if isinstance(self.question, ChoiceQuestion) else "your letters in order"
            line = f'not attempted yet: let the cell above say {name} = "...", with {answer}, and run it'
        mark = "" if self.points is None else f" ({self.score:g} of {self.points:g} point{'' if self.points == 1 else 's'})"
        return f"{name}: {line}{mark}"

    @property
    def _marked(self) -> bool:
        return bool(self.letters) and self.status in (RIGHT, NOT_YET)

    def __repr__(self) -> str:
        lines = [self.headline, *([f"  {self.trouble}"] if self.trouble else [])]
        if self._marked:
            lines += _words("you chose", self.question.option(self.letters))
        if self._marked and self.status == NOT_YET:
            lines += _words("right is", self.question.option(self.question.right))
            lines += [f"  {line}" for line in repr(Solution(self.question, told=True)).splitlines()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        body = f"<p style='margin:.4em 0'>{escape(self.trouble)}</p>" if self.trouble else ""
        if self._marked:
            body += _shown(self.question.option(self.letters))
        if self._marked and self.status == NOT_YET:
            best = _shown(self.question.option(self.question.right))
            body += fold("The right one, and why", best) + folded(self.question)
        return box(LOOKS[self.status], self.headline, body)


def _words(label: str, option: Option) -> list[str]:
    lines = [f"  {label} {option.letter}: {as_text(option.text)}".rstrip()]
    lines += [f"      {line}" for line in option.code.strip("\n").splitlines()]
    lines += [f"      prints: {line}" for line in option.shows.strip("\n").splitlines()]
    return [*lines, f"      {as_text(option.why)}"]


def _shown(option: Option) -> str:
    words = f"<div style='margin:.4em 0'><b>{option.letter}</b> &nbsp;{prose(option.text)}</div>"
    code = highlighted(option.code) + printed(option.shows.strip("\n")) if option.code else ""
    return f"{words}{code}<div style='margin:.3em 0'>{prose(option.why)}</div>"
