"""HTML of the course's that lives: it is redrawn while a kernel runs, and answers clicks. What is saved is plain HTML.

A view is for notebooks in the course's own JupyterLab, or on a server that says it can do the same. Elsewhere (a terminal,
nbconvert, a grader, other pages) there is none, and whatever is shown reads without it. When a notebook is saved,
`helpers.course.saved_page` takes the view out: the HTML shown with it stays.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

SERVER = "FINETUNE_LAB"  # in a server's environment: it has anywidget, and keeps notebooks plain
VIEW_MIME = "application/vnd.jupyter.widget-view+json"


def has_page() -> bool:
    """Whether a view can be shown here: a server that can do so has opened this notebook, and nobody grades it."""
    opened = os.environ.get(SERVER) and os.environ.get("JPY_SESSION_NAME") and not os.environ.get("NBGRADER_EXECUTION")
    return bool(opened) and find_spec("anywidget") is not None


def show_plain(plain: str, words: str) -> None:
    """Display what stands in the place of a view where there is none: HTML, and words for a terminal."""
    from IPython.display import display

    display({"text/plain": words, "text/html": plain}, raw=True)


class LiveView:
    """One view on a page.

    Args:
        html: what it shows at first.
        answer: called with (what was pressed or chosen, its value), both str, as ``data-do`` and ``data-value``, or ``name`` and
            ``value`` of an input, have them; with ("ready", "") when a page shows it. It runs when the kernel is idle.
        controls: HTML below, which is never redrawn: what is being dragged stays under the pointer.
    """

    def __init__(self, html: str, answer: Callable[[str, str], None] = lambda do, value: None, controls: str = "") -> None:
        self.widget = _page()(html=html, controls=controls)
        self.widget.on_msg(lambda _, message, __: answer(str(message.get("do", "")), str(message.get("value", ""))))

    def draw(self, html: str, said: str = "") -> None:
        """Show `html` in place of what stands there; `said` is plain text that a screen reader reads out."""
        with self.widget.hold_sync():
            self.widget.html, self.widget.said, self.widget.turn = html, said, self.widget.turn + 1

    def fill(self, cell: str, text: str, over: list[str]) -> None:
        """Have the page write `text` into the cell with this id, if it says one of `over`, apart from blanks around it.

        The answer comes as ("filled", how): ``"yes"``, ``"kept"`` where somebody wrote something else, ``"none"`` where the page
        cannot write.
        """
        self.widget.send({"fill": {"cell": cell, "text": text, "over": over}})

    def read(self, cell: str) -> None:
        """Have the page tell what stands in the cell with this id: ("source", text), or ("filled", "none") where it cannot."""
        self.widget.send({"read": cell})

    def show(self, plain: str, words: str) -> Any:
        """Display the view; returns the display's handle.

        Args:
            plain: the HTML that a saved page keeps.
            words: the same for a terminal.
        """
        from IPython.display import display

        view = {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}
        return display({"text/plain": words, "text/html": plain, VIEW_MIME: view}, raw=True, display_id=True)


@cache
def _page() -> type:
    """The widget's class; made when it is first wanted: importing anywidget takes a moment."""
    import anywidget
    import traitlets

    class Page(anywidget.AnyWidget):
        _esm = Path(__file__).with_suffix(".js")
        html = traitlets.Unicode().tag(sync=True)
        controls = traitlets.Unicode().tag(sync=True)
        said = traitlets.Unicode().tag(sync=True)
        turn = traitlets.Int().tag(sync=True)

    return Page
