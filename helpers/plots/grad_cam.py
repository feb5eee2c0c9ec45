"""Grad-CAM: pictures with the map of the evidence laid over them."""

from collections.abc import Sequence
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from PIL.Image import Image
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from helpers.course.errors import CourseError
from helpers.course.palette import INK, SOFT_INK
from helpers.plots import names
from helpers.plots.look import describe, new_axes, note

A_ROW = 6  # pictures side by side
LONGEST = 21  # characters that fit below a picture
GAP = 0.1  # between two pictures; a picture is 1 wide and high
LINE = 0.15  # height of a line of text
LEAST_WIDTH = 2.6  # for the words beside the scale of colours
APART, HEADING = 0.22, 0.24  # what sets groups of pictures apart, and the height of their titles
# The map's colours of what is black in a picture and of what is white: blue for no evidence, yellow for most, which nearly all
# readers tell apart. Both are as light as one another, so light and dark are the picture's alone.
BLACK = (0.12, 0.38, 0.72), (0.48, 0.37, 0.00)
WHITE = (0.66, 0.83, 1.00), (0.95, 0.82, 0.29)


def plot_grad_cam(
    images: Sequence[Image],
    maps: Tensor,
    captions: Sequence[str],
    *,
    titles: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """The pictures in rows, each in the colours of its map: yellow where the evidence is, blue where there is none.

    Args:
        images: N pictures as the model sees them, ``transform.picture(image)``.
        maps: float (N, H, W), in [0, 1], as `helpers.inspection.gradcam.grad_cam` gives them.
        captions: N texts, each of one or more lines.
        titles: one above each group of neighbours, such as a picture before and after; all groups are of one size.
        ax: axes to draw in; default: new ones.

    Raises:
        CourseError: not one map and one caption for each picture, no groups of one size, or a map of another size.
    """
    _check(images, maps, captions, titles)
    # In lines that do not run into the next picture's.
    drawn = names.fit(captions, stand_in=lambda place: f"picture {place + 1}")
    heads = names.fit(titles or [], stand_in=lambda place: f"group {place + 1}")
    below_each = ["\n".join(fill(line, LONGEST) for line in caption.split("\n")) for caption in drawn.labels]
    lines = max(text.count("\n") + 1 for text in below_each)
    size = len(images) // len(titles) if titles else 1
    columns, apart, above = min(A_ROW // size * size or size, len(images)), APART * bool(titles), HEADING * bool(titles)
    lefts = [place * (1 + GAP) + place // size * apart for place in range(columns)]
    row = above + 1 + LINE * (lines + 0.5)
    width, height = max(lefts[-1] + 1, LEAST_WIDTH), -(-len(images) // columns) * row
    scale = min(1.66, 10.8 / width)
    ax = ax or new_axes(scale * width, scale * (height + 0.35))
    for place, (image, heat, text) in enumerate(zip(images, maps, below_each, strict=True)):
        left, top = lefts[place % columns], place // columns * row + above
        ax.imshow(_coloured(image, heat), extent=(left, left + 1, top + 1, top), interpolation="bilinear", origin="upper")
        ax.text(left, top + 1.04, text, color=INK, fontsize=10, va="top", linespacing=1.35, **drawn.style)
        if titles and place % size == 0:
            _bracket(ax, left, lefts[place % columns + size - 1] + 1, top)
            ax.text(left, top - 0.1, heads.labels[place // size], color=INK, fontsize=10.5, weight="bold", **heads.style)
    _key(ax, height)
    ax.set(xlim=(-0.01, width + 0.01), ylim=(height + 0.3, -0.02), aspect="equal")
    ax.set_axis_off()
    groups = [f"{titles[place // size]}, " if titles else "" for place in range(len(images))]
    told = "; ".join(
        f"{group}{caption.replace(chr(10), ', ')}: {_where(heat)}"
        for group, caption, heat in zip(groups, captions, maps, strict=True)
    )
    note(ax, "; ".join(key for key in (drawn.key, heads.key) if key))
    return describe(ax, f"{len(captions)} pictures with Grad-CAM maps laid over them. {told}.")


def _bracket(ax: Axes, left: float, right: float, top: float) -> None:
    """A bracket over pictures that belong together."""
    ax.plot([left, left, right, right], [top - 0.02, top - 0.06, top - 0.06, top - 0.02], color=SOFT_INK, linewidth=1.2)


def _key(ax: Axes, height: float) -> None:
    """What the colours mean, below all pictures: from left to right the map, from bottom to top the picture."""
    scale = np.meshgrid(np.linspace(0, 1, 64), np.linspace(1, 0, 16))
    ax.imshow(_mixed(*scale), extent=(0, 0.6, height + 0.2, height + 0.04), aspect="auto", interpolation="bilinear")
    said = "no evidence to most evidence, within each picture;\nlight and dark are the picture's own"
    ax.text(0.66, height + 0.12, said, color=SOFT_INK, fontsize=9, va="center")


def _check(images: Sequence[Image], maps: Tensor, captions: Sequence[str], titles: Sequence[str] | None) -> None:
    if not len(images) or not len(images) == len(maps) == len(captions):
        raise CourseError(
            f"{len(images)} pictures, {len(maps)} maps and {len(captions)} captions: give one of each, and at least one."
        )
    if titles and len(images) % len(titles):
        raise CourseError(
            f"{len(images)} pictures and {len(titles)} titles make no groups of one size: one title for each group."
        )
    size = (maps.shape[2], maps.shape[1])
    other = next((image.size for image in images if image.size != size), None)
    if other is not None:
        raise CourseError(
            f"A picture is {other[0]} x {other[1]} and its map {size[0]} x {size[1]} pixels, so the map would point elsewhere: "
            "show what the model sees, transform.picture(image)."
        )


def _coloured(image: Image, heat: Tensor) -> np.ndarray:
    """The picture's light and shade in the map's colours: float (H, W, 3), in [0, 1]."""
    return _mixed(heat.detach().cpu().numpy(), np.asarray(image.convert("L"), dtype=np.float32) / 255)


def _mixed(heat: np.ndarray, light: np.ndarray) -> np.ndarray:
    """Colours of so much evidence in parts of a picture that are so light: two arrays (H, W) in [0, 1] give (H, W, 3)."""
    heat, light = heat[..., None], light[..., None]
    blue, yellow = (np.array(BLACK[end]) * (1 - light) + np.array(WHITE[end]) * light for end in (0, 1))
    return blue * (1 - heat) + yellow * heat


def _where(heat: Tensor) -> str:
    """In which of nine fields of the picture the map is highest."""
    fields = adaptive_avg_pool2d(heat.detach().float()[None], 3)[0].flatten()
    if fields.max() <= 0:
        return "no evidence"
    row, column = divmod(int(fields.argmax()), 3)
    place = "centre" if row == column == 1 else f"{('top', 'middle', 'bottom')[row]} {('left', 'centre', 'right')[column]}"
    return f"most evidence {place}"
