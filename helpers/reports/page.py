"""A report page: one HTML file that reads on a phone, prints on paper, and loads nothing from anywhere.

Pages are Jinja2 templates. ``templates/page.html`` is the shell of all of them and ``page.css`` their look; ``strategy.html``
fills the shell, and so does the class report's own template, which stays with the grading. Values are data: the environment
escapes each of them, and `shown` takes out what could turn the writing around, so no template has to think of either.
"""

from __future__ import annotations

import io
import re
from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from helpers.course.palette import BLUE, FAULT, GREEN, INK, PALE, PAPER, SOFT_INK
from helpers.plots.look import key_of, text_alternative

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from PIL.Image import Image

TEMPLATES = Path(__file__).with_name("templates")
# The browser is told to run no script and to load nothing.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
COLOURS = {"ink": INK, "soft": SOFT_INK, "pale": PALE, "paper": PAPER, "blue": BLUE, "green": GREEN, "fault": FAULT}
DOTS = 130  # per inch: sharp enough on paper, and some 50 kB a figure
PHOTO = 224  # pixels of a small picture's longer side
# Control characters, marks that turn the direction of writing, and halves of characters.
_UNSHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def fill(template: Path, **values: object) -> str:
    """The page that `template`, which extends ``page.html``, makes of the values.

    Raises:
        jinja2.UndefinedError: the template asks for a value that is not given.
    """
    return _environment(template.parent).get_template(template.name).render(policy=Markup(POLICY), colours=COLOURS, **values)


@cache
def _environment(folder: Path) -> Environment:
    values_are_data = {"autoescape": True, "finalize": shown, "undefined": StrictUndefined}
    lines = {"trim_blocks": True, "lstrip_blocks": True, "keep_trailing_newline": True}
    return Environment(loader=FileSystemLoader([folder, TEMPLATES]), **values_are_data, **lines)


def shown(value: object) -> str:
    """`value` as text in which a sign stands for each character that cannot be seen; what is HTML already stays HTML."""
    text = _UNSHOWN.sub("\N{REPLACEMENT CHARACTER}", str(value))
    return Markup(text) if isinstance(value, Markup) else text


def numbers(rows: Sequence[Sequence[str]]) -> set[int]:
    """The places of a table's columns that hold numbers in every row below the first; the first column names the rows."""
    return {place for place in range(1, len(rows[0])) if all(re.fullmatch(r"[\d.,]*%?", row[place]) for row in rows[1:])}


class Picture(NamedTuple):
    """A picture on a page: an address that needs no network, what it shows for whoever cannot see it, and what stands under it.

    Its width is the most that it takes on a wide screen, in letters' heights (rem).
    """

    source: str
    words: str
    caption: str
    width: int = 46


def drawn(ax: Axes, caption: str, width: int = 46) -> Picture:
    """A plot as a picture with its text alternative; what it cannot draw stands in the caption. The figure is closed."""
    from matplotlib import pyplot as plt

    file = io.BytesIO()
    figure = ax.get_figure(root=True)
    figure.savefig(file, format="png", dpi=DOTS, facecolor=PAPER)
    plt.close(figure)
    key = key_of(figure)
    return Picture(_address(file), text_alternative(ax), f"{caption} {key}." if key else caption, width)


def small(image: Image, caption: str) -> Picture:
    """An image as a small picture; the caption is its text alternative as well."""
    from PIL import ImageOps

    file = io.BytesIO()
    ImageOps.contain(image.convert("RGB"), (PHOTO, PHOTO)).save(file, format="PNG")
    return Picture(_address(file), caption, caption)


def _address(file: io.BytesIO) -> str:
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"
