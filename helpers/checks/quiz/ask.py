"""A question asked in the notebook: its card first, which stays without a kernel, then what can be clicked.

Choosing, ordering and running redraw the card, as a slider redraws its picture (see `helpers.plots.widgets`). Whether a choice is
answered at once is for `helpers.checks.quiz.marking` to say: in a class it is not.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from helpers.checks.quiz import explanation, marking, run_code
from helpers.checks.quiz.card import Card, next_step
from helpers.checks.quiz.ordering import spaced
from helpers.checks.quiz.question_kinds import ChoiceQuestion, OrderingQuestion
from helpers.checks.quiz.questions import get


def ask(question_id: str) -> Asked:
    """The question, to be shown by the cell it is asked in; in a terminal its words.

    Args:
        question_id: such as ``"q01_why_freeze"``.

    Raises:
        CourseError: there is no such question.
    """
    return Asked(get(question_id))


def hint(question_id: str) -> explanation.Hint:
    """The question's hint, and where the lessons show it."""
    return explanation.Hint(get(question_id))


def solution(question_id: str) -> explanation.Solution:
    """The way to the answer in steps, with common mistakes and a quick check; in a class, that it comes with the feedback."""
    question = get(question_id)
    return explanation.Solution(question, marking.explains(question))


class Asked:
    """A question on the screen.

    Attributes:
        question: what is asked.
        card: the question as it stands, with what has been chosen and tried.
    """

    def __init__(self, question: ChoiceQuestion | OrderingQuestion) -> None:
        self.question = question
        self.card = Card(question, explained=marking.explains(question))
        self._handle: Any = None

    def __repr__(self) -> str:
        return repr(self.card)

    def _ipython_display_(self) -> None:
        from IPython.display import display

        self._handle = display(self.card, display_id=True)
        # Where a notebook is run by a grader or a rehearsal nobody clicks.
        if not os.environ.get("NBGRADER_EXECUTION"):
            display(self.controls())

    def controls(self):
        """What can be clicked: an ipywidgets box that redraws the card. Its words stand where controls cannot, as in print."""
        from ipywidgets import HBox, VBox

        class Controls(VBox):
            def __repr__(self) -> str:
                return "To choose with the mouse, run this cell."

        rows = [*(self._choice_rows() if isinstance(self.question, ChoiceQuestion) else self._ordering_rows())]
        if self.card.explained:
            rows.append([_run_button("Quick check", self.try_check)])
        return Controls([HBox(row, layout={"flex_flow": "row wrap"}) for row in rows])

    def choose(self, letter: str) -> None:
        """Take an option, and show its explanation where that may be shown."""
        status = marking.status_of(self.question, letter)
        self._redraw(chosen=letter, verdict=status, said=next_step(self.question, letter, status))

    def arrange(self, order: str) -> None:
        """Take the letters of some or all items, in the order they are to have; all of them are answered."""
        if len(order) < len(self.question.items):
            self._redraw(chosen=order, said="")
            return
        status = marking.status_of(self.question, order)
        reply = marking.reply_to(self.question, order) if status != marking.NOTED else None
        said = (reply._repr_html_() if reply else "") + next_step(self.question, spaced(order), status)
        self._redraw(chosen=order, verdict=status, said=said)

    def try_out(self, answer: str) -> None:
        """Run an option's code, the question's own (``""``) or the items in an order, and show what it prints."""
        text = run_code.run(self.question.id, answer).text
        self._redraw(tried={**self.card.tried, answer: text})

    def try_check(self) -> None:
        """Run the quick check, and show what it prints."""
        self._redraw(checked=run_code.check(self.question.id).text)

    def _redraw(self, **changes: Any) -> None:
        self.card = replace(self.card, **changes)
        if self._handle is not None:
            self._handle.update(self.card)

    def _choice_rows(self) -> Iterator[list]:
        from ipywidgets import RadioButtons

        style = {"description_width": "initial"}
        radio = RadioButtons(
            options=list(self.question.letters), value=None, description="Your answer:", orientation="horizontal", style=style
        )
        radio.observe(lambda change: self.choose(change["new"]), names="value")
        yield [radio]
        coded = [option.letter for option in self.question.options if option.code]
        if coded:
            yield [_run_button(f"Run {letter}", lambda letter=letter: self.try_out(letter)) for letter in coded]
        elif self.question.code:
            yield [_run_button("Run it", lambda: self.try_out(""))]

    def _ordering_rows(self) -> Iterator[list]:
        whole = self.question.letters
        letters = {letter: _button(letter, lambda letter=letter: arrange(self.card.chosen + letter)) for letter in whole}
        undo = _button("Undo", lambda: arrange(self.card.chosen[:-1]), icon="undo")
        again = _button("Start again", lambda: arrange(""), icon="refresh")
        run = _run_button("Run my order", lambda: self.try_out(self.card.chosen))

        def arrange(order: str) -> None:
            for letter, button in letters.items():
                button.disabled = letter in order
            undo.disabled = again.disabled = not order
            run.disabled = len(order) < len(whole)
            self.arrange(order)

        undo.disabled = again.disabled = run.disabled = True
        for button in letters.values():
            button.layout.width = "3em"
        yield list(letters.values())
        yield [undo, again, *([run] if self.question.code else [])]


def _button(words: str, do: Callable[[], None], *, icon: str = ""):
    from ipywidgets import Button

    button = Button(description=words, icon=icon, layout={"width": "auto"})
    button.on_click(lambda _: do())
    return button


def _run_button(words: str, do: Callable[[], None]):
    """A button that runs code; it is grey for as long as that takes."""

    def once() -> None:
        button.disabled = True
        try:
            do()
        finally:
            button.disabled = False

    button = _button(words, once, icon="play")
    return button
