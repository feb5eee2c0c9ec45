"""How reports, hints and solutions are shown: as HTML in a notebook, as text in a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from html import escape

from helpers.course import settings
from helpers.course.errors import CourseError
from helpers.course.paper import paper, with_code

MISSING = "Solutions did not come with this copy: ask for a hint, or ask your instructor."
TITLES = ("the idea", "the name of the API", "nearly the code")
_collected: ContextVar[list | None] = ContextVar("collected", default=None)


@contextmanager
def collected() -> Iterator[list]:
    """Inside, what is shown goes into the list given instead of onto the screen."""
    things: list = []
    token = _collected.set(things)
    try:
        yield things
    finally:
        _collected.reset(token)


def show(thing: object) -> None:
    """Display `thing` in a notebook, or print it elsewhere."""
    from IPython import get_ipython
    from IPython.display import display

    if _collected.get() is not None:
        _collected.get().append(thing)
    elif get_ipython() is None:
        print(thing)
    else:
        display(thing)


def box(look: tuple[str, str], headline: str = "", content: str = "", *, width: str = "56em") -> str:
    """HTML for the box in which a report, a reply or a note stands.

    Args:
        look: (colour, sign) of the status, from `helpers.checks.report.LOOKS`.
        headline: the outcome in one line of plain text, shown after the sign; may be left out.
        content: HTML that stands below it.
        width: the most that the box takes.
    """
    colour, sign = look
    line = f"<span aria-hidden='true'>{sign}</span> {escape(headline)}"
    head = f"<div style='font-weight:600;color:{colour}'>{line}</div>" if headline else ""
    return paper(f"{head}{content}", edge=colour, width=width)


def hint_html(number: int, hint: str) -> str:
    """The words of a hint; the third one is nearly code."""
    if number < 3:
        return f"<div style='margin:.2em 1.2em'>{with_code(hint)}</div>"
    from helpers.checks.code_listing import highlighted  # Pygments: not before it is wanted

    return highlighted(hint)


@dataclass(frozen=True)
class Hints:
    """Three hints, each folded until it is asked for."""

    exercise: str
    hints: tuple[str, str, str]
    opened: int | None = None

    def __post_init__(self) -> None:
        if self.opened is not None and (type(self.opened) is not int or not 1 <= self.opened <= 3):
            raise CourseError(f"There is no hint {self.opened!r}: ask for hint(1), hint(2) or hint(3).")

    def __repr__(self) -> str:
        if self.opened is None:
            return f"{self.exercise} has three hints: hint(1) is the idea, hint(2) names the API, hint(3) is nearly the code."
        return f"Hint {self.opened} ({TITLES[self.opened - 1]}): {self.hints[self.opened - 1]}"

    def _repr_html_(self) -> str:
        folds = (
            f"<details{' open' if number == self.opened else ''} style='margin:.2em 0'>"
            f"<summary>Hint {number}: {title}</summary>{hint_html(number, hint)}</details>"
            for number, (title, hint) in enumerate(zip(TITLES, self.hints, strict=True), start=1)
        )
        return paper("".join(folds))


@dataclass(frozen=True)
class Solution:
    """The course's own answer to one exercise, or the sentence that says why it is not shown."""

    exercise: str
    source: str
    message: str = ""

    @classmethod
    def of(cls, lesson: str, exercise: str) -> Solution:
        """Read the answer from the lesson's notebook in ``solutions/``, where it is and may be shown."""
        if not settings.load().show_solutions:
            return cls(exercise, "", "Solutions are switched off for this class: ask for a hint, or ask your instructor.")
        path = settings.root() / "solutions" / lesson / f"{lesson}.ipynb"
        if not path.is_file():
            return cls(exercise, "", MISSING)
        import nbformat

        for cell in nbformat.read(path, as_version=4).cells:
            if cell.get("id") == exercise:
                return cls(exercise, cell.source)
        return cls(exercise, "", MISSING)

    def __repr__(self) -> str:
        return self.message or self.source

    def _repr_html_(self) -> str:
        if self.message:
            return f"<p>{escape(self.message)}</p>"
        from helpers.checks.code_listing import highlighted  # Pygments: not before it is wanted

        return paper(f"<details><summary>The course's own answer</summary>{highlighted(self.source)}</details>")
