"""The learning-rate range test: loss over rate, with the suggested rate marked."""

from matplotlib.axes import Axes

from helpers.course.errors import CourseError
from helpers.course.palette import BLUE, SOFT_INK, VERMILLION
from helpers.plots.look import describe, new_axes, quiet
from helpers.training.lr_finder import RateCurve


def plot_rate_curve(curve: RateCurve, *, ax: Axes | None = None) -> Axes:
    """Smoothed training loss over the learning rate of its step, and the rate that the steepest fall suggests.

    Args:
        curve: what `helpers.training.lr_finder.find_lr` returned.
        ax: axes to draw in; default: new ones.

    Raises:
        CourseError: the curve has no step.
    """
    if not curve.rates:
        raise CourseError("This curve has no step to draw: pass what find_lr returned.")
    ax = ax or new_axes(7.5, 4.0)
    ax.plot(curve.rates, curve.losses, color=BLUE, linewidth=2, label="smoothed training loss")
    at = min(range(len(curve.rates)), key=lambda index: abs(curve.rates[index] - curve.suggestion))
    ax.axvline(curve.suggestion, color=VERMILLION, linewidth=1.2, linestyle="--", zorder=1)
    ax.plot([curve.suggestion], [curve.losses[at]], "o", color=VERMILLION, markersize=8, label="suggested rate")
    quiet(ax)
    ax.set(xscale="log", ylim=(0, 1.06 * max(curve.losses)))
    ax.set(xlabel="learning rate (grows with every step)", ylabel="loss (mean cross entropy, smoothed)")
    above = {"xycoords": ax.get_xaxis_transform(), "xytext": (0, 4), "textcoords": "offset points", "ha": "center"}
    steepest = f"steepest fall: {rate_words(curve.suggestion)}"
    ax.annotate(steepest, (curve.suggestion, 1), **above, color=VERMILLION, fontsize=9.5)
    if curve.exploded:
        beside = {"xytext": (-20, -2), "textcoords": "offset points", "ha": "right", "va": "top"}
        ax.annotate("stopped here:\nthe loss explodes", (curve.rates[-1], curve.losses[-1]), **beside, color=SOFT_INK, fontsize=9)
    return describe(ax, _words(curve, at))


def rate_words(rate: float) -> str:
    """A rate as people write it: 7.3e-3."""
    mantissa, exponent = f"{rate:.1e}".split("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"


def _words(curve: RateCurve, at: int) -> str:
    lowest = min(range(len(curve.losses)), key=curve.losses.__getitem__)
    return (
        f"Line chart of the training loss while the learning rate grows from {rate_words(curve.rates[0])} "
        f"to {rate_words(curve.rates[-1])} in {len(curve.rates)} steps. "
        f"It begins at {curve.losses[0]:.2f}, is lowest at {rate_words(curve.rates[lowest])} with {curve.losses[lowest]:.2f} "
        f"and ends at {curve.losses[-1]:.2f}{', where it explodes' if curve.exploded else ''}. "
        f"It falls most steeply at {rate_words(curve.suggestion)}, with {curve.losses[at]:.2f}: the suggested rate."
    )
