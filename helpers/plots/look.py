"""How all pictures look, and how they are shown: one palette, one text alternative each."""

from __future__ import annotations

import io
import math
from base64 import b64encode
from html import escape
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from helpers.course.palette import BLUE, GREEN, INK, PALE, PAPER, PURPLE, SOFT_INK, VERMILLION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The same line in every picture, told apart by dash and marker as well as by colour.
LINES = {
    "train": {"color": BLUE, "linestyle": "-", "marker": "o", "label": "training images"},
    "val": {"color": VERMILLION, "linestyle": "--", "marker": "s", "label": "validation images"},
    "real": {"color": SOFT_INK, "linestyle": "-.", "marker": "v", "label": "recorded run on 4000 digits, validation"},
    "reference": {"color": SOFT_INK, "linestyle": ":", "marker": "D", "label": "illustration of a typical run, not measured"},
}
CHANCE = {"color": PURPLE, "linestyle": (0, (1, 3)), "linewidth": 1.6, "zorder": 1}

# The same filling in every picture: what is frozen is hatched, like ice.
FILLS = {
    True: {"facecolor": "#E1E8EF", "edgecolor": "#B4C0CC", "hatch": "////"},
    False: {"facecolor": GREEN, "edgecolor": GREEN, "hatch": ""},
    "mixed": {"facecolor": "#A6D9C8", "edgecolor": GREEN, "hatch": "//"},
    None: {"facecolor": PAPER, "edgecolor": PALE, "hatch": ""},
}
_STRIPES = "repeating-linear-gradient(45deg,{0} 0,{0} 5px,{1} 5px,{1} 6px)"
# The same in HTML.
GROUNDS = {
    key: _STRIPES.format(fill["facecolor"], fill["edgecolor"]) if fill["hatch"] else fill["facecolor"]
    for key, fill in FILLS.items()
}
FROZEN_WORDS = {True: "frozen", False: "trainable", "mixed": "partly frozen", None: "no weights"}

DOTS = (200, 100)  # per inch: sharp on a screen with two dots a pixel, and on an enlarged page; fewer for photographs
MOST_BYTES = 250_000  # of a picture with so many dots: a notebook holds it twice, and a grader keeps a million bytes of a cell
EM = 7  # widths of an M that an inch of a picture takes: letters of 10 points are then as large as a page's
SMALLEST = 40  # the least width in such widths

_alternatives: WeakKeyDictionary[Axes, str] = WeakKeyDictionary()
_keys: WeakKeyDictionary[Axes, str] = WeakKeyDictionary()


def new_axes(width: float, height: float) -> Axes:
    """Fresh axes in a figure of their own; sizes in inches (a notebook column is about 11 wide)."""
    from matplotlib import pyplot as plt

    figure, ax = plt.subplots(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1)
    return ax


def describe(ax: Axes, text: str) -> Axes:
    """The axes, which now have `text` as their text alternative."""
    _alternatives[ax] = text
    return ax


def text_alternative(picture: Axes | Figure) -> str:
    """What the picture shows, in words; of a figure, the words of all its axes in turn. Empty if nobody described it."""
    axes = picture.axes if hasattr(picture, "axes") and isinstance(picture.axes, list) else [picture]
    return " ".join(_alternatives[ax] for ax in axes if ax in _alternatives)


def note(ax: Axes, key: str) -> Axes:
    """The axes, below which `key` is to be written: words that no font here can draw. Nothing for an empty one."""
    if key:
        _keys[ax] = key
    return ax


def key_of(picture: Axes | Figure) -> str:
    """What is to be written below the picture; of a figure, that of all its axes in turn."""
    axes = picture.axes if isinstance(getattr(picture, "axes", None), list) else [picture]
    return "; ".join(dict.fromkeys(_keys[ax] for ax in axes if ax in _keys))


def show(picture: Axes | Figure) -> None:
    """Show a picture in the notebook with its text alternative, and close it. In a terminal the words alone are printed."""
    from IPython import get_ipython
    from IPython.display import display
    from matplotlib import pyplot as plt

    figure = picture if isinstance(getattr(picture, "axes", None), list) else picture.get_figure(root=True)
    words, key = text_alternative(figure) or text_alternative(picture), key_of(figure)
    if get_ipython() is None:
        print(words, *([key] if key else []), sep="\n")
    else:
        for dots in DOTS:
            file = io.BytesIO()
            figure.savefig(file, format="png", dpi=dots, facecolor=PAPER)
            if file.tell() <= MOST_BYTES:
                break
        png = b64encode(file.getvalue()).decode()
        # JupyterLab shows the HTML: of a bare PNG it drops the text. Others, such as nbconvert, read it from the metadata.
        below = f"<div>{escape(key)}</div>" if key else ""
        wide = float(figure.get_size_inches()[0]) * EM
        # Narrower on a narrow page, but not so narrow that letters are lost: where a page is enlarged, pictures grow with it.
        size = f"width:{wide:.0f}em;max-width:100%;min-width:{min(wide, SMALLEST):.0f}em;height:auto"
        html = f'<img alt="{escape(words)}" style="{size}" src="data:image/png;base64,{png}">{below}'
        bundle = {"text/html": html, "image/png": png, "text/plain": words}
        display(bundle, metadata={"image/png": {"alt": words}}, raw=True)
    plt.close(figure)


def short(count: int) -> str:
    """A count as people read it: 20,490 in full, 23.5 M from a million on."""
    return f"{count / 1e6:.1f} M" if count >= 1_000_000 else f"{count:,}"


def quiet(ax: Axes) -> None:
    """Take away what draws the eye without saying anything, the frame, dark ticks, a heavy grid, and write labels in ink."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(PALE)
    ax.tick_params(colors=SOFT_INK, length=0)
    ax.xaxis.label.set_color(INK)
    ax.yaxis.label.set_color(INK)
    ax.grid(axis="y", color=PALE, linewidth=0.8)
    ax.set_axisbelow(True)


def draw_chance(ax: Axes, metric: str, num_classes: int | None) -> None:
    """A level line where a guess stands that holds all classes for equally likely; nothing without a number of classes."""
    if num_classes:
        level = 1 / num_classes if metric == "accuracy" else math.log(num_classes)
        ax.axhline(level, **CHANCE, label=f"guessing among {num_classes} classes")


def guessing(num_classes: int | None) -> list[str]:
    """The same in words, for a text alternative: one sentence or none."""
    told = "Guessing among {0} classes: accuracy {1:.2f}, loss {2:.2f}."
    return [told.format(num_classes, 1 / num_classes, math.log(num_classes))] if num_classes else []


def number(value: float, digits: int = 1) -> str:
    """A number with a real minus sign, and never a minus zero."""
    return f"{round(float(value), digits) + 0.0:.{digits}f}".replace("-", "\N{MINUS SIGN}")
