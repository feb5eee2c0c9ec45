"""Code and its output as HTML with the styles in it: it looks the same in a notebook, in print, and on a feedback page."""

import re
from html import escape

from pygments import lex
from pygments.lexers import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, String

from helpers.course.palette import BLUE, FAULT, GREEN, INK, PALE, PAPER, SOFT_INK, TINT
from helpers.course.paper import MONO, code

PANEL = f"{MONO};line-height:1.45;margin:.4em 0;padding:.55em .9em;white-space:pre-wrap;border-radius:5px;color:{INK}"
# The first kind of token that fits gives the colour; contrast with the pale ground is at least 4.5 : 1.
COLOURS = (
    (Comment, f"color:{SOFT_INK};font-style:italic"),
    (Keyword, f"color:{BLUE};font-weight:600"),
    (Operator.Word, f"color:{BLUE};font-weight:600"),
    (Name.Builtin, f"color:{BLUE}"),
    (String, f"color:{GREEN}"),
    (Number, f"color:{FAULT}"),
)
LINK = "style='color:inherit;border-bottom:1px solid'"  # legible on light and on dark ground
_PIECES = re.compile(r"`([^`]+)`|\[([^\]]+)\]\((https://[^)\s]+)\)|\*([^*]+)\*")


def highlighted(source: str) -> str:
    """Python source as a panel, coloured."""
    pieces = "".join(_coloured(kind, text) for kind, text in lex(source.strip("\n"), PythonLexer(ensurenl=False)))
    return f"<pre style='{PANEL};background:{TINT};border:1px solid {PALE}'>{pieces}</pre>"


def _coloured(kind: object, text: str) -> str:
    style = next((style for token, style in COLOURS if kind in token), "")
    return f"<span style='{style}'>{escape(text)}</span>" if style and text.strip() else escape(text)


def printed(text: str) -> str:
    """What code printed or raised, as a panel that is told from code by the words above and by its frame."""
    return (
        f"<div style='color:{SOFT_INK};font-size:12px;margin-top:.4em'>it shows</div>"
        f"<pre style='{PANEL};margin-top:.1em;background:{PAPER};border:1px dashed {SOFT_INK}'>{escape(text)}</pre>"
    )


def prose(text: str) -> str:
    """A sentence as HTML: `code`, *emphasis* and [links](https://...) in it are shown as such, all else as it stands."""
    return _PIECES.sub(_piece, escape(text))  # none of the signs that mark a piece is one that escaping touches or brings


def _piece(match: re.Match[str]) -> str:
    snippet, words, address, strong = match.groups()
    if snippet:
        return code(snippet)
    return f"<a href='{address}' {LINK}>{words}</a>" if words else f"<em>{strong}</em>"


def as_text(text: str) -> str:
    """What `prose` shows, for a terminal: a link is followed by its address."""
    return _PIECES.sub(lambda match: f"{match[2]} ({match[3]})" if match[2] else match[4] or match[0], text)
