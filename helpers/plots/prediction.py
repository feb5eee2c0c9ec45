"""The prediction trace: one image on its way through the model, in five steps."""

import math
from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import NamedTuple

import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from PIL.Image import Image
from torch import Tensor

from helpers.course.errors import CourseError
from helpers.course.palette import BLUE, FAULT, GREEN, INK, PALE, PAPER, SOFT_INK
from helpers.plots.look import FILLS, FROZEN_WORDS, describe, new_axes, note, number
from helpers.plots.names import Drawn, fit, width

STEPS = {
    "input": "input image",
    "features": "features",
    "logits": "new head: logits",
    "probabilities": "softmax",
    "prediction": "prediction",
}
# With more classes than this only the most probable ones are drawn, in that order.
MOST_BARS = 10


def plot_prediction_trace(
    trace: Mapping[str, Tensor],
    *,
    categories: Sequence[str],
    image: Image | None = None,
    frozen: Mapping[str, bool | str] | None = None,
    right: int | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Five panels from left to right: what the values are at each step, their shape, and whether that step is frozen.

    Args:
        trace: ``input`` float32 (1, 3, H, W), ``features`` float32 (1, in_features), ``logits`` and ``probabilities`` float32
            (1, num_classes), ``prediction`` int64 (1,).
        categories: the names of the classes, num_classes of them.
        image: the picture as it was before normalising; default: the input, stretched to the range of a screen.
        frozen: step -> True, False or ``"mixed"``; default: features frozen, head free.
        right: the number of the right class: it is marked, and the winner's colour tells whether that is the one.
        title: a line above, such as ``"before fine-tuning"``.
        ax: axes to draw in; default: new ones. Two traces below each other compare before and after.

    Raises:
        CourseError: a step is missing, or there is not one name for each output.
    """
    missing = [step for step in STEPS if step not in trace]
    if missing:
        raise CourseError(f"The trace lacks {', '.join(missing)}: it needs the keys {', '.join(STEPS)}.")
    if trace["logits"].shape[-1] != len(categories):
        raise CourseError(f"{len(categories)} class names for {trace['logits'].shape[-1]} outputs: pass one name for each.")
    values = {step: trace[step].detach().float().cpu() for step in STEPS}
    frozen = {"features": True, "logits": False} | dict(frozen or {})
    ax = ax or new_axes(11, 3.1)
    ax.set(xlim=(0, 4.75), ylim=(-0.04, 1.16 if title else 1.02))
    ax.set_axis_off()
    look = {"color": INK, "fontsize": 11.5, "weight": "bold", "style": "italic"} | fit([title]).style
    ax.text(0.04, 1.1, title, va="center", **look)
    for place, step in enumerate(STEPS):
        _heading(ax, place, step, tuple(trace[step].shape), frozen.get(step))
    probabilities = values["probabilities"][0]
    order = list(range(len(probabilities)))
    order = order if len(order) <= MOST_BARS else probabilities.topk(MOST_BARS).indices.tolist()
    _draw_input(ax, values["input"][0], image)
    _draw_features(ax, values["features"][0])
    names = fit([categories[i] for i in order], 13, lambda place: f"class {order[place]}")
    winner = Winner(int(trace["prediction"][0]), right)
    _draw_bars(ax, 2, values["logits"][0], order, names, _span(values["logits"]), winner)
    _draw_bars(ax, 3, probabilities, order, names, "add up to 1", winner)
    _draw_prediction(ax, winner, probabilities, categories)
    return describe(note(ax, names.key), _words(values, trace, frozen, categories, title) + winner.words(categories))


class Winner(NamedTuple):
    """The most probable class, and the right one; None where nobody knows it."""

    place: int
    right: int | None

    @property
    def colour(self) -> str:
        """Of its bars and of its name."""
        return BLUE if self.right is None else GREEN if self.place == self.right else FAULT

    def words(self, categories: Sequence[str]) -> str:
        """Whether it is right; empty where nobody knows."""
        if self.right is None:
            return ""
        return " That is right." if self.place == self.right else f" That is wrong: it is {categories[self.right]}."


def _heading(ax: Axes, place: int, step: str, shape: tuple[int, ...], frozen: bool | str | None) -> None:
    ax.text(place + 0.04, 0.97, STEPS[step], color=INK, fontsize=10.5, weight="bold", va="center")
    ax.text(place + 0.04, 0.88, " × ".join(map(str, shape)), color=SOFT_INK, fontsize=9, va="center")
    if frozen is not None:
        label = f"{step}: {FROZEN_WORDS[frozen]}"
        ax.add_patch(Rectangle((place + 0.04, 0.765), 0.09, 0.05, linewidth=0, label=label, **FILLS[frozen]))
    ax.text(place + (0.04 if frozen is None else 0.16), 0.79, FROZEN_WORDS[frozen], color=SOFT_INK, fontsize=9, va="center")
    if place:
        arrow = {"arrowstyle": "-|>", "color": SOFT_INK, "shrinkA": 0, "shrinkB": 0}
        ax.annotate("", (place - 0.005, 0.36), (place - 0.11, 0.36), arrowprops=arrow)


def _panel(ax: Axes, place: int, caption: str, *, left: float = 0.04, width: float = 0.8) -> Axes:
    ax.text(place + 0.04, 0.02, caption, color=SOFT_INK, fontsize=8.5, va="center")
    panel = ax.inset_axes((place + left, 0.1, width, 0.6), transform=ax.transData)
    panel.tick_params(length=0, colors=SOFT_INK, labelsize=8)
    panel.spines[:].set_color(PALE)
    return panel


def _draw_input(ax: Axes, pixels: Tensor, image: Image | None) -> None:
    panel = _panel(ax, 0, f"values {_span(pixels)}")
    span = (pixels.max() - pixels.min()).clamp(min=1e-6)
    shown = ((pixels - pixels.min()) / span).permute(1, 2, 0).numpy() if image is None else image
    panel.imshow(shown, aspect="equal", interpolation="nearest")
    panel.set(xticks=[], yticks=[], anchor="W")


def _draw_features(ax: Axes, features: Tensor) -> None:
    """The features as a mosaic: each tile one value, dark blue low, yellow high (cividis is made for colour-blind readers)."""
    panel, count = _panel(ax, 1, f"{_span(features)}, mean {number(features.mean(), 2)}"), len(features)
    # No gap in the last row where a shape up to 2 : 1 allows it (2048 = 32 x 64).
    root = math.ceil(count**0.5)
    width = next((width for width in range(root, int(1.5 * root) + 1) if count % width == 0), root)
    height = -(-count // width)
    tiles = torch.full((height * width,), float("nan"))
    tiles[:count] = features
    panel.imshow(tiles.reshape(height, width).numpy(), cmap="cividis", aspect="equal", interpolation="nearest")
    panel.set(xticks=[], yticks=[], anchor="W")


def _span(values: Tensor) -> str:
    return f"{number(values.min())} to {number(values.max())}"


def _draw_bars(ax: Axes, place: int, values: Tensor, order: list[int], names: Drawn, caption: str, winner: Winner) -> None:
    labels = names.labels if place == 2 else []
    room = 0.06 + 0.028 * max(map(width, labels)) if place == 2 else 0.04
    panel = _panel(ax, place, caption, left=room, width=0.85 - room)
    colours = [winner.colour if i == winner.place else SOFT_INK for i in order]
    panel.barh(range(len(order)), [float(values[i]) for i in order], color=colours, linewidth=0)
    for height, i in enumerate(order if place == 3 else []):
        said = f"{float(values[i]):.2f}{' ◂ right' * (i == winner.right)}"
        look = {"color": INK, "fontsize": 7.5, "va": "center", "weight": "bold" if i == winner.place else "normal"}
        # Where a bar leaves no room beside it, its number stands on the bar's end.
        inside = float(values[i]) > 0.6
        where = {"x": float(values[i]) - 0.02, "ha": "right"} if inside else {"x": float(values[i]) + 0.02, "ha": "left"}
        panel.text(y=height, s=said, **where, **look | ({"color": PAPER} if inside else {}))
    panel.axvline(0, color=SOFT_INK, linewidth=0.8)
    panel.set_yticks(range(len(order)) if labels else [], labels, **names.style)
    panel.set(ylim=(len(order) - 0.4, -0.6), xticks=[])
    panel.spines[:].set_visible(False)
    if place == 3:
        panel.set_xlim(0, 1)


def _draw_prediction(ax: Axes, winner: Winner, probabilities: Tensor, categories: Sequence[str]) -> None:
    prediction = winner.place
    drawn = fit([categories[prediction]], 48, lambda _: f"class {prediction}")
    name = fill(drawn.labels[0], 12)
    size = 22 if width(name) < 6 else 13
    ax.text(4.04, 0.46, name, color=winner.colour, fontsize=size, weight="bold", va="center", **drawn.style)
    verdict = {None: f"class {prediction}", prediction: "✓ right"}.get(winner.right, "✕ wrong")
    detail = f"{verdict}\nprobability {probabilities[prediction]:.2f}"
    ax.text(4.04, 0.22, detail, color=INK, fontsize=9, va="center", linespacing=1.4)
    ax.text(4.04, 0.02, "the most probable class", color=SOFT_INK, fontsize=8.5, va="center")


def _words(values: dict, trace: Mapping, frozen: Mapping, categories: Sequence[str], title: str) -> str:
    probability, index = float(values["probabilities"][0].max()), int(trace["prediction"][0])
    steps = []
    for step, name in STEPS.items():
        shape, low, high = " by ".join(map(str, trace[step].shape)), values[step].min(), values[step].max()
        span = "" if step == "prediction" else f", values {low:.2f} to {high:.2f}"
        steps.append(f"{name} ({shape}{span}, {FROZEN_WORDS[frozen.get(step)]})")
    lead = f"{title}: " if title else ""
    verdict = f"Predicted class {index}, {categories[index]}, highest probability {probability:.2f}."
    return f"{lead}Five steps of one image: {', '.join(steps)}. {verdict}"
