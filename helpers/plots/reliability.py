"""The reliability diagram: how often a model is right, against its confidence."""

from collections.abc import Mapping

from matplotlib.axes import Axes

from helpers.course.errors import CourseError
from helpers.course.palette import BLUE, GREEN, INK, SOFT_INK, VERMILLION
from helpers.inspection.calibration import BINS, calibration_error, reliability
from helpers.inspection.predictions import Predictions
from helpers.plots.look import describe, new_axes, quiet

# One for each model, told apart by colour, dash and marker.
STYLES = ((SOFT_INK, ":", "s"), (BLUE, "-", "o"), (VERMILLION, "--", "D"), (GREEN, "-.", "^"))
LARGEST = 260  # area of the marker of all images together, in points squared
JOINED = 0.01  # the least share of the images in a range that the line goes through: fewer jump up and down by chance


def plot_reliability(predictions: Mapping[str, Predictions], *, bins: int = BINS, ax: Axes | None = None) -> Axes:
    """A line for each model over its ranges of confidence; the larger a marker, the more images lie in its range.

    The line passes over ranges with less than a hundredth of the images.

    On the diagonal confidence and accuracy are equal. Below it the model is overconfident, above it underconfident.

    Args:
        predictions: name -> what the model says, up to four.
        bins: ranges of confidence; those without images have no marker.
        ax: axes to draw in; default: new ones.

    Raises:
        CourseError: no model, or more than four.
    """
    if not 1 <= len(predictions) <= len(STYLES):
        raise CourseError(f"plot_reliability draws 1 to {len(STYLES)} models: pass a dict of so many.")
    ax = ax or new_axes(5.4, 5.0)
    ax.plot([0, 1], [0, 1], color=INK, linewidth=0.9, label="perfectly calibrated")
    words = []
    for (name, found), (color, dash, marker) in zip(predictions.items(), STYLES, strict=False):
        ranges = reliability(found, bins)
        x, y = [one.confidence for one in ranges], [one.accuracy for one in ranges]
        firm = [one for one in ranges if one.count >= JOINED * len(found)]
        line = [one.confidence for one in firm], [one.accuracy for one in firm]
        sizes = [24 + LARGEST * one.count / len(found) for one in ranges]
        ax.plot(*line, color=color, linestyle=dash, linewidth=1.6, marker=marker, markersize=4, label=name)
        ax.scatter(x, y, s=sizes, color=color, marker=marker, alpha=0.45, linewidths=0)
        points = ", ".join(f"confidence {one.confidence:.2f}: right in {one.accuracy:.2f} of {one.count}" for one in ranges)
        words.append(f"{name} (error {calibration_error(found, bins):.3f}): {points}.")
    quiet(ax)
    ax.set(xlim=(0, 1.03), ylim=(0, 1.03), aspect="equal", xlabel="confidence", ylabel="share of images that are right")
    for x, y, side, text in ((0.97, 0.3, "right", "overconfident"), (0.03, 0.62, "left", "underconfident")):
        ax.text(x, y, text, color=SOFT_INK, fontsize=9, ha=side, style="italic")
    ax.legend(loc="upper left", frameon=False, fontsize=9)
    return describe(ax, f"Reliability diagram, accuracy by confidence in {bins} ranges. {' '.join(words)}")
