"""The confusion matrix: which class is taken for which."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle
from torch import Tensor

from helpers.course.errors import CourseError
from helpers.course.palette import BLUE, INK, PALE, PAPER, SOFT_INK, VERMILLION
from helpers.plots.look import describe, new_axes, note
from helpers.plots.names import Drawn, fit, width

# With more classes than this the numbers would overlap: colour alone tells.
MOST_NUMBERS = 20
MOST_NAMES = 60
LONGEST = 24  # columns of a name
COLUMN = 0.075  # inches, of these letters
TOLD = 3  # confusions named in the text alternative


def plot_confusion(confusion: Tensor, class_names: Sequence[str], *, ax: Axes | None = None) -> Axes:
    """A square for each pair of classes: true class by row, predicted class by column, and the share of right ones beside.

    Blue on the diagonal: right. Orange with a frame: mistakes, darker the more of the row they take. Empty squares: none.

    Args:
        confusion: int64 (C, C), counts; rows are true classes (see `helpers.inspection.predictions.confusion`).
        class_names: C names.
        ax: axes to draw in; default: new ones.

    Raises:
        CourseError: not a square of counts with one name for each row.
    """
    size = len(class_names)
    if not size or confusion.shape != (size, size):
        shape = " x ".join(map(str, confusion.shape))
        raise CourseError(f"A confusion matrix of {size} classes is {size} x {size}, this one is {shape}: pass one name a class.")
    counts, numbers = confusion.long().tolist(), size <= MOST_NUMBERS
    names = fit(class_names, LONGEST)
    if ax is None:
        room = COLUMN * max(0, max(map(width, names.labels)) - 4)  # for names beside the squares, and aslant below them
        ax = new_axes(*((max(3.6, 1.75 + 0.44 * size) + room, 1.2 + 0.42 * size + 0.7 * room) if numbers else (8.6, 7.6)))
    for row, line in enumerate(counts):
        for column, count in enumerate(line):
            if count or row == column:
                _square(ax, row, column, count, sum(line), numbers)
        if numbers and sum(line):
            share = f"{line[row] / sum(line):.0%}"
            ax.text(size - 0.2, row, share, color=SOFT_INK, fontsize=9.5, va="center", ha="left")
    if numbers:
        ax.text(size - 0.2, -0.75, "right", color=SOFT_INK, fontsize=9.5, va="center", ha="left")
    _frame(ax, names, numbers)
    return describe(note(ax, names.key), _words(counts, [str(name) for name in class_names]))


def _square(ax: Axes, row: int, column: int, count: int, total: int, numbers: bool) -> None:
    right, share = row == column, count / total if total else 0.0
    # A square root, so that one mistake in a hundred can be seen.
    strength = 0.12 + 0.88 * (share if right else min(1.0, 2 * share) ** 0.5) if count else 0.0
    colour = [1 - strength * (1 - part) for part in to_rgb(BLUE if right else VERMILLION)]
    style = {"facecolor": colour, "edgecolor": PALE if right else VERMILLION, "linewidth": 1.0 if numbers else 0.6}
    ax.add_patch(Rectangle((column - 0.45, row - 0.45), 0.9, 0.9, label="right" if right else "mistake", **style))
    if numbers:
        style = {"color": PAPER if strength > 0.6 else INK, "weight": "bold" if right else "normal"}
        ax.text(column, row, f"{count:,}", fontsize=9.5, va="center", ha="center", **style)


def _frame(ax: Axes, names: Drawn, numbers: bool) -> None:
    size = len(names.labels)
    places = range(0, size, -(-size // MOST_NAMES))
    shown = [names.labels[place] for place in places]
    long = max(map(width, shown)) > (3 if size > 4 else 5)  # wider than a square
    options = {"fontsize": 9.5 if numbers else 7, **names.style}
    # Room for the column of shares on the right and for its heading, where there is one.
    ax.set(xlim=(-0.55, size + (0.6 if numbers else -0.45)), ylim=(size - 0.45, -1.05 if numbers else -0.55))
    ax.set_xticks(places, shown, rotation=45 if long else 0, ha="right" if long else "center", rotation_mode="anchor", **options)
    ax.set_yticks(places, shown, **options)
    ax.set_aspect("equal")
    ax.tick_params(length=0, colors=INK)
    ax.spines[:].set_visible(False)
    ax.set_xlabel("predicted class", color=INK)
    ax.set_ylabel("true class", color=INK)


def _words(counts: list[list[int]], names: list[str]) -> str:
    total, right = sum(map(sum, counts)), sum(line[place] for place, line in enumerate(counts))
    mistakes = [(count, row, column) for row, line in enumerate(counts) for column, count in enumerate(line) if row != column]
    worst = sorted((mistake for mistake in mistakes if mistake[0]), key=lambda mistake: (-mistake[0], mistake[1:]))[:TOLD]
    told = "; ".join(f"{names[row]} taken for {names[column]} ({count:,})" for count, row, column in worst)
    most = f" Most frequent mistakes: {told}." if told else " No mistake."
    return f"Confusion matrix of {len(names)} classes: {right:,} of {total:,} images right, on the diagonal.{most}"
