"""A question asked in the notebook: a card whose options are clicked while a kernel is running, and that reads without one.

A choice is kept on this computer, in ``.course/choices.json``, and written into the learner's answer cell, unless something else
has been written there by hand. Whether it is answered at once is for `helpers.checks.quiz.marking` to say: in a class it is not.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

from helpers.checks.quiz import explanation, marking, run_code
from helpers.checks.quiz.card import SMALL, Card, answer_line, next_step
from helpers.checks.quiz.ordering import spaced
from helpers.checks.quiz.question_kinds import ChoiceQuestion, OrderingQuestion
from helpers.checks.quiz.questions import get
from helpers.course import files, live_view, originals, progress
from helpers.course.reset import CHOICES

RUN_TO_CLICK = f"<div style='{SMALL};margin-top:.6em'>To choose by a click, run this cell.</div>"  # on a page opened again


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
        self._view: live_view.LiveView | None = None

    def __repr__(self) -> str:
        return repr(self.card)

    def _ipython_display_(self) -> None:
        from IPython.display import display

        if not live_view.has_page():
            display(self.card)
            return
        plain = replace(self.card, said=RUN_TO_CLICK)._repr_html_()
        self._take(marking.read(self.question, files.load(CHOICES).get(marking.LESSON, {}).get(self.question.id)))
        self.card = replace(self.card, live=True)
        self._view = live_view.LiveView(self.card._repr_html_(), self.answer)
        self._view.show(plain, repr(self.card))

    def answer(self, do: str, value: str) -> None:
        """What a page tells: an option or item that was clicked, a button, or how writing into the answer cell went."""
        chosen = self.card.chosen
        if do == self.question.id:
            self.choose(value)
        elif do in ("add", "undo", "again"):
            self.arrange({"add": chosen + value, "undo": chosen[:-1], "again": ""}[do])
        elif do == "run":
            self.try_out(value)
        elif do == "check":
            self.try_check()
        elif do == "ready" and self.card.verdict:
            self._fill(chosen)
        elif do == "filled":
            self._filled(value)

    def choose(self, letter: str) -> None:
        """Take an option, keep it, and show its explanation where that may be shown."""
        self._taken(letter)

    def arrange(self, order: str) -> None:
        """Take the letters of some or all items, in the order they are to have; all of them are kept and answered."""
        if len(order) < len(self.question.items):
            self._redraw(chosen=order, verdict="", reply="", said="")
        else:
            self._taken(order)

    def try_out(self, answer: str) -> None:
        """Run an option's code, the question's own (``""``) or the items in an order, and show what it prints."""
        text = run_code.run(self.question.id, answer).text
        self._redraw(f"It shows: {text}", tried={**self.card.tried, answer: text})

    def try_check(self) -> None:
        """Run the quick check, and show what it prints."""
        text = run_code.check(self.question.id).text
        self._redraw(f"It shows: {text}", checked=text)

    def _taken(self, letters: str) -> None:
        """An answer was chosen: keep it, say what it is worth, and write it into the learner's cell."""
        before = files.load(CHOICES).get(marking.LESSON, {}).get(self.question.id, "")
        _keep(self.question.id, letters)
        self._take(letters)
        progress.record(marking.LESSON, self.question.id, self.card.verdict)
        self._redraw(self.card.spoken())
        self._fill(letters, before)

    def _take(self, letters: str) -> None:
        """The card with these letters chosen; nothing for none."""
        if letters:
            status = marking.status_of(self.question, letters)
            marked = isinstance(self.question, OrderingQuestion) and status != marking.NOTED
            reply = marking.reply_to(self.question, letters)._repr_html_() if marked else ""
            said = next_step(self.question, letters, status)
            self.card = replace(self.card, chosen=letters, verdict=status, reply=reply, said=said)

    def _fill(self, letters: str, before: str = "") -> None:
        """Have the page write the answer; what stands there from an earlier click may go."""
        if self._view is not None:
            stub = originals.stubs(marking.LESSON).get(self.question.id, "").strip()
            over = [stub, answer_line(self.question, before) if before else ""]
            self._view.fill(self.question.id, answer_line(self.question, letters), [text for text in over if text])

    def _filled(self, how: str) -> None:
        """The page has written the answer, or says why not; where it stands in the cell, it is there to be marked."""
        from IPython import get_ipython

        if how == "yes" and get_ipython() is not None:
            get_ipython().user_ns[self.question.id] = spaced(self.card.chosen)
        self._redraw(self.card.spoken(), said=next_step(self.question, self.card.chosen, self.card.verdict, how))

    def _redraw(self, spoken: str = "", **changes: Any) -> None:
        self.card = replace(self.card, **changes)
        if self._view is not None:
            self._view.draw(self.card._repr_html_(), spoken)


def _keep(question_id: str, letters: str) -> None:
    """Keep a choice on this computer. A folder that cannot be written is no error."""
    content = files.load(CHOICES)
    content.setdefault(marking.LESSON, {})[question_id] = letters
    with suppress(OSError):
        files.save(CHOICES, content)
