"""What a learner expects, written down before a cell is run and shown again beside what was measured.

    guesses = Guesses("02_replace_head")                    # once, at the lesson's top
    my_guess = None                                         # the learner puts a number or a word here
    guesses.write_down("row nearest to daisy", my_guess)    # None: no guess, and nothing happens
    guesses.look_back({"row nearest to daisy": "bee"})      # at the lesson's end

Guesses stay on this computer, in ``.course/guesses.json``. They are never marked and never sent anywhere.
"""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from numbers import Real

from helpers.course import files
from helpers.course.errors import CourseError
from helpers.course.whereabouts import show

FILE = "guesses.json"
LONGEST = 200  # characters of a guess; what is longer is cut
COLUMNS = ("what we asked", "your guess", "measured")
NONE_YET = "–"
NO_GUESS = "You wrote no guess down. Next time, put one into my_guess before you run the cell: a wrong guess teaches most."
LAST_WORDS = "Where the two differ, there was something to learn. Guesses stay on this computer and are never marked."


@dataclass(frozen=True)
class LookBack:
    """Guesses beside what was measured, for a terminal (``print``) and a notebook (last line of a cell).

    Attributes:
        rows: (question, the guess or an empty string, what was measured), in the lesson's order.
        lesson: whose exercises are shown below it, where a page follows them.
    """

    rows: tuple[tuple[str, str, str], ...]
    lesson: str

    @property
    def last_words(self) -> str:
        """The sentence below the table."""
        return LAST_WORDS if any(guess for _, guess, _ in self.rows) else NO_GUESS

    def _lines(self) -> list[tuple[str, ...]]:
        return [(question, guess or NONE_YET, measured) for question, guess, measured in self.rows]

    def __repr__(self) -> str:
        lines = [COLUMNS, *self._lines()]
        widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS))]
        text = ["  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
        return "\n".join((text[0], "-" * (sum(widths) + 4), *text[1:], self.last_words))

    def _repr_html_(self) -> str:
        def row(cells: tuple[str, ...], tag: str) -> str:
            return "<tr>" + "".join(f"<{tag} style='text-align:left'>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

        body = "".join(row(line, "td") for line in self._lines())
        return f"<table><thead>{row(COLUMNS, 'th')}</thead><tbody>{body}</tbody></table><p>{escape(self.last_words)}</p>"

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display({"text/plain": repr(self), "text/html": self._repr_html_()}, raw=True)
        show(self.lesson)


class Guesses:
    """The guesses of one lesson.

    Args:
        lesson: the name of its folder, such as ``"02_replace_head"``.
    """

    def __init__(self, lesson: str) -> None:
        self.lesson = lesson
        self._known: dict[str, str] = {}

    def write_down(self, question: str, guess: object) -> None:
        """Keep a guess and say so; a later one for the same question takes its place.

        Args:
            question: what is asked, in a few words; `look_back` uses the same words.
            guess: a number, a word, a list of them. None, or an empty text, is no guess: nothing is kept, nothing is said.

        A folder that cannot be written is no error: the guess then lasts as long as the notebook's kernel.
        """
        if guess is None or not str(guess).strip():
            return
        self._known[question] = _words(guess)
        print(f"Written down: {question}: {self._known[question]}")
        if os.environ.get("NBGRADER_EXECUTION"):
            return
        content = files.load(FILE)
        content.setdefault(self.lesson, {})[question] = self._known[question]
        try:
            files.save(FILE, content)
        except OSError:
            return

    def look_back(self, measured: Mapping[str, object]) -> LookBack:
        """The guesses beside what was measured, one row for each question in `measured`.

        Args:
            measured: question -> the number or the words that the lesson found.

        Raises:
            CourseError: nothing was measured.
        """
        if not measured:
            raise CourseError('There is nothing to look back on: pass what was measured, {"question": value}.')
        kept = {question: str(guess) for question, guess in files.load(FILE).get(self.lesson, {}).items()}
        known = kept | self._known
        rows = ((question, known.get(question, ""), _words(value)) for question, value in measured.items())
        return LookBack(tuple(rows), self.lesson)


def _words(value: object) -> str:
    """A value as people write it: 23,528,522 and 0.8345, words as they are, never longer than LONGEST."""
    if isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value):
        return f"{value:,}" if value == int(value) and abs(value) >= 1000 else f"{value:.4g}"
    return " ".join(str(value).split())[:LONGEST]
