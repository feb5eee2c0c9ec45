"""Photographs side by side, each with what is said about it."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from PIL.Image import Image

from helpers.course.errors import CourseError
from helpers.course.palette import INK
from helpers.plots.look import describe, new_axes, note
from helpers.plots.names import fit

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
    drawn = fit([captions.get(name, name) for name in images], stand_in=lambda place: f"picture {place + 1}")
    lines = max(label.count("\n") + 1 for label in drawn.labels)
    height = min(2.6, 10.5 / total)
    ax = ax or new_axes(total * height, height + 0.24 * lines)
    left = 0.0
    for label, (name, image) in zip(drawn.labels, images.items(), strict=True):
        ax.imshow(image, extent=(left, left + widths[name], 0, HEIGHT), interpolation="antialiased")
        ax.text(left, -0.04, label, color=INK, fontsize=10.5, va="top", linespacing=1.4, **drawn.style)
        left += widths[name] + GAP
    ax.set(xlim=(0, total), ylim=(-0.04 - 0.22 * lines / height, HEIGHT), aspect="equal")
    ax.set_axis_off()
    words = "; ".join(f"{name}: {captions[name]}".replace("\n", ", ") if name in captions else name for name in images)
    return describe(note(ax, drawn.key), f"Photographs side by side. {words}.")
