"""Grad-CAM: pictures with the map of the evidence laid over them."""

from collections.abc import Sequence
from textwrap import fill

import numpy as np
from matplotlib import colormaps
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
# Made for colour-blind readers: dark blue is low, yellow is high.
COLOURS = "cividis"
DIMMEST = 0.35  # black parts of a picture keep so much of the map's colour


def plot_grad_cam(images: Sequence[Image], maps: Tensor, captions: Sequence[str], *, ax: Axes | None = None) -> Axes:
    """The pictures in rows, each in the colours of its map: yellow where the evidence is, dark blue where there is none.

    Args:
        images: N pictures as the model sees them, ``transform.picture(image)``.
        maps: float (N, H, W), in [0, 1], as `helpers.inspection.gradcam.grad_cam` gives them.
        captions: N texts, each of one or more lines.
        ax: axes to draw in; default: new ones.

    Raises:
        CourseError: not one map and one caption for each picture, or a picture of another size than its map.
    """
    _check(images, maps, captions)
    # In lines that do not run into the next picture's.
    drawn = names.fit(captions, stand_in=lambda place: f"picture {place + 1}")
    below_each = ["\n".join(fill(line, LONGEST) for line in caption.split("\n")) for caption in drawn.labels]
    lines = max(text.count("\n") + 1 for text in below_each)
    columns, below = min(A_ROW, len(images)), LINE * (lines + 0.5)
    rows = -(-len(images) // columns)
    width, height = max(columns + GAP * (columns - 1), LEAST_WIDTH), rows * (1 + below)
    ax = ax or new_axes(*(1.66 * side for side in (width, height + 0.35)))
    for place, (image, heat, text) in enumerate(zip(images, maps, below_each, strict=True)):
        left, top = (place % columns) * (1 + GAP), (place // columns) * (1 + below)
        ax.imshow(_coloured(image, heat), extent=(left, left + 1, top + 1, top), interpolation="bilinear", origin="upper")
        ax.text(left, top + 1.04, text, color=INK, fontsize=10, va="top", linespacing=1.35, **drawn.style)
    # What the colours mean, below all pictures.
    ax.imshow(np.linspace(0, 1, 64)[None], cmap=COLOURS, extent=(0, 0.6, height + 0.16, height + 0.06), aspect="auto")
    ax.text(0.66, height + 0.11, "no evidence to most evidence, within each picture", color=SOFT_INK, fontsize=9, va="center")
    ax.set(xlim=(0, width), ylim=(height + 0.3, -0.02), aspect="equal")
    ax.set_axis_off()
    told = "; ".join(f"{caption.replace(chr(10), ', ')}: {_where(heat)}" for caption, heat in zip(captions, maps, strict=True))
    return describe(note(ax, drawn.key), f"{len(captions)} pictures with Grad-CAM maps laid over them. {told}.")


def _check(images: Sequence[Image], maps: Tensor, captions: Sequence[str]) -> None:
    if not len(images) or not len(images) == len(maps) == len(captions):
        raise CourseError(
            f"{len(images)} pictures, {len(maps)} maps and {len(captions)} captions: give one of each, and at least one."
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
    light = np.asarray(image.convert("L"), dtype=np.float32)[..., None] / 255
    return colormaps[COLOURS](heat.detach().cpu().numpy())[..., :3] * (DIMMEST + (1 - DIMMEST) * light)


def _where(heat: Tensor) -> str:
    """In which of nine fields of the picture the map is highest."""
    fields = adaptive_avg_pool2d(heat.detach().float()[None], 3)[0].flatten()
    if fields.max() <= 0:
        return "no evidence"
    row, column = divmod(int(fields.argmax()), 3)
    place = "centre" if row == column == 1 else f"{('top', 'middle', 'bottom')[row]} {('left', 'centre', 'right')[column]}"
    return f"most evidence {place}"
