"""What stands on the judge's side for things of the learner's that do not travel: errors, loaders, objects of any class."""

from __future__ import annotations

import builtins
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from helpers.course.one_line import one_line

PLAIN = (type(None), bool, int, float, str)


class Unusable(Exception):
    """The description is not one that the learner's side makes of an honest answer."""


class Other:
    """Stands for an object of a kind that does not travel. Its class bears the object's name, for messages."""

    def __init__(self, words: str):
        self._words = words

    def __repr__(self) -> str:
        return self._words


def short(text: Any, most: int = 100) -> str:
    """The beginning of a text on one line, as a name may be."""
    return one_line(str(text)[:most], 6 * most)


def other(kind: str, words: str) -> Other:
    """An `Other` of a class of this name."""
    return type(short(kind) or "object", (Other,), {})(short(words, 300))


def error_of(content: dict) -> Exception:
    """The error that an answer stopped with: of the same kind if Python knows it, with the learner's own line in its words.

    Raises:
        Unusable: nothing is said of an error.
    """
    if not isinstance(content, dict):
        raise Unusable("neither an effect nor an error")
    first = (str(content.get("words", "")).strip().splitlines() or ["(no message)"])[0]
    kind, words, where = short(content.get("type", "")), short(first, 2000), short(content.get("where", ""), 300)
    known = getattr(builtins, kind, None)
    known = known if isinstance(known, type) and issubclass(known, Exception) else Exception
    text = words + (f" ({where})" if where else "")
    # Its words are given, not formatted again: a KeyError would put them into quotation marks.
    made = type(kind or "Exception", (known,), {"__str__": lambda self: text})
    try:
        return made.__new__(made, text)
    except TypeError:  # ExceptionGroup wants more than words
        return type(kind, (Exception,), {})(text)


class Readings:
    """Stands for a loader, a data set or an iterator of the learner's: each pass through it gives what one pass there gave."""

    def __init__(self, passes: list[tuple[list, Exception | None]]):
        self._passes, self._begun, self._looks = passes, 0, defaultdict(int)

    @classmethod
    def of(cls, kind: str, ways: list[str], passes: list[tuple[list, Exception | None]]) -> Readings:
        """One of a class of this name that can be read in these ways, and in no other."""
        own = {"__iter__": cls._iterate, "__getitem__": cls._item, "__len__": cls._length}
        return type(short(kind) or "object", (cls,), {way: own[way] for way in own if way in ways})(passes)

    def _length(self) -> int:
        return len(self._passes[0][0])

    def _iterate(self) -> Iterator:
        items, error = self._passes[min(self._begun, len(self._passes) - 1)]
        self._begun += 1
        yield from items
        if error is not None:
            raise error

    def _item(self, index: int) -> Any:
        """The item as it was in the first pass, at the second look as in the second, and so on."""
        items, error = self._passes[self._looks[index] % len(self._passes)]
        self._looks[index] += 1
        if error is not None and index >= len(items):
            raise error
        return items[index]
