"""What a question of the quiz is: one with options to choose from, or one with items to put in order."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Option:
    """One option of a question.

    Attributes:
        letter: ``"a"`` to ``"d"``, by its place in the file.
        text: in words; may be empty where the option is code.
        code: Python that a learner can run; may be empty.
        shows: what it prints or raises when it is run, "…" standing for anything; empty without the key.
        why: why it is right, or which misunderstanding it is; empty without the key.
    """

    letter: str
    text: str = ""
    code: str = ""
    shows: str = ""
    why: str = ""


@dataclass(frozen=True)
class Item:
    """One item to be put in its place.

    Attributes:
        letter: by its place in the file.
        text: what it does, in few words.
        code: the line of a program; empty where the item is none.
        needs: letter of an item that must come earlier -> the reason; empty for those that can come first, and without the key.
    """

    letter: str
    text: str
    code: str = ""
    needs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    """What both kinds of question have.

    Attributes:
        id: the ``grade_id`` of its answer cell, such as ``"q01_why_freeze"``.
        section: the part of the quiz.
        text: what is asked.
        level: ``"easy"``, ``"medium"`` or ``"hard"``.
        hint: what to think of first; gives nothing away.
        link: the cell of a lesson that shows it, such as ``"03_freeze_base#not-freezing"``.
        setup: Python that runs before all else, the file's imports included; shown folded.
        code: Python of the question itself; runs after an option's own lines.
        shows: what `code` prints or raises on its own; empty without the key.
        steps: the way to the answer, sentence by sentence; empty without the key.
        mistakes: what is often got wrong here; empty without the key.
        check: Python that shows the answer at work, after `setup`; empty without the key.
        check_shows: what `check` prints; empty without the key.
    """

    id: str
    section: str
    text: str
    level: str
    hint: str
    link: str
    setup: str = ""
    code: str = ""
    shows: str = ""
    steps: tuple[str, ...] = ()
    mistakes: tuple[str, ...] = ()
    check: str = ""
    check_shows: str = ""

    @property
    def number(self) -> int:
        """1, 2, ... as in its id."""
        return int(self.id[1:3])


@dataclass(frozen=True)
class ChoiceQuestion(Question):
    """A question with four options, one of them right.

    Attributes:
        options: in the order of their letters.
        right: the letter of the right one; empty without the key.
    """

    options: tuple[Option, ...] = ()
    right: str = ""

    @property
    def letters(self) -> str:
        """The letters that can be chosen."""
        return "".join(option.letter for option in self.options)

    @property
    def has_key(self) -> bool:
        """Whether it can be marked."""
        return bool(self.right)

    def option(self, letter: str) -> Option:
        """The option with this letter."""
        return self.options[self.letters.index(letter)]


@dataclass(frozen=True)
class OrderingQuestion(Question):
    """A question whose items are put in order; see `helpers.checks.quiz.ordering` for which orders count.

    Attributes:
        items: in the order of their letters, which is none of the right ones.
    """

    items: tuple[Item, ...] = ()

    @property
    def letters(self) -> str:
        """The letters of all items."""
        return "".join(item.letter for item in self.items)

    @property
    def has_key(self) -> bool:
        """Whether it can be marked."""
        return any(item.needs for item in self.items)

    def item(self, letter: str) -> Item:
        """The item with this letter."""
        return self.items[self.letters.index(letter)]
