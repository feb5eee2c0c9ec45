"""The ground that the course's own cards stand on: paper and ink of their own, whatever the theme of the page around them.

A theme changes the colour of the words on a page, and not that of ours. So whatever has colours stands on its own ground,
which is the same in a light theme, in a dark one, on a feedback page and in print.
"""

from helpers.course.palette import INK, PALE, PAPER


def paper(content: str, *, edge: str = PALE, width: str = "56em", attributes: str = "") -> str:
    """HTML for a card.

    Args:
        content: HTML that stands on it, in INK unless it says otherwise.
        edge: the colour of its left edge, from `helpers.course.palette`.
        width: the most that the card takes.
        attributes: more of the card's own HTML, such as ``" role='img'"``.
    """
    look = f"background:{PAPER};color:{INK};border:1px solid {PALE};border-left:5px solid {edge};border-radius:6px"
    return f"<div{attributes} style='{look};padding:.6em 1.1em;margin:.4em 0;max-width:{width}'>{content}</div>"
