"""How long a strategy takes with more and more images: the usual loop, the course's way, and the limit."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from helpers.course.errors import CourseError
from helpers.course.palette import BLUE, GREEN, SOFT_INK, VERMILLION
from helpers.plots.look import describe, new_axes, quiet

WAYS = {
    "usual": {"label": "usual loop", "color": VERMILLION, "marker": "s", "linestyle": "--"},
    "cold": {"label": "frozen part computed once", "color": BLUE, "marker": "o", "linestyle": "-"},
    "warm": {"label": "read from disk", "color": GREEN, "marker": "D", "linestyle": "-"},
}
LIMITS = {"limit_cold": ("limit, computed once", BLUE), "limit_warm": ("limit, read from disk", GREEN)}


def plot_growth(entries: Sequence[Mapping], *, ax: Axes | None = None) -> Axes:
    """Processor seconds over the number of images, both on logarithmic axes; the limits are lines without points.

    Args:
        entries: for each number of images a dict with ``images``, the seconds ``cold``, ``warm``, ``limit_cold`` and
            ``limit_warm``, and ``usual``, which may be None where it was not measured.
        ax: axes to draw in; default: new ones.

    Raises:
        CourseError: there is no entry.
    """
    if not entries:
        raise CourseError("There is nothing to draw: pass the growth that `python -m helpers bench strategy` has measured.")
    ax, told = ax or new_axes(8, 4.6), []
    for way, look in WAYS.items():
        measured = [(entry["images"], entry[way]) for entry in entries if entry[way]]
        ax.plot(*zip(*measured, strict=True), linewidth=2, markersize=6, **look)
        (few, first), (many, last) = measured[0], measured[-1]
        told.append(f"{look['label']} {first:.0f} s with {few:,} images, {last:.0f} s with {many:,}")
    for limit, (label, color) in LIMITS.items():
        points = [(entry["images"], entry[limit]) for entry in entries]
        ax.plot(*zip(*points, strict=True), color=color, linestyle=(0, (1, 1.5)), linewidth=1.5, label=label)
        told.append(f"{label} {points[-1][1]:.0f} s with {points[-1][0]:,}")
    quiet(ax)
    ax.set(xscale="log", yscale="log", xlabel="images to train on", ylabel="processor time (seconds)")
    ax.set_xticks([entry["images"] for entry in entries])
    ax.minorticks_off()
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}")
    ax.legend(frameon=False, labelcolor=SOFT_INK, fontsize=9)
    return describe(ax, f"Line chart of processor seconds over the number of images, both axes logarithmic: {'; '.join(told)}.")
