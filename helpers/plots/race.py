"""A race of strategies: validation accuracy by epoch, and test accuracy over what it cost."""

from collections.abc import Iterable, Sequence
from statistics import median

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator

from helpers.course.errors import CourseError
from helpers.course.palette import BLUE, GREEN, INK, PAPER, PURPLE, SOFT_INK, VERMILLION
from helpers.plots.look import describe, new_axes, quiet, short
from helpers.training.race import EVERYONE, title
from helpers.training.strategies import OnPixels, Outcome

# Colour says how far back from the head learning reaches; shade, dash and marker say which strategy it is.
REACH = {"head": SOFT_INK, "blocks": BLUE, "all": VERMILLION, "scratch": INK, "pixels": PURPLE, "other": GREEN}
DASHES, MARKERS = ("-", (0, (5, 2)), (0, (1, 1.6)), (0, (6, 2, 1, 2))), "osD^"
SHADES = (0.0, -0.4, 0.3, -0.7)  # of a colour, as one strategy after another needs one: as it is, towards ink, towards paper
COSTS = {"seconds": "processor time of the training (seconds)", "trainable": "parameters that were trainable at some time"}


def plot_race(outcomes: Sequence[Outcome], *, ax: Axes | None = None) -> Axes:
    """Validation accuracy by epoch, a line for each strategy: the median over the seeds, in a band from least to greatest.

    A contestant without a network has no epochs: its line is level, and has no markers.

    Args:
        outcomes: runs of one strategy or more (`helpers.training.race.race`, or ``load_race().outcomes``).
        ax: axes to draw in; default: new ones.

    Raises:
        CourseError: there is no outcome.
    """
    runs = _grouped(outcomes)
    looks = _looks(runs)
    ax = ax or new_axes(10.5, 5.2)
    ends, told = {}, []
    last = max(len(run.history) for run in outcomes) or 2
    for key, look in looks.items():
        curves = [[record["val_accuracy"] for record in run.history] or [run.val_accuracy] * last for run in runs[key]]
        epochs = range(1, min(map(len, curves)) + 1)
        middle, least, greatest = ([f(at) for at in zip(*curves, strict=False)] for f in (median, min, max))
        if len(curves) > 1:
            ax.fill_between(epochs, least, greatest, color=look["color"], alpha=0.1, linewidth=0)
        marked = {} if runs[key][0].history else {"markevery": []}
        ax.plot(epochs, middle, label=title(key), linewidth=2, markersize=4.5, **look, **marked)
        ends[key] = (epochs[-1], middle[-1])
        told.append(f"{title(key)} {middle[0]:.2f}" + ("" if marked else f" to {middle[-1]:.2f}"))
    quiet(ax)
    ax.set(xlabel="epoch", ylabel="validation accuracy", xticks=range(1, max(x for x, _ in ends.values()) + 1))
    _mark_second_phase(ax, outcomes)
    _label_right(ax, ends, looks)
    seeds = len({run.seed for run in outcomes})
    spread = f"the median of {seeds} seeds" if seeds > 1 else "one seed"
    return describe(ax, f"Line chart of validation accuracy by epoch, {spread}. {'; '.join(told)}.")


def plot_race_costs(outcomes: Sequence[Outcome], *, cost: str = "seconds", ax: Axes | None = None) -> Axes:
    """Test accuracy over what the training cost, a point for each strategy and seed, and a number in the strategy's median.

    Args:
        outcomes: runs of one strategy or more.
        cost: ``"seconds"`` or ``"trainable"``, on a logarithmic axis. Without a network nothing is trainable: no point there.
        ax: axes to draw in; default: new ones.

    Raises:
        CourseError: there is no outcome, or no such cost.
    """
    if cost not in COSTS:
        raise CourseError(f"There is no cost {cost!r}: write 'seconds' or 'trainable'.")
    runs = _grouped(run for run in outcomes if getattr(run, cost))
    looks = _looks(runs)
    ax = ax or new_axes(10.5, 5.2)
    middles, told = {}, []
    numbered = ", the median of the seeds numbered" if max(map(len, runs.values())) > 1 else ""
    for key, look in looks.items():
        costs, accuracies = [getattr(run, cost) for run in runs[key]], [run.accuracy for run in runs[key]]
        dots = {"color": look["color"], "marker": look["marker"], "s": 30, "alpha": 0.6, "linewidths": 0}
        ax.scatter(costs, accuracies, label=title(key), **dots)
        middles[key] = (median(costs), median(accuracies))
        amount = short(int(middles[key][0])) if cost == "trainable" else f"{middles[key][0]:.1f}"
        told.append(f"{title(key)} {middles[key][1]:.2f} at {amount}")
    quiet(ax)
    ax.set(xscale="log", xlabel=COSTS[cost], ylabel=f"test accuracy{numbered}")
    # Numbers as people write them: 20, not 2 x 10^1.
    ax.minorticks_off()
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if cost == "seconds" else (1,)))
    ax.xaxis.set_major_formatter(lambda value, _: short(int(value)) if value >= 1 else f"{value:g}")
    _number(ax, middles, looks)
    return describe(ax, f"Scatter chart of test accuracy over {COSTS[cost]}, medians over the seeds: {'; '.join(told)}.")


