"""The training trace: loss or accuracy by epoch, beside a recorded run on many images and an illustration of a typical one."""

from collections.abc import Iterable, Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator

from helpers.course.errors import CourseError
from helpers.course.palette import INK, SOFT_INK
from helpers.plots.look import LINES, describe, draw_chance, guessing, new_axes, quiet
from helpers.training.history import History
from helpers.training.real_run import load_real_run

# An illustration, which nobody has run: how the trace of a ResNet50 on 5000 images might look, head for five epochs, then the
# last blocks as well. What was measured is `helpers.training.real_run`.
REFERENCE_TRACE = (
    {"epoch": 1, "loss": 1.20, "accuracy": 0.55},
    {"epoch": 3, "loss": 0.80, "accuracy": 0.70},
    {"epoch": 5, "loss": 0.60, "accuracy": 0.78},
    {"epoch": 6, "loss": 0.58, "accuracy": 0.80},
    {"epoch": 8, "loss": 0.45, "accuracy": 0.85},
    {"epoch": 10, "loss": 0.40, "accuracy": 0.88},
)
METRICS = {"accuracy": "accuracy (share of images that are right)", "loss": "loss (mean cross entropy)"}


def plot_history(
    history: Iterable[Mapping],
    metric: str = "accuracy",
    *,
    reference: bool = False,
    released_at: int | None = None,
    num_classes: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Training and validation values by epoch, with the moment of unfreezing and a ring round the run's best epoch.

    Args:
        history: records of the whole run, epochs counted on (`History.extend_with` joins head and fine-tuning).
        metric: ``"accuracy"`` or ``"loss"``.
        reference: draw as well the validation values of the recorded run (`helpers.training.real_run`), and the six points of
            `REFERENCE_TRACE`, which are an illustration.
        released_at: the first epoch in which the released blocks learned; default: where the second phase begins.
        num_classes: of how many classes: what guessing comes to is drawn as well; None: no line.
        ax: axes to draw in; default: new ones.

    Raises:
        CourseError: the history is empty, or the metric has another name.
    """
    history = _checked(history, metric)
    ax = ax or new_axes(7.5, 4.2)
    epochs = [record["epoch"] for record in history]
    for split in ("train", "val"):
        ax.plot(epochs, [record[f"{split}_{metric}"] for record in history], **LINES[split], linewidth=2, markersize=5)
    if reference:
        _draw_references(ax, metric)
    draw_chance(ax, metric, num_classes)
    best = history.best
    ring = {"s": 170, "facecolors": "none", "edgecolors": INK, "linewidths": 1.3, "zorder": 4, "clip_on": False}
    ax.scatter([best["epoch"]], [best[f"val_{metric}"]], **ring, label="best epoch")
    quiet(ax)
    ax.set(xlabel="epoch, over the whole run", ylabel=METRICS[metric])
    # Each epoch of a short run, round ones of a long run.
    last = max(epochs[-1], load_real_run().history[-1]["epoch"] if reference else 1)
    ax.xaxis.set_major_locator(FixedLocator(range(1, last + 1)) if last <= 15 else MaxNLocator(integer=True))
    released_at = released_at or history.released_at
    if released_at is not None:
        ax.axvline(released_at - 0.5, color=SOFT_INK, linewidth=1)
        above = {"xycoords": ax.get_xaxis_transform(), "xytext": (0, 4), "textcoords": "offset points", "ha": "center"}
        ax.annotate("last blocks released", (released_at - 0.5, 1.0), **above, color=SOFT_INK, fontsize=9)
    corner = "lower right" if metric == "accuracy" else "upper right"
    ax.legend(loc=corner, frameon=True, framealpha=0.85, edgecolor="none", fontsize=9)
    ax.margins(x=0.03, y=0.08)
    return describe(ax, " ".join([_words(history, metric, reference, released_at), *guessing(num_classes)]))


def plot_trace(history: Iterable[Mapping], *, figure: Figure | None = None, **options) -> Figure:
    """Accuracy and loss of `plot_history` side by side: axes of one size, epoch beside epoch, one key for both.

    Args:
        history, options: as for `plot_history`.
        figure: an empty one to draw in; default: a new one.

    Raises:
        CourseError: as `plot_history`.
    """
    history = _checked(history)
    if figure is None:
        figure = new_axes(11, 4.2).get_figure()
        figure.clear()
    axes = figure.subplots(1, len(METRICS), sharex=True)
    for ax, metric in zip(axes, METRICS, strict=True):
        plot_history(history, metric, ax=ax, **options).get_legend().remove()
    signs = axes[0].get_legend_handles_labels()
    figure.legend(*signs, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return figure


def _checked(history: Iterable[Mapping], metric: str = "accuracy") -> History:
    history = History.of(history)
    if metric not in METRICS or not history:
        raise CourseError("plot_history takes a history with at least one epoch, and the metric 'accuracy' or 'loss'.")
    return history


def _draw_references(ax: Axes, metric: str) -> None:
    """The recorded run's validation values, and the illustration's six points, in grey."""
    hollow = {"markerfacecolor": "none", "linewidth": 1.3}
    real = load_real_run().history
    ax.plot([r["epoch"] for r in real], [r[f"val_{metric}"] for r in real], **LINES["real"], **hollow, markersize=4)
    sketched = [point["epoch"] for point in REFERENCE_TRACE], [point[metric] for point in REFERENCE_TRACE]
    ax.plot(*sketched, **LINES["reference"], **hollow, markersize=6)


def _words(history: History, metric: str, reference: bool, released_at: int | None) -> str:
    first, last = history[0], history[-1]
    parts = [
        f"Line chart of {metric} over epochs {first['epoch']} to {last['epoch']}.",
        f"Training: {first[f'train_{metric}']:.2f} to {last[f'train_{metric}']:.2f}.",
        f"Validation: {first[f'val_{metric}']:.2f} to {last[f'val_{metric}']:.2f},",
        f"best epoch {history.best['epoch']} with {history.best[f'val_{metric}']:.2f}.",
    ]
    if released_at:
        parts.append(f"The last blocks are released before epoch {released_at}.")
    if reference:
        points = ", ".join(f"{point[metric]:.2f} at epoch {point['epoch']}" for point in REFERENCE_TRACE)
        real = load_real_run()
        ends, images = [real.history[place][f"val_{metric}"] for place in (0, -1)], real.settings["num_train"]
        parts.append(f"The recorded run on {images} digits, validation: {ends[0]:.2f} to {ends[1]:.2f}.")
        parts.append(f"An illustration of a typical run, not measured: {points}.")
    return " ".join(parts)
