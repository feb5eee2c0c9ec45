"""The ground that the course's own cards stand on: paper and ink of their own, whatever the theme of the page around them.

A theme changes the colour of the words on a page, and not that of ours. So whatever has colours stands on its own ground,
which is the same in a light theme, in a dark one, on a feedback page and in print.
"""

import re
from html import escape

from helpers.course.palette import INK, PALE, PAPER, SOFT_INK, TINT

MONO = "font-family:Menlo,Consolas,monospace;font-size:13px"
_CODE = re.compile(r"`([^`\n]+)`")


def paper(content: str, *, edge: str = PALE, width: str = "56em", attributes: str = "") -> str:
    """HTML for a card.

    Args:
        content: HTML that stands on it, in INK unless it says otherwise.
        edge: the colour of its left edge, from `helpers.course.palette`.
        width: the most that the card takes.
        attributes: more of the card's own HTML, such as ``" role='img'"``.
    """
    look = f"background:{PAPER};color:{INK};color-scheme:light"
    frame = f"border:1px solid {PALE};border-left:5px solid {edge};border-radius:6px"
    return f"<div{attributes} style='{look};{frame};padding:.6em 1.1em;margin:.4em 0;max-width:{width}'>{content}</div>"


def button(words: str, do: str, value: str = "", *, enabled: bool = True, interrupt: str = "") -> str:
    """HTML for a button on a card that lives (`helpers.course.live_view`).

    Args:
        words: what stands on it.
        do, value: what the view's kernel is told when it is pressed.
        enabled: whether it can be pressed.
        interrupt: the id of the kernel that it interrupts instead, which may be busy; empty for none.
    """
    look = f"font:inherit;font-size:13px;color:{INK};background:{TINT};border:1px solid {SOFT_INK};border-radius:4px"
    seen = "padding:.2em .8em;margin:.3em .4em 0 0;" + ("cursor:pointer" if enabled else "opacity:.5")
    stop = f" data-interrupt='{escape(interrupt)}'" * bool(interrupt)
    told = f"data-do='{do}' data-value='{escape(value)}' data-key='{do} {escape(value)}'{stop}"
    return f"<button type='button' {told}{'' if enabled else ' disabled'} style='{look};{seen}'>{escape(words)}</button>"


def with_code(text: str) -> str:
    """Plain text as HTML; what stands between backticks is shown as code."""
    return _CODE.sub(lambda match: code(match[1]), escape(text))


def code(escaped: str) -> str:
    """A piece of code in a sentence, as HTML; `escaped` already."""
    return f"<code style='{MONO};background:{TINT};color:{INK};padding:.05em .3em;border-radius:3px'>{escaped}</code>"