def _grouped(outcomes: Iterable[Outcome]) -> dict[str, list[Outcome]]:
    """Strategy -> its runs, the strategies in the order in which they first appear."""
    runs: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        runs.setdefault(outcome.strategy, []).append(outcome)
    if not runs:
        raise CourseError("There is no outcome to draw: pass what race() returned, or load_race().outcomes.")
    return runs


def _looks(keys: Iterable[str]) -> dict[str, dict]:
    """Strategy -> colour, dash and marker; a contestant has the same ones in every picture."""
    looks: dict[str, dict] = {}
    members: dict[str, int] = {}
    for key in (*EVERYONE, *(key for key in keys if key not in EVERYONE)):
        reach = _reach(key)
        place = members[reach] = members.get(reach, -1) + 1
        looks[key] = {
            "color": _shade(REACH[reach], SHADES[place % 4]),
            "linestyle": DASHES[place % 4],
            "marker": MARKERS[place % 4],
        }
    return {key: looks[key] for key in keys}


def _shade(colour: str, share: float) -> str:
    """The colour, so far on its way to paper, or to ink where the share is below 0."""
    here, there = (np.array(to_rgb(one)) for one in (colour, PAPER if share > 0 else INK))
    return to_hex(here + (there - here) * abs(share))


def _reach(key: str) -> str:
    strategy = EVERYONE.get(key)
    if strategy is None:
        return "other"
    if isinstance(strategy, OnPixels):
        return "pixels"
    if not strategy.pretrained:
        return "scratch"
    reaches = [phase.released_blocks for phase in strategy.phases]
    return "all" if None in reaches else "blocks" if max(reaches) else "head"


def _mark_second_phase(ax: Axes, outcomes: Iterable[Outcome]) -> None:
    """A line where head-first strategies let more layers learn."""
    for epoch in sorted({run.history.released_at for run in outcomes} - {None}):
        ax.axvline(epoch - 0.5, color=SOFT_INK, linewidth=1, zorder=0)
        place = {"xy": (epoch - 0.5, 0), "xycoords": ax.get_xaxis_transform(), "xytext": (5, 5), "textcoords": "offset points"}
        ax.annotate("head first: more layers from here", **place, color=SOFT_INK, fontsize=9)


def _label_right(ax: Axes, points: dict[str, tuple[float, float]], looks: dict[str, dict]) -> None:
    """Right of the axes each strategy's name with a sample of its line, as near to its point's height as the others allow."""
    for key, height in _heights(ax, points).items():
        look = looks[key]
        ax.annotate(
            "", xy=points[key], xytext=(1.04, height), textcoords=ax.get_yaxis_transform(), annotation_clip=False, zorder=1,
            arrowprops={"arrowstyle": "-", "color": look["color"], "linewidth": 0.8, "alpha": 0.5, "shrinkA": 0, "shrinkB": 4},
        )  # fmt: skip
        beside = {"transform": ax.get_yaxis_transform(), "clip_on": False}
        ax.add_line(Line2D([1.045, 1.0725, 1.1], [height] * 3, linewidth=1.8, markersize=4.5, markevery=[1], **look, **beside))
        ax.text(1.115, height, title(key), va="center", fontsize=9.5, color=INK, parse_math=False, **beside)


def _number(ax: Axes, points: dict[str, tuple[float, float]], looks: dict[str, dict]) -> None:
    """A number in each strategy's median, 1 for the highest, and the key to the numbers right of the axes."""
    beside = {"transform": ax.get_yaxis_transform(), "clip_on": False}
    for place, (key, height) in enumerate(reversed(_heights(ax, points).items()), start=1):
        colour = looks[key]["color"]
        dot = {"marker": "o", "markersize": 13, "color": colour, "markeredgecolor": PAPER, "zorder": 5}
        word = {"ha": "center", "va": "center_baseline", "fontsize": 8, "weight": "bold", "zorder": 6}
        word["color"] = INK if np.mean(to_rgb(colour)) > 0.55 else PAPER
        for x, y, where in ((*points[key], {}), (1.05, height, beside)):
            ax.plot(x, y, **dot, **where)
            ax.text(x, y, str(place), **word, **where)
        ax.text(1.08, height, title(key), va="center", fontsize=9.5, color=INK, parse_math=False, **beside)


def _heights(ax: Axes, points: dict[str, tuple[float, float]]) -> dict[str, float]:
    """Strategy -> where its name stands, the lowest first: as near to its point's height as the others allow."""
    low, high = ax.dataLim.intervaly
    # The accuracies with a margin, never beyond 0 and 1.
    low, high = ax.set_ylim(max(0.0, low - 0.03), min(1.0, high + 0.03))
    gap = (high - low) / 18
    keys = sorted(points, key=lambda key: points[key][1])
    heights = [points[key][1] for key in keys]
    for place in range(1, len(keys)):
        heights[place] = max(heights[place], heights[place - 1] + gap)
    for place in range(len(keys)):  # those that ran over the top are pushed down again
        heights[place] = min(heights[place], high - gap * (len(keys) - place - 0.5))
    return dict(zip(keys, heights, strict=True))
