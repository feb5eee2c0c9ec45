"""How often a model is right, class by class: one marker a model, the larger classes on top."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from torch import Tensor

from helpers.course.errors import CourseError
from helpers.course.palette import BLUE, GREEN, INK, PALE, SOFT_INK, VERMILLION
from helpers.plots.look import describe, new_axes, note, quiet
from helpers.plots.names import fit

STYLES = ((SOFT_INK, "s"), (VERMILLION, "D"), (BLUE, "o"), (GREEN, "^"))  # told apart by colour and marker
LONGEST = 20  # columns of a name


def plot_by_class(
    shares: Mapping[str, Sequence[float]], class_names: Sequence[str], counts: Sequence[int] | Tensor, *, ax: Axes | None = None
) -> Axes:
    """A row for each class, those with the most training images first; a line joins its markers.

    Args:
        shares: name of a model -> for each class the share of its images that are right, in [0, 1]; up to four models.
        class_names: what each class is called.
        counts: training images of each class.
        ax: axes to draw in; default: new ones.

    Raises:
        CourseError: no model, more than four, or not one share a class.
    """
    if not 1 <= len(shares) <= len(STYLES):
        raise CourseError(f"plot_by_class draws 1 to {len(STYLES)} models: pass a dict of so many.")
    counts = [int(count) for count in counts]
    if any(len(values) != len(class_names) for values in (*shares.values(), counts)):
        raise CourseError(f"There are {len(class_names)} classes: give each model a share, and each class a count.")
    rows = sorted(range(len(class_names)), key=lambda label: -counts[label])
    drawn = fit([class_names[label] for label in rows], LONGEST)
    ax = ax or new_axes(7.2, 0.32 * len(rows) + 1.0)
    for place, label in enumerate(rows):
        values = [float(found[label]) for found in shares.values()]
        ax.plot([min(values), max(values)], [place, place], color=PALE, linewidth=3, zorder=1, solid_capstyle="round")
    for (name, found), (color, marker) in zip(shares.items(), STYLES, strict=False):
        places = range(len(rows))
        ax.scatter([float(found[label]) for label in rows], places, color=color, marker=marker, s=42, label=name, zorder=2)
    quiet(ax)
    ax.grid(axis="y", visible=False)
    ax.set(xlim=(-0.02, 1.02), ylim=(len(rows) - 0.4, -0.6), xlabel="share of the class's images that are right")
    ticks = [f"{text}  ({counts[label]})" for text, label in zip(drawn.labels, rows, strict=True)]
    ax.set_yticks(range(len(rows)), ticks, color=INK, fontsize=9.5, **drawn.style)
    ax.set_ylabel("class (training images)")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(shares), frameon=False, fontsize=9)
    told = (
        f"{class_names[label]} ({counts[label]} training images): "
        + ", ".join(f"{name} {float(found[label]):.2f}" for name, found in shares.items())
        for label in rows
    )
    return describe(note(ax, drawn.key), f"Share of right answers by class, the largest class first. {'; '.join(told)}.")
