"""A question as it is shown: HTML that reads without a kernel, and text for a terminal."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape

from helpers.checks.code_listing import MONO, as_text, highlighted, printed, prose
from helpers.checks.quiz.explanation import fold, folded, hint_html
from helpers.checks.quiz.question_kinds import ChoiceQuestion, Item, Option, OrderingQuestion
from helpers.checks.report import LOOKS, NOT_YET, NOTED, RIGHT
from helpers.course.palette import BLUE, PALE, SOFT_INK
from helpers.course.paper import paper

SMALL = f"color:{SOFT_INK};font-size:13px"
VERDICTS = {RIGHT: "Right.", NOT_YET: "Not this one."}


@dataclass(frozen=True)
class Card:
    """A question with what has been chosen and tried so far.

    Attributes:
        question: what is asked.
        chosen: the letter of the chosen option, or the letters of the items in the order chosen so far.
        verdict: what the choice is worth, one of `helpers.checks.report`'s words; empty if nothing is said of it.
        said: HTML to stand at the end, such as what to do next.
        tried: letter of an option (empty for the question's own code) -> what its run printed.
        explained: whether the way to the answer may be told here and now: then it is there, folded.
        checked: what a run of the quick check printed.
    """

    question: ChoiceQuestion | OrderingQuestion
    chosen: str = ""
    verdict: str = ""
    said: str = ""
    tried: Mapping[str, str] = field(default_factory=dict)
    explained: bool = False
    checked: str = ""

    def __repr__(self) -> str:
        question = self.question
        code = question.code if isinstance(question, ChoiceQuestion) else ""
        lines = [_heading(question), as_text(question.text), *_indented(code)]
        for part in question.options if isinstance(question, ChoiceQuestion) else question.items:
            words = as_text(part.text)
            lines += [f"  {part.letter}  {words}" if words else f"  {part.letter}", *_indented(part.code, "     ")]
        return "\n".join([*lines, f'quiz.hint("{question.id}") gives a hint, quiz.solution("{question.id}") the way in steps.'])

    def _repr_html_(self) -> str:
        question = self.question
        if isinstance(question, ChoiceQuestion):
            middle = _stem(question) + (printed(self.tried[""]) if "" in self.tried else "")
            middle += "".join(self._option(option) for option in question.options)
        else:
            middle = "".join(self._item(item) for item in question.items) + self._order()
        heading = f"<div style='{SMALL}'>{escape(_heading(question))}</div>"
        asked = f"<div style='font-weight:600;font-size:15px;margin:.35em 0 .6em'>{prose(question.text)}</div>"
        return paper(f"{heading}{asked}{middle}{self.said}{self._folds()}", edge=BLUE)

    def _folds(self) -> str:
        """What is there on request: the lines that run before, the hint, and the way to the answer where it may be told."""
        question = self.question
        folds = _before(question) + fold("Hint", hint_html(question))
        told = folded(question, checked=self.checked) if self.explained else ""
        return f"<div style='margin-top:.7em'>{folds}{told}</div>"

    def _option(self, option: Option) -> str:
        chosen = option.letter == self.chosen
        colour, sign = LOOKS[self.verdict] if chosen and self.verdict else (SOFT_INK, "")
        words = f"<div style='padding:1px 0 0'>{prose(option.text)}</div>" if option.text else ""
        code = highlighted(option.code) if option.code else ""
        tried = printed(self.tried[option.letter]) if option.letter in self.tried else ""
        why = ""
        if chosen and option.why and self.verdict in VERDICTS:
            verdict = f"<b style='color:{colour}'><span aria-hidden='true'>{sign}</span> {VERDICTS[self.verdict]}</b>"
            why = f"<div style='margin-top:.3em'>{verdict} {prose(option.why)}</div>"
        frame = f"border:2px solid {colour}" if chosen else f"border:1px solid {PALE}"
        return _row(option.letter, words + code + tried + why, frame)

    def _item(self, item: Item) -> str:
        place = self.chosen.find(item.letter) + 1
        ordinal = f"<span style='{SMALL}'> &nbsp;· place {place}</span>" if place else ""
        code = f"{prose(f'`{item.code}`')} &nbsp;" if item.code else ""
        words = f"<div style='padding:1px 0 0'>{code}{prose(item.text)}{ordinal}</div>"
        return _row(item.letter, words, f"border:1px solid {PALE}")

    def _order(self) -> str:
        """The order chosen so far: a program as a program, steps as a list."""
        if not self.chosen:
            return ""
        items = [self.question.item(letter) for letter in self.chosen]
        if all(item.code for item in items):
            listing = highlighted("\n".join(item.code for item in items))
        else:
            steps = "".join(f"<li>{prose(item.text)} <span style='{SMALL}'>({item.letter})</span></li>" for item in items)
            listing = f"<ol style='margin:.2em 0;padding-left:1.6em'>{steps}</ol>"
        tried = printed(self.tried[self.chosen]) if self.chosen in self.tried else ""
        title = "your order" if len(items) == len(self.question.items) else "your order so far"
        return f"<div style='{SMALL};margin-top:.7em'>{title}</div>{listing}{tried}"


def _heading(question: ChoiceQuestion | OrderingQuestion) -> str:
    return f"{question.section} · question {question.number} · {question.level}"


def _stem(question: ChoiceQuestion) -> str:
    """The question's own code; where options are code as well, with a word on how the two belong together."""
    if not question.code:
        return ""
    label = "runs after the lines that you choose" if any(option.code for option in question.options) else ""
    return (f"<div style='{SMALL}'>{label}</div>" if label else "") + highlighted(question.code)


def _row(letter: str, content: str, frame: str) -> str:
    badge = f"{MONO};font-weight:700;color:{BLUE};min-width:1.6em;padding:1px 0 0"
    return (
        f"<div style='display:flex;{frame};border-radius:5px;padding:.4em .8em;margin:.35em 0'>"
        f"<div style='{badge}'>{letter}</div><div style='min-width:0;width:100%'>{content}</div></div>"
    )


def _before(question: ChoiceQuestion | OrderingQuestion) -> str:
    """What runs around the lines that are shown."""
    parts = question.options if isinstance(question, ChoiceQuestion) else question.items
    if not question.setup or not any(part.code for part in (question, *parts)):
        return ""
    after = question.code if isinstance(question, OrderingQuestion) else ""
    title = "What runs before and after these lines" if after else "What runs before these lines"
    return fold(title, highlighted(question.setup) + (highlighted(after) if after else ""))


def _indented(code: str, by: str = "    ") -> list[str]:
    return [by + line for line in code.strip("\n").splitlines()]


def next_step(question: ChoiceQuestion | OrderingQuestion, answer: str, status: str) -> str:
    """What to do now that `answer` has been chosen, as HTML for the end of a card."""
    line = f'{question.id} = "{answer}"'
    if status == NOT_YET:
        again = "choose another one" if isinstance(question, ChoiceQuestion) else "try another order"
        return f"<div style='margin-top:.6em;{SMALL}'>Think again, and {again}.</div>"
    later = f"<div style='{SMALL}'>The explanation comes with the feedback.</div>" if status == NOTED else ""
    return f"<div style='margin-top:.6em'>Write it into the cell below, and run that cell:{highlighted(line)}{later}</div>"
