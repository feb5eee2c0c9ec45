"""Several training traces side by side, on the same axes: for comparing runs."""

from collections.abc import Iterable, Mapping

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from helpers.course.errors import CourseError
from helpers.course.palette import INK, PALE, SOFT_INK
from helpers.plots.look import LINES, describe, draw_chance, guessing, new_axes, quiet
from helpers.training.history import KEYS, History

# A run that falls apart has losses of 20 and more: on its scale no other run could be read.
HIGHEST_LOSS = 4.0


def plot_histories(
    histories: Mapping[str, Iterable[Mapping]],
    *,
    marks: Mapping[str, int | None] | None = None,
    num_classes: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """A column for each run: its losses above, its accuracies below, all on the same scales.

    Args:
        histories: title -> records, epochs from 1.
        marks: title -> the first epoch of fine-tuning, before which a line is drawn; None or absent: no line.
        num_classes: of how many classes: the accuracy of guessing is drawn as well; None: no line.
        ax: axes to draw in; default: new ones.

    Raises:
        CourseError: there is no history, or one without an epoch.
    """
    runs = {title: History.of(records) for title, records in histories.items()}
    if not runs or not all(runs.values()):
        raise CourseError("plot_histories takes one history or more, each with at least one epoch.")
    marks = dict(marks or {})
    ax = ax or new_axes(11, 5)
    ax.set(xlim=(0, len(runs)), ylim=(-0.1, 2.14))
    ax.set_axis_off()
    last = max(history[-1]["epoch"] for history in runs.values())
    highest = max(record[f"{split}_loss"] for history in runs.values() for record in history for split in ("train", "val"))
    for column, (title, history) in enumerate(runs.items()):
        ax.text(column + 0.14, 2.1, title, color=INK, fontsize=11.5, weight="bold", va="center")
        for row, metric in ((1, "loss"), (0, "accuracy")):
            panel = ax.inset_axes((column + 0.14, row + 0.16, 0.82, 0.82), transform=ax.transData)
            panel.set(xlim=(0.4, last + 0.9), ylim=(0, min(1.1 * highest, HIGHEST_LOSS) if metric == "loss" else 1.03))
            _draw(panel, history, metric, marks.get(title), first=column == 0)
            draw_chance(panel, metric, num_classes)
    # Each sign once, whichever panels have it.
    signs = {name: sign for panel in ax.child_axes for sign, name in zip(*panel.get_legend_handles_labels(), strict=True)}
    place = {"loc": "upper center", "bbox_to_anchor": (0.5, 0.03), "ncols": len(signs)}
    ax.legend(signs.values(), signs, **place, frameon=False, fontsize=9)
    told = " ".join([*(_words(title, history, marks.get(title)) for title, history in runs.items()), *guessing(num_classes)])
    return describe(ax, f"Line charts of {len(runs)} training runs side by side, loss above, accuracy below. {told}")


def _draw(panel: Axes, history: History, metric: str, mark: int | None, *, first: bool) -> None:
    epochs = [record["epoch"] for record in history]
    for split in ("train", "val"):
        panel.plot(epochs, [record[f"{split}_{metric}"] for record in history], **LINES[split], linewidth=1.8, markersize=3.5)
    best = history.best
    beyond = best[f"val_{metric}"] > panel.get_ylim()[1]  # a loss off the scale has no ring in the panel above
    ring = {"s": 90, "facecolors": "none", "edgecolors": INK, "linewidths": 1.2, "zorder": 4, "clip_on": beyond}
    panel.scatter([best["epoch"]], [best[f"val_{metric}"]], **ring, label="best epoch")
    quiet(panel)
    panel.spines[["left", "bottom"]].set_color(PALE)
    panel.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    panel.tick_params(labelsize=8.5, labelleft=first)
    if first:
        panel.set_ylabel(metric)
    if metric == "accuracy":
        panel.set_xlabel("epoch", fontsize=9)
    if mark:
        panel.axvline(mark - 0.5, color=SOFT_INK, linewidth=1, label="fine-tuning begins")


def _words(title: str, history: History, mark: int | None) -> str:
    first, last, best = history[0], history[-1], history.best
    spans = {key: f"{first[key]:.2f} to {last[key]:.2f}" for key in KEYS[2:]}
    lowest = min(record["val_loss"] for record in history)
    began = f" Fine-tuning begins at epoch {mark}." if mark else ""
    return (
        f"{title}, {last['epoch']} epochs: training loss {spans['train_loss']}, validation loss {spans['val_loss']}, at its "
        f"lowest {lowest:.2f}; training accuracy {spans['train_accuracy']}, validation accuracy {spans['val_accuracy']}, "
        f"best epoch {best['epoch']} with {best['val_accuracy']:.2f}.{began}"
    )
