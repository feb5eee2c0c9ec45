"""Along the depth of a network, from the stem to the head: how far each block changed, and what can be read off it."""

import math
from collections.abc import Collection, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.container import BarContainer

from helpers.course.errors import CourseError
from helpers.course.palette import INK, SOFT_INK, VERMILLION
from helpers.inspection.drift import Movement
from helpers.plots.look import FILLS, describe, new_axes, quiet

WIDTH, HEIGHT = 11, 4.0
BAR = 0.74  # of the distance between two places
# A logarithmic axis has no 0, so what did not move gets a step of its own below the axis proper; heights in powers of ten.
STEP, GAP = 0.4, 0.3


def plot_movement(rows: Sequence[Movement], *, ax: Axes | None = None) -> Axes:
    """A bar for each place: how far its weights changed, in per cent of their length, on a logarithmic axis.

    Solid green: changed. Hatched: unchanged in every bit. The line of figures above says the same of the BatchNorm
    statistics; where they changed, the figure is red, for in the course's recipe they never do.

    Args:
        rows: what `helpers.inspection.drift.movement` returned.
        ax: axes to draw in; default: new ones.

    Raises:
        CourseError: there is nothing to draw.
    """
    if not rows:
        raise CourseError("There is no movement to draw: pass what movement(backbone, before, after) returned.")
    ax = ax or new_axes(WIDTH, HEIGHT)
    powers = [math.log10(row.weights) for row in rows if 0 < row.weights < math.inf]
    lowest, highest = math.floor(min(powers, default=-2)), max(powers, default=0)
    base, top = STEP + GAP - lowest, STEP + GAP + max(highest - lowest, 2)
    for place, row in enumerate(rows):
        height = min(base + math.log10(row.weights), top) if row.released else STEP
        label = "changed" if row.released else "unchanged"
        ax.bar(place, height, BAR, label=label, linewidth=0, **FILLS[not row.released])
        if row.released:
            _number(ax, place, height + 0.05, _percent(row.weights), bold=True)
    _statistics(ax, rows, top + 0.75)
    _name_places(ax, [row.name for row in rows])
    decades = range(lowest, math.floor(highest) + 1)
    names = ["0", *(_percent(10.0**decade) for decade in decades)]
    ax.set_yticks([STEP / 2, *(base + decade for decade in decades)], names)
    ax.set(ylim=(0, top + 1.25), ylabel="change of the weights\n(share of their length)")
    ax.axhline(STEP + GAP / 2, color=SOFT_INK, linewidth=0.8, linestyle=(0, (1, 3)))
    _legend(ax)
    return describe(ax, _movement_words(rows))


def _statistics(ax: Axes, rows: Sequence[Movement], height: float) -> None:
    ax.text(-0.45, height + 0.2, "change of the BatchNorm statistics", color=SOFT_INK, fontsize=9, va="bottom")
    for place, row in enumerate(rows):
        word = "–" if row.statistics is None else _percent(row.statistics)
        style = {"color": VERMILLION, "weight": "bold"} if row.statistics else {"color": SOFT_INK}
        ax.text(place, height, word, ha="center", va="center", fontsize=9, **style)


