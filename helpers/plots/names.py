"""Words that learners chose, as pictures can show them: in any script, of any length, and never taken for a formula.

    drawn = fit(class_names, longest=24)
    ax.set_yticks(places, drawn.labels, **drawn.style)
    note(ax, drawn.key)          # "" where every word can be drawn

Where no installed font has a word's characters, a plain stand-in is drawn in its place, and `look.show` writes the key below
the picture: a browser has fonts for what matplotlib has none for.
"""

import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

from matplotlib import font_manager, ft2font, rcParams

# Fonts whose names are worth trying first, since they hold a script or many: macOS, Windows, Linux.
LIKELY = ("Noto Sans", "PingFang", "Hiragino", "Microsoft YaHei", "Yu Gothic", "Malgun", "Arial Unicode", "WenQuanYi", "Nirmala")
# Matplotlib's own font of boxes with the number of the block inside: no reading matter.
NO_LETTERS = "Last Resort"


class Drawn(NamedTuple):
    """Words ready for a picture.

    Attributes:
        labels: one for each word, cut where it was too long, a stand-in where it cannot be drawn.
        style: for `Axes.text` and tick labels: the fonts, and that ``$`` is a letter.
        key: what the stand-ins stand for, empty if there are none.
    """

    labels: list[str]
    style: dict
    key: str


def fit(words: Sequence[str], longest: int | None = None, stand_in: Callable[[int], str] = "class {}".format) -> Drawn:
    """The words as labels of at most `longest` columns (an ideograph takes two), different ones cut so that they stay different.

    Args:
        words: names of classes, or captions.
        longest: default: never cut.
        stand_in: place of a word -> what is drawn where no font has its characters.
    """
    words = [str(word) for word in words]
    families, blank = _families(tuple(words), tuple(rcParams["font.family"]))
    labels = [stand_in(place) if word in blank else word for place, word in enumerate(words)]
    key = "; ".join(f"{label}: {' '.join(word.split())}" for label, word in zip(labels, words, strict=True) if word in blank)
    if longest is not None:
        labels = _cut(labels, longest)
    return Drawn(labels, {"parse_math": False, "fontfamily": [*rcParams["font.family"], *families]}, key)


def width(text: str) -> int:
    """Columns that the text takes: two for each ideograph, none for a mark on top of another character."""
    return sum((unicodedata.east_asian_width(c) in "WF") + 1 for c in text if not unicodedata.combining(c))


def _cut(words: list[str], longest: int) -> list[str]:
    shown = [_shortened(word, longest - 1, 0) for word in words]
    if len(set(shown)) < len(set(words)):  # alike in front: keep the ends as well
        shown = [_shortened(word, longest // 2, longest - longest // 2 - 1) for word in words]
    if len(set(shown)) < len(set(words)):
        shown = [f"{_shortened(word, longest - 5, 0)} {place}" for place, word in enumerate(words)]
    return shown


def _shortened(word: str, head: int, tail: int) -> str:
    """The word, or as much of its beginning and its end as so many columns hold."""
    if width(word) <= head + tail + 1:
        return word
    return _columns(word, head) + "\N{HORIZONTAL ELLIPSIS}" + _columns(word[::-1], tail)[::-1]


def _columns(word: str, most: int) -> str:
    kept = ""
    for character in word:
        if width(kept + character) > most:
            break
        kept += character
    return kept


@cache
def _families(words: tuple[str, ...], usual: tuple[str, ...]) -> tuple[tuple[str, ...], frozenset[str]]:
    """(families that the words need beside the usual ones, those words that no font can draw)."""
    paths = [font_manager.findfont(font_manager.FontProperties(family=[family])) for family in usual]
    families, blank = [], set()
    for word in dict.fromkeys(words):
        missing = frozenset(c for c in word if not _unseen(c) and not any(_has(path, c) for path in paths))
        other = _font_with(missing) if missing and _can_be_set(word) else ""
        if other:
            families.append(other)
        elif missing or not _can_be_set(word):
            blank.add(word)
    return tuple(dict.fromkeys(families)), frozenset(blank)


def _unseen(character: str) -> bool:
    """Blanks and joiners: no font has to draw them."""
    return character.isspace() or (unicodedata.category(character) in ("Cf", "Mn") and not unicodedata.combining(character))


def _can_be_set(word: str) -> bool:
    """Whether this matplotlib can join the word's letters: before 3.11 it set one after another, from left to right."""
    if getattr(ft2font, "__libraqm_version__", None):
        return True
    return not any(unicodedata.bidirectional(c) in ("R", "AL") or unicodedata.category(c) == "Mc" for c in word)


@cache
def _has(path: str, character: str) -> bool:
    """Whether the font can draw the character; fonts of coloured pictures hold characters that matplotlib cannot draw."""
    try:
        font = font_manager.get_font(path)
        if not font.get_char_index(ord(character)):
            return False
        font.load_char(ord(character))
    except (OSError, RuntimeError):
        return False
    return True


@cache
def _font_with(characters: frozenset[str]) -> str:
    """The family of an installed font that has all of the characters, an ordinary one if possible; "" if none has."""

    def rank(entry: font_manager.FontEntry) -> tuple:
        likely = next((place for place, name in enumerate(LIKELY) if entry.name.startswith(name)), len(LIKELY))
        return likely, entry.style != "normal", entry.weight not in (400, "normal", "regular"), entry.name

    for entry in sorted(font_manager.fontManager.ttflist, key=rank):
        if not entry.name.startswith(NO_LETTERS) and all(_has(entry.fname, character) for character in characters):
            return entry.name
    return ""
