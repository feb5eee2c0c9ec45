"""The six stages from a pre-trained model to a fine-tuned one, with the counts of the model at hand."""

from collections.abc import Mapping

import torch
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch, Rectangle

from helpers.course.errors import CourseError
from helpers.course.palette import GREEN, INK, PALE, PAPER, SOFT_INK
from helpers.models.backbones import with_new_head
from helpers.parameters import count
from helpers.plots.look import FILLS, describe, new_axes, short

STAGES = (
    "load the\npre-trained model",
    "replace the\nfinal layer",
    "freeze\nthe base",
    "train the\nfinal layer",
    "unfreeze the\nlast blocks",
    "fine-tune\nslowly",
)
# A share that is too small to be seen is drawn this wide, in parts of the bar: 20,490 of 23.5 million is one in a thousand.
LEAST_WIDTH = 0.02


def pipeline_counts(backbone, *, num_classes: int = 10, released_blocks: int = 2) -> dict[int, object]:
    """Stage 1 to 6 -> the `helpers.parameters.Counts` of the backbone's architecture there. Needs no weights."""
    with torch.device("meta"):  # shapes without numbers: four models in a tenth of the time
        head_only = count(with_new_head(backbone, num_classes=num_classes, pretrained=False))
        later = with_new_head(backbone, num_classes=num_classes, released_blocks=released_blocks, pretrained=False)
        loaded = count(backbone.build(pretrained=False))
        replaced = count(backbone.build(num_classes=num_classes, pretrained=False))
    return {1: loaded, 2: replaced, 3: head_only, 4: head_only, 5: count(later), 6: count(later)}


def plot_pipeline(counts: object, *, stage: int | None = None, ax: Axes | None = None) -> Axes:
    """Six boxes from left to right; each with its counts and a bar of the trainable share.

    Args:
        counts: stage (1 to 6) -> an object with ``total`` and ``trainable``, or a pair of these two numbers (see
            `pipeline_counts`). A single one stands for `stage`. Stages that it lacks are drawn without numbers.
        stage: the stage where the learner is now, drawn with a strong frame.
        ax: axes to draw in; default: new ones.

    Raises:
        CourseError: there is no such stage, or one count without the stage that it belongs to.
    """
    if stage is not None and stage not in range(1, 7):
        raise CourseError(f"There is no stage {stage!r}: the stages are 1 to 6.")
    if not isinstance(counts, Mapping):
        if stage is None:
            raise CourseError("One count needs its stage: write plot_pipeline(count(model), stage=3).")
        counts = {stage: counts}
    pairs = {n: (count.total, count.trainable) if hasattr(count, "trainable") else tuple(count) for n, count in counts.items()}
    ax = ax or new_axes(11, 2.5)
    ax.set(xlim=(-0.02, 6.02), ylim=(0, 1))
    ax.set_axis_off()
    for number, title in enumerate(STAGES, start=1):
        _box(ax, number, title, pairs.get(number), here=number == stage)
    return describe(ax, _words(pairs, stage))


def _box(ax: Axes, number: int, title: str, pair: tuple[int, int] | None, *, here: bool) -> None:
    left, width = number - 1 + 0.04, 0.84
    frame = {"edgecolor": INK if here else PALE, "linewidth": 2.2 if here else 1.2, "facecolor": PAPER}
    box = FancyBboxPatch((left, 0.06), width, 0.88, boxstyle="round,pad=0,rounding_size=0.06", label=f"stage {number}", **frame)
    ax.add_patch(box)
    if number < 6:
        arrow = {"arrowstyle": "-|>", "color": SOFT_INK, "shrinkA": 0, "shrinkB": 0}
        ax.annotate("", (number + 0.03, 0.5), (number - 0.11, 0.5), arrowprops=arrow)
    ax.text(left + 0.06, 0.83, str(number), color=INK if here else SOFT_INK, fontsize=13, weight="bold", va="center")
    if here:
        ax.text(left + width - 0.06, 0.83, "you are here", color=INK, fontsize=8.5, va="center", ha="right", style="italic")
    style = {"fontsize": 9.2, "weight": "bold"} if here else {"fontsize": 10}  # bold letters are wider
    ax.text(left + 0.06, 0.64, title, color=INK, **style, va="center", linespacing=1.25)
    if pair is None:
        return
    total, trainable = pair
    # A hatched bar for the whole model, with the trainable share in solid colour at its right end: the head is last.
    start, length, share = left + 0.06, width - 0.12, max(trainable / total, LEAST_WIDTH) if trainable else 0.0
    ax.add_patch(Rectangle((start, 0.40), length, 0.075, linewidth=0, label="frozen", **FILLS[True]))
    solid = (start + length * (1 - share), 0.40)
    ax.add_patch(Rectangle(solid, length * share, 0.075, facecolor=GREEN, linewidth=0, label="trainable"))
    ax.text(left + 0.06, 0.27, f"{short(trainable)} trainable", color=INK, fontsize=9, va="center")
    ax.text(left + 0.06, 0.15, f"of {short(total)}", color=SOFT_INK, fontsize=9, va="center")


def _words(pairs: dict[int, tuple[int, int]], stage: int | None) -> str:
    parts = []
    for number, title in enumerate(STAGES, start=1):
        name = f"{number} {title}".replace("\n", " ")
        parts.append(f"{name}: {pairs[number][1]:,} of {pairs[number][0]:,} parameters trainable" if number in pairs else name)
    here = f" You are at stage {stage}." if stage else ""
    return f"Six stages from left to right. {'; '.join(parts)}.{here}"
