"""A check's card on a page: with buttons for the next hint, the solution, and the exercise as it was handed out."""

from __future__ import annotations

from html import escape
from typing import Any

from helpers.checks.display import TITLES, Solution, hint_html
from helpers.checks.report import RIGHT, Report
from helpers.course import live_view, originals, reset
from helpers.course.palette import SOFT_INK
from helpers.course.paper import button


class LiveCheck:
    """A report on a page.

    Attributes:
        report: what the check said.
        exercise: what was checked, a `helpers.checks.exercise.Exercise`.
        hints: how many hints are shown.
        kept: the name of the file that has what stood in the answer cell.
    """

    def __init__(self, report: Report, exercise: Any) -> None:
        self.report, self.exercise, self.hints = report, exercise, 0
        self.solved, self.note, self.kept = False, "", ""
        self.solution: Solution = exercise.solution()
        self.view = live_view.LiveView(self.html(), self.answer)

    def show(self) -> None:
        """Display it; a saved page keeps the report."""
        self.view.show(self.report._repr_html_(), repr(self.report))

    def html(self) -> str:
        """The report, what was asked for, and the buttons."""
        from helpers.checks.code_listing import highlighted  # Pygments: not before it is wanted

        told = "".join(
            f"<div style='margin-top:.5em'><b>Hint {number}</b>, {TITLES[number - 1]}:</div>{hint_html(number, hint)}"
            for number, hint in enumerate(self.exercise.hints[: self.hints], start=1)
        )
        if self.solved:
            told += f"<div style='margin-top:.5em'><b>The course's own answer</b></div>{highlighted(self.solution.source)}"
        if self.note:
            told += f"<div style='margin-top:.5em;color:{SOFT_INK}'>{escape(self.note)}</div>"
        return self.report.html(f"{told}<div>{self._buttons()}</div>")

    def _buttons(self) -> str:
        left = self.hints < len(self.exercise.hints) and self.report.status != RIGHT
        hint = button(f"Hint {self.hints + 1} of {len(self.exercise.hints)}", "hint") if left else ""
        solution = button("Solution", "solution") if self.solution.source and not self.solved else ""
        known = self.exercise.name in originals.stubs(self.exercise.lesson)
        return hint + solution + (button("Reset this exercise", "reset") if known else "")

    def answer(self, do: str, value: str) -> None:
        """What a page tells: a button, the text of the answer cell, or how writing into it went."""
        if do == "hint":
            self.hints += 1
            self.draw(self.exercise.hints[self.hints - 1])
        elif do == "solution":
            self.solved = True
            self.draw("The solution is shown.")
        elif do == "reset":
            self.view.read(self.exercise.name)
        elif do == "source":
            self._reset(value)
        elif do == "filled" and value == "yes":
            self.say(f"The answer cell is as it was handed out. Your text is kept in .course/kept/{self.kept}")
        elif do == "filled" and value == "kept":
            self.say("The answer cell has changed meanwhile: press the button again.")
        elif do == "filled":
            command = f"python -m helpers reset {self.exercise.lesson} {self.exercise.name}"
            self.say(f"This page cannot write into the answer cell: close the notebook, and use the command line: {command}")

    def _reset(self, source: str) -> None:
        """Keep what stands in the answer cell, then have the page write the stub over it."""
        try:
            self.kept = reset.keep(f"{self.exercise.name}.py", source).name
        except OSError as error:
            self.say(f"Nothing was changed: your text cannot be kept ({error}).")
            return
        self.view.fill(self.exercise.name, originals.stubs(self.exercise.lesson)[self.exercise.name], [source.strip()])

    def say(self, note: str) -> None:
        """Say something below the report."""
        self.note = note
        self.draw(note)

    def draw(self, said: str) -> None:
        """Show the card as it is now; `said` is read out."""
        self.view.draw(self.html(), said)
