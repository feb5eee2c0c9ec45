"""A question as it is shown: HTML that reads without a kernel, and text for a terminal."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape

from helpers.checks.code_listing import as_text, highlighted, printed, prose
from helpers.checks.quiz.explanation import fold, folded, hint_html
from helpers.checks.quiz.ordering import spaced
from helpers.checks.quiz.question_kinds import ChoiceQuestion, Item, Option, OrderingQuestion
from helpers.checks.report import LOOKS, NOT_YET, NOTED, RIGHT
from helpers.course.palette import BLUE, INK, PALE, PAPER, SOFT_INK, TINT
from helpers.course.paper import MONO, button, paper

SMALL = f"color:{SOFT_INK};font-size:13px"
VERDICTS = {RIGHT: "Right.", NOT_YET: "Not this one."}


@dataclass(frozen=True)
class Card:
    """A question with what has been chosen and tried so far.

    Attributes:
        question: what is asked.
        chosen: the letter of the chosen option, or the letters of the items in the order chosen so far.
        verdict: what the choice is worth, one of `helpers.checks.report`'s words; empty if nothing is said of it.
        reply: HTML of what is to be said to an order.
        said: HTML to stand at the end, such as what to do next.
        tried: letter of an option (empty for the question's own code) -> what its run printed.
        explained: whether the way to the answer may be told here and now: then it is there, folded.
        checked: what a run of the quick check printed.
        live: whether a page listens to clicks: options and items are controls then.
        runs: whether code can be run there.
    """

    question: ChoiceQuestion | OrderingQuestion
    chosen: str = ""
    verdict: str = ""
    reply: str = ""
    said: str = ""
    tried: Mapping[str, str] = field(default_factory=dict)
    explained: bool = False
    checked: str = ""
    live: bool = False
    runs: bool = True

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
            alone = question.code and not any(option.code for option in question.options)
            middle += button("Run it", "run") if self._runs and alone else ""
            middle += "".join(self._option(option) for option in question.options)
        else:
            middle = "".join(self._item(item) for item in question.items) + self._order() + self._steps()
        heading = f"<div style='{SMALL}'>{escape(_heading(question))}</div>"
        look = "font-weight:600;font-size:15px;padding:0;margin:.35em 0 .6em"
        if self.live:
            legend = f"<legend style='{look}'>{prose(question.text)}</legend>"
            middle = f"<fieldset style='border:0;margin:0;padding:0;min-width:0'>{legend}{middle}</fieldset>"
        else:
            middle = f"<div style='{look}'>{prose(question.text)}</div>{middle}"
        return paper(f"{heading}{middle}{self.reply}{self.said}{self._folds()}", edge=BLUE)

    @property
    def _runs(self) -> bool:
        return self.live and self.runs

    def _folds(self) -> str:
        """What is there on request: the lines that run before, the hint, and the way to the answer where it may be told."""
        question = self.question
        folds = _before(question) + fold("Hint", hint_html(question))
        told = folded(question, checked=self.checked) if self.explained else ""
        check = button("Run the quick check", "check") if self._runs and self.explained else ""
        return f"<div style='margin-top:.7em'>{folds}{told}{check}</div>"

    def _option(self, option: Option) -> str:
        chosen = option.letter == self.chosen
        colour, sign = LOOKS[self.verdict] if chosen and self.verdict else (SOFT_INK, "")
        words = f"<div>{prose(option.text)}</div>" if option.text else ""
        below = button(f"Run {option.letter}", "run", option.letter) if self._runs and option.code else ""
        below += printed(self.tried[option.letter]) if option.letter in self.tried else ""
        if chosen and option.why and self.verdict in VERDICTS:
            verdict = f"<b style='color:{colour}'><span aria-hidden='true'>{sign}</span> {VERDICTS[self.verdict]}</b>"
            below += f"<div style='margin-top:.3em'>{verdict} {prose(option.why)}</div>"
        frame = f"border:2px solid {colour};margin:.35em 0" if chosen else f"border:1px solid {PALE};padding:1px;margin:.35em 0"
        return self._row(option.letter, words + (highlighted(option.code) if option.code else ""), below, frame, chosen)

    def _row(self, letter: str, content: str, below: str, frame: str, chosen: bool) -> str:
        """An option's card: where a page listens, all of it but what stands `below` is the label of one native radio button."""
        tag, radio = "div", ""
        if self.live:
            name, key = self.question.id, f"{self.question.id} {letter}"
            tag, look = "label", f"style='margin:.25em .7em 0 0;flex:none;align-self:flex-start;accent-color:{BLUE}'"
            radio = f"<input type='radio' name='{name}' value='{letter}' data-key='{key}'{' checked' * chosen} {look}>"
        inner = f"{radio}{_badge(letter)}<div style='min-width:0;width:100%'>{content}</div>"
        row = f"<{tag} style='display:flex;padding:.4em .8em{';cursor:pointer' * self.live}'>{inner}</{tag}>"
        return f"<div style='{frame};border-radius:5px'>{row}{_below(below)}</div>"

    def _item(self, item: Item) -> str:
        place = self.chosen.find(item.letter) + 1
        ordinal = f"<span style='{SMALL}'> &nbsp;· place {place}</span>" if place else ""
        code = f"{prose(f'`{item.code}`')} &nbsp;" if item.code else ""
        inner = f"{_badge(item.letter)}<span>{code}{prose(item.text)}{ordinal}</span>"
        look = f"display:flex;border:1px solid {PALE};border-radius:5px;padding:.4em .8em;margin:.35em 0"
        if not self.live:
            return f"<div style='{look}'>{inner}</div>"
        told = f"data-do='add' data-value='{item.letter}' data-key='add {item.letter}'{' disabled' * bool(place)}"
        plain = f"width:100%;text-align:left;font:inherit;color:{INK};background:{TINT if place else PAPER}"
        return f"<button type='button' {told} style='{look};{plain}{'' if place else ';cursor:pointer'}'>{inner}</button>"

    def _steps(self) -> str:
        """What can be done with an order, where a page listens."""
        if not self.live:
            return ""
        whole = len(self.chosen) == len(self.question.items)
        undo = button("Undo", "undo", enabled=bool(self.chosen)) + button("Start again", "again", enabled=bool(self.chosen))
        return undo + (button("Run my order", "run", self.chosen, enabled=whole) if self.question.code else "")

    def spoken(self) -> str:
        """The verdict for a screen reader; empty without one."""
        if isinstance(self.question, OrderingQuestion) or self.verdict not in VERDICTS:
            return {RIGHT: "Right.", NOT_YET: "Not this order.", NOTED: "Noted."}.get(self.verdict, "")
        return f"{VERDICTS[self.verdict]} {as_text(self.question.option(self.chosen).why)}".replace("`", "")

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


def _badge(letter: str) -> str:
    return f"<span style='{MONO};font-weight:700;color:{BLUE};min-width:1.6em;padding:1px 0 0'>{letter}</span>"


def _below(content: str) -> str:
    return f"<div style='padding:0 .8em .5em 2.6em'>{content}</div>" if content else ""


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


def answer_line(question: ChoiceQuestion | OrderingQuestion, letters: str) -> str:
    """The line of an answer cell that says these letters."""
    return f'{question.id} = "{spaced(letters)}"'


def next_step(question: ChoiceQuestion | OrderingQuestion, letters: str, status: str, how: str = "none") -> str:
    """What to do now that `letters` have been chosen, as HTML for the end of a card.

    Args:
        how: ``"yes"`` where the answer cell says so already, ``"kept"`` where somebody wrote something else; else ``"none"``.
    """
    again = "choose another one" if isinstance(question, ChoiceQuestion) else "try another order"
    words = {NOT_YET: f"Think again, and {again}. ", NOTED: "The explanation comes with the feedback. "}.get(status, "")
    if how == "yes":
        words += "Your choice stands in the cell below, and counts as your answer."
    elif how == "kept":
        words += "The cell below says something else, which you wrote yourself: that counts. To change it, write there."
    elif status != NOT_YET:
        line = highlighted(answer_line(question, letters))
        line += f"<div style='{SMALL}'>{words}</div>"
        return f"<div style='margin-top:.6em'>Write it into the cell below, and run that cell:{line}</div>"
    return f"<div style='margin-top:.6em;{SMALL}'>{words}</div>"
