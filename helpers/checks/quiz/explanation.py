"""What a question offers beside its options: a hint, the way to the answer in steps, a quick check, common mistakes, and where
the lessons show it. As HTML that folds, and as text; the hint is for everybody, all else tells the answer."""

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from pathlib import Path

from helpers.checks.code_listing import LINK, as_text, highlighted, printed, prose
from helpers.checks.quiz.question_kinds import Question
from helpers.course.one_line import heading

SUMMARY = "font-size:13px"  # in the colour of the ground it stands on, which may be dark
LATER = "The way to the answer comes with the feedback."
_HEADING = re.compile(r"^#{1,3}\s+(.+?)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Hint:
    """The hint of a question, with the place where the lessons show it."""

    question: Question

    def __repr__(self) -> str:
        return f"Hint: {as_text(self.question.hint)}\nTo read again: {place(self.question.link)[0]}"

    def _repr_html_(self) -> str:
        return f"<div>{hint_html(self.question)}</div>"


@dataclass(frozen=True)
class Solution:
    """The way to the answer of a question, or the sentence that it comes later.

    Attributes:
        question: what was asked.
        told: whether it may be told here and now.
    """

    question: Question
    told: bool

    def __repr__(self) -> str:
        if not self.told:
            return LATER
        question = self.question
        lines = [f"{n}. {as_text(step)}" for n, step in enumerate(question.steps, start=1)]
        lines += ["Common mistakes:", *(f"- {as_text(mistake)}" for mistake in question.mistakes)]
        lines += [f'Quick check, quiz.check("{question.id}"):', *_indented(question.check)]
        return "\n".join([*lines, "  shows:", *_indented(question.check_shows), f"To read again: {place(question.link)[0]}"])

    def _repr_html_(self) -> str:
        return f"<div>{folded(self.question, opened=True)}</div>" if self.told else f"<p>{LATER}</p>"


def hint_html(question: Question) -> str:
    """The hint and the place to read again."""
    words, address = place(question.link)
    where = f"<a href='{escape(address)}' {LINK}>{prose(words)}</a>" if address else prose(words)
    return f"<div style='margin:.3em 0'>{prose(question.hint)}</div><div style='margin:.3em 0'>To read again: {where}</div>"


def folded(question: Question, opened: bool = False, checked: str = "") -> str:
    """Steps, quick check and common mistakes, each folded until it is wanted.

    Args:
        question: whose they are.
        opened: the steps are open.
        checked: what the quick check printed just now; it is open then.
    """
    steps = "".join(f"<li>{prose(step)}</li>" for step in question.steps)
    mistakes = "".join(f"<li>{prose(mistake)}</li>" for mistake in question.mistakes)
    check = highlighted(question.check) + printed(checked or question.check_shows.strip("\n"))
    look = "margin:.2em 0;padding-left:1.6em"
    return (
        fold("Solution, step by step", f"<ol style='{look}'>{steps}</ol>", opened)
        + fold("Quick check", check, bool(checked))
        + fold("Common mistakes", f"<ul style='{look}'>{mistakes}</ul>")
    )


def fold(title: str, body: str, opened: bool = False) -> str:
    """HTML that shows its title until it is opened."""
    return f"<details{' open' * opened} style='margin-top:.35em'><summary style='{SUMMARY}'>{title}</summary>{body}</details>"


def place(link: str) -> tuple[str, str]:
    """(where a cell stands, in words; its address), such as for ``"03_freeze_base#not-freezing"``.

    The address leads from this notebook to the heading above the cell; it is empty, and the words name the lesson alone, where
    the other lesson's notebook is not beside this one.
    """
    lesson, cell = link.split("#")
    heading = _heading(Path.cwd().parent / lesson / f"{lesson}.ipynb", cell)
    if not heading:
        return f"lesson {lesson[:2]}", ""
    return f"lesson {lesson[:2]}, {heading}", f"../{lesson}/{lesson}.ipynb#{heading.replace(' ', '-')}"


@lru_cache(maxsize=64)
def _heading(notebook: Path, cell_id: str) -> str:
    """The last heading at or above a cell; empty if there is none, or no such notebook."""
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        above = cells[: [cell["id"] for cell in cells].index(cell_id) + 1]
        texts = ("".join(cell["source"]) for cell in above if cell["cell_type"] == "markdown")
        found = [words for text in texts for words in _HEADING.findall(text)]
        return heading(found[-1]) if found else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _indented(code: str) -> list[str]:
    return ["    " + line for line in code.strip("\n").splitlines()]
