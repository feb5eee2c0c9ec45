"""Photographs side by side, each with what is said about it."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from PIL.Image import Image

from helpers.course.errors import CourseError
from helpers.plots.look import INK, describe, new_axes

HEIGHT = 1.0  # every picture is drawn this high; its width follows from its own proportions
GAP = 0.08


def plot_photos(images: Mapping[str, Image], captions: Mapping[str, str] | None = None, *, ax: Axes | None = None) -> Axes:
    """The images in a row, of equal height, each with its caption below.

    Args:
        images: name -> image.
        captions: name -> one or more lines of text; default: the names.
        ax: axes to draw in; default: new ones.

    Raises:
        CourseError: there is no image to show.
    """
    if not images:
        raise CourseError("There is no image to show: pass a dict such as data.photos().")
    captions = dict(captions or {})
    widths = {name: HEIGHT * image.width / image.height for name, image in images.items()}
    total = sum(widths.values()) + GAP * (len(images) - 1)
    lines = max(captions.get(name, name).count("\n") + 1 for name in images)
    height = min(2.6, 10.5 / total)
    ax = ax or new_axes(total * height, height + 0.24 * lines)
    left = 0.0
    for name, image in images.items():
        ax.imshow(image, extent=(left, left + widths[name], 0, HEIGHT), interpolation="antialiased")
        ax.text(left, -0.04, captions.get(name, name), color=INK, fontsize=10.5, va="top", linespacing=1.4)
        left += widths[name] + GAP
    ax.set(xlim=(0, total), ylim=(-0.04 - 0.22 * lines / height, HEIGHT), aspect="equal")
    ax.set_axis_off()
    words = "; ".join(f"{name}: {captions[name]}".replace("\n", ", ") if name in captions else name for name in images)
    return describe(ax, f"Photographs side by side. {words}.")
