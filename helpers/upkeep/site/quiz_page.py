"""A question of the quiz as HTML that answers clicks without a kernel: each option's explanation is there, and shown when chosen.

`quiz.js`, which each page of the site has, shows them and counts; without JavaScript all explanations are there to be opened.
"""

import json
from html import escape

from helpers.checks.code_listing import highlighted, printed, prose
from helpers.checks.quiz.card import VERDICTS, Card
from helpers.checks.quiz.question_kinds import ChoiceQuestion, Item, Option, OrderingQuestion
from helpers.checks.report import LOOKS, NOT_YET, RIGHT
from helpers.course.palette import PALE
from helpers.course.paper import button


class PageCard(Card):
    """A question on a page of the site."""

    def _option(self, option: Option) -> str:
        status = RIGHT if option.letter == self.question.right else NOT_YET
        colour, sign = LOOKS[status]
        words = f"<div>{prose(option.text)}</div>" if option.text else ""
        shows = printed(option.shows.strip("\n")) if option.code else ""
        verdict = f"<b style='color:{colour}'><span aria-hidden='true'>{sign}</span> {VERDICTS[status]}</b>"
        why = f"<div data-why='{option.letter}' data-colour='{colour}'>{shows}<div>{verdict} {prose(option.why)}</div></div>"
        content = words + (highlighted(option.code) if option.code else "")
        return self._row(option.letter, content, why, f"border:2px solid {PALE};margin:.35em 0", False)

    def _steps(self) -> str:
        """Where an order grows, what is said to it, and how it is begun anew."""
        right = "Right: nothing stands before what it needs."
        return (
            "<ol data-order style='margin:.6em 0 .2em;padding-left:1.6em'></ol>"
            f"<div data-reply data-right='{right}'></div>{button('Start again', 'again')}"
        )

    def _item(self, item: Item) -> str:
        html = super()._item(item)  # a button that says which item it adds
        needs = escape(json.dumps(dict(item.needs)), quote=True)
        return html.replace("<button ", f'<button data-needs="{needs}" ', 1)


def card(question: ChoiceQuestion | OrderingQuestion) -> str:
    """The question's HTML, for a page whose script is `quiz.js`."""
    whole = PageCard(question, explained=True, live=True, runs=False)._repr_html_()
    right = question.right if isinstance(question, ChoiceQuestion) else ""
    told = f'data-question="{question.id}" data-right="{right}" id="{question.id}"'
    return f"<div {told}>{whole}<div data-said aria-live='polite' class='only-read-out'></div></div>"


def strip(asked: list[ChoiceQuestion | OrderingQuestion]) -> str:
    """Where one stands: a dot for each question, which leads to it, and the same in words."""
    look = "class='only-read-out'"
    dots = "".join(f"<a href='#{one.id}' data-dot='{one.id}'><span {look}>question {one.number}</span></a>" for one in asked)
    return f"<nav class='quiz-strip' aria-label='Questions'><span>{dots}</span> <span data-score></span></nav>"
