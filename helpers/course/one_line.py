"""What somebody else wrote, as one line of plain text: for terminals, tables, notes and pages alike.

A control sequence moves the cursor and colours what follows, a line break forges a line about somebody else, a mark of direction
turns the writing around. None of them is obeyed: each is shown, spelt as Python spells it.
"""

import re

JOINERS = "\u200c\u200d"  # which Persian, Indian scripts and emoji are written with, and which do nothing else


def one_line(text: object, most: int = 1000) -> str:
    """The first `most` characters of `text` on one line; what cannot be seen is spelt, as ``\\n`` and ``\\x1b``."""
    whole = str(text)
    line = "".join(_seen(sign) for sign in whole[:most])
    return line if len(whole) <= most else f"{line} ..."


def heading(words: str) -> str:
    """A Markdown heading's words without links, tags and marks."""
    return re.sub(r"[\[\]<>*`]", "", words)


def _seen(sign: str) -> str:
    """A character that is seen as it is, any space as a space, all else by its number."""
    if sign.isprintable() or sign in JOINERS:
        return sign
    return " " if sign.isspace() and sign not in "\t\r\n\v\f\x1c\x1d\x1e\x1f\x85\u2028\u2029" else ascii(sign)[1:-1]