def plot_block_probes(
    accuracies: Mapping[str, float],
    *,
    before: Mapping[str, float] | None = None,
    chance: float | None = None,
    released: Collection[str] = (),
    ax: Axes | None = None,
) -> Axes:
    """A bar for each place: what a linear classifier reaches on the features that come out of it.

    Args:
        accuracies: place -> accuracy in [0, 1], see `helpers.inspection.block_probe.probe_blocks`.
        before: the same of before fine-tuning, drawn as a line across the bars where it differs.
        chance: accuracy of guessing, drawn as a line.
        released: places that were released; their bars are solid, the others hatched.
        ax: axes to draw in; default: new ones.

    Raises:
        CourseError: there is nothing to draw, or `before` is of other places.
    """
    if not accuracies or (before is not None and list(before) != list(accuracies)):
        raise CourseError("plot_block_probes takes what probe_blocks returned; `before` must be of the same places.")
    ax = ax or new_axes(WIDTH, HEIGHT)
    for place, (name, accuracy) in enumerate(accuracies.items()):
        learned, old = name in released, before[name] if before else accuracy
        ax.bar(place, accuracy, BAR, label="released" if learned else "frozen", linewidth=0, **FILLS[not learned])
        _number(ax, place, max(accuracy, old) + 0.012, f"{accuracy:.2f}", bold=learned)
        if old != accuracy:
            ax.hlines(old, place - BAR / 2 - 0.07, place + BAR / 2 + 0.07, color=INK, linewidth=1.8, label="before fine-tuning")
    if chance is not None:
        ax.axhline(chance, color=VERMILLION, linestyle="--", linewidth=1.3, label="guessing")
    _name_places(ax, list(accuracies))
    ax.set(ylim=(0, 1.09), yticks=[0, 0.2, 0.4, 0.6, 0.8, 1.0], ylabel="accuracy of a linear classifier")
    _legend(ax)
    return describe(ax, _probe_words(accuracies, before, chance, released))


def _number(ax: Axes, place: int, height: float, word: str, *, bold: bool) -> None:
    ax.text(place, height, word, ha="center", va="bottom", color=INK, fontsize=9.5, weight="bold" if bold else "normal")


def _name_places(ax: Axes, names: list[str]) -> None:
    quiet(ax)
    ax.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor", fontsize=9.5, color=INK)
    ax.set(xlim=(-0.6, len(names) - 0.4), xlabel="from the image to the answer")


def _legend(ax: Axes) -> None:
    """One entry for each look, bars first, above the picture's right end."""
    looks = {label: handle for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    looks = dict(sorted(looks.items(), key=lambda look: not isinstance(look[1], BarContainer)))
    place = {"loc": "lower right", "bbox_to_anchor": (1, 0.99), "ncols": len(looks)}
    ax.legend(looks.values(), looks.keys(), **place, frameon=False, fontsize=9.5)


def _percent(share: float) -> str:
    """A share in per cent with two digits that count: 0.91 %, 132 %, 0."""
    if not share:
        return "0"
    if math.isinf(share):
        return "∞"
    digits = max(0, 1 - math.floor(math.log10(share * 100)))
    return f"{share * 100:.{digits}f}".rstrip("0").rstrip(".") + " %" if digits else f"{share * 100:,.0f} %"


def _movement_words(rows: Sequence[Movement]) -> str:
    moved = [f"{row.name} {_percent(row.weights)}" for row in rows if row.released]
    still = [row.name for row in rows if not row.released]
    told = f"Changed: {', '.join(moved)}." if moved else "Nothing has changed."
    span = f"{still[0]} to {still[-1]}" if len(still) > 1 else "".join(still)
    frozen = f" Not a single bit changed: {span} ({len(still)} places)." if still else ""
    shifted = [f"{row.name} {_percent(row.statistics)}" for row in rows if row.statistics]
    statistics = f"changed in {', '.join(shifted)}" if shifted else "changed nowhere"
    return f"Bar chart of how far the weights of {len(rows)} places changed. {told}{frozen} BatchNorm statistics {statistics}."


def _probe_words(accuracies: Mapping, before: Mapping | None, chance: float | None, released: Collection[str]) -> str:
    told = ", ".join(f"{name} {accuracy:.2f}{' (released)' if name in released else ''}" for name, accuracy in accuracies.items())
    parts = [f"Bar chart of the accuracy of a linear classifier on the features of {len(accuracies)} places. {told}."]
    if before:
        other = [f"{name} {before[name]:.2f}" for name in accuracies if round(before[name], 2) != round(accuracies[name], 2)]
        parts.append(f"Before fine-tuning: {', '.join(other)}; all others the same." if other else "Before fine-tuning the same.")
    if chance is not None:
        parts.append(f"Chance: {chance:.2f}.")
    return " ".join(parts)
