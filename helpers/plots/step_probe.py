"""The freeze X-ray: what one step did to every part of a model."""

from dataclasses import dataclass
from itertools import groupby, takewhile

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from helpers.course.palette import FAULT, INK, PALE, PAPER, SOFT_INK
from helpers.inspection.step_probe import LayerReport, Probe
from helpers.plots.look import FILLS, describe, new_axes, short

COLUMNS = ("trainable", "in optimizer", "mode", "gradient", "weights\nupdated", "statistics\nchanged")
# From this many layers on, layers are shown by block: ResNet50's 107 become 19 rows.
MANY = 24
WRONG = {"facecolor": FAULT, "edgecolor": FAULT, "hatch": "", "label": "contradiction"}


@dataclass(frozen=True)
class Row:
    """One line of the picture.

    Attributes:
        name: of the layer or block.
        scalars: parameters in it.
        cells: (state, word, contradiction) for each of `COLUMNS`; the state is True, False, ``"mixed"`` or None (nothing to say).
    """

    name: str
    scalars: int
    cells: tuple[tuple[bool | str | None, str, bool], ...]


def block_of(name: str) -> str:
    """The name of the block that a layer lies in: up to the first run of numbers (``layer4.1``, ``blocks.5.3``)."""
    first, *rest = name.split(".")
    return ".".join([first, *takewhile(str.isdigit, rest)])


def xray_rows(probe: Probe) -> list[Row]:
    """The rows of the picture: one a layer, or one a block where there are many layers."""
    groups: dict[str, list[LayerReport]] = {}
    for layer in probe.layers:
        key = layer.name if len(probe.layers) <= MANY else block_of(layer.name)
        groups.setdefault(key, []).append(layer)
    return [_row(name or "(model)", layers) for name, layers in groups.items()]


def plot_probe(probe: Probe, *, ax: Axes | None = None) -> Axes:
    """A table of what one step did, a row for each layer (or block, where there are many), the head last.

    Solid green: yes. Hatched: no. What contradicts the plan is filled in orange and has an exclamation mark: something
    frozen that changes, or something trainable that is not in the optimizer.

    Args:
        probe: what `helpers.inspection.step_probe.probe` returned.
        ax: axes to draw in; default: new ones, high enough for all rows.
    """
    rows = xray_rows(probe)
    contradicted = any(cell[2] for row in rows for cell in row.cells)
    foot = 0.9 if contradicted else 0.1
    ax = ax or new_axes(8.6, 0.265 * (len(rows) + foot) + 0.85)
    # Room on the left for the longest name, in widths of a column.
    longest = max([8, *(len(row.name) for row in rows)])
    ax.set(xlim=(-1.5 - 0.085 * longest, len(COLUMNS)), ylim=(len(rows) + foot, -1.5))
    ax.set_axis_off()
    for place, title in enumerate(COLUMNS):
        ax.text(place + 0.5, -0.25, title, ha="center", va="bottom", color=INK, fontsize=9.5, weight="bold")
    ax.text(-1.35, -0.25, "part", ha="right", va="bottom", color=INK, fontsize=9.5, weight="bold")
    ax.text(-0.15, -0.25, "parameters", ha="right", va="bottom", color=INK, fontsize=9.5, weight="bold")
    for height, row in enumerate(rows):
        ax.text(-1.35, height + 0.5, row.name, ha="right", va="center", color=INK, fontsize=9, family="monospace")
        ax.text(-0.15, height + 0.5, short(row.scalars), ha="right", va="center", color=SOFT_INK, fontsize=9)
        for place, cell in enumerate(row.cells):
            _draw(ax, place, height, *cell)
    if contradicted:
        note = "orange, !  not as planned"
        ax.text(len(COLUMNS) - 0.05, len(rows) + 0.5, note, ha="right", va="center", color=FAULT, fontsize=9, weight="bold")
    return describe(ax, _words(rows, probe))


def _draw(ax: Axes, place: int, height: int, state: bool | str | None, word: str, contradiction: bool) -> None:
    # In `FILLS` True means frozen, here it means yes.
    fill = WRONG if contradiction else FILLS[not state if isinstance(state, bool) else state]
    ax.add_patch(Rectangle((place + 0.05, height + 0.09), 0.9, 0.82, linewidth=0, **fill))
    # Words stand on a plain plate, off the hatching.
    plate = {"boxstyle": "round,pad=0.15", "facecolor": fill["facecolor"], "edgecolor": "none"} if fill["hatch"] else None
    colour = PAPER if state is True or contradiction else INK if state is not None else SOFT_INK
    text = f"{word} !" if contradiction else word
    weight = "bold" if state is True or contradiction else "normal"
    ax.text(place + 0.5, height + 0.5, text, ha="center", va="center", color=colour, fontsize=8.5, weight=weight, bbox=plate)
    if state is None and not word:
        ax.plot([place + 0.42, place + 0.58], [height + 0.5] * 2, color=PALE, linewidth=1.5)


def _row(name: str, layers: list[LayerReport]) -> Row:
    with_weights = [layer for layer in layers if layer.tensors]
    learns = _joined(layer.requires_grad for layer in with_weights)
    held = sum(layer.in_optimizer for layer in layers)
    tensors = sum(layer.tensors for layer in layers)
    in_optimizer = None if not tensors else _part(held, tensors)
    moved = None if not tensors else _part(sum(len(layer.moved) for layer in layers), tensors)
    buffers = [layer for layer in layers if layer.buffers_moved]
    frozen = [layer for layer in layers if layer.requires_grad is False]
    unheld = [layer for layer in with_weights if layer.requires_grad is True and layer.in_optimizer < layer.tensors]
    rates = sorted({lr for layer in layers for lr in layer.lrs}, reverse=True)
    rate = " / ".join(f"{lr:g}" for lr in rates) if len(rates) < 3 else "several rates"
    gradient = _joined(layer.has_gradient for layer in with_weights)
    mode = _joined(layer.training for layer in layers)
    normalises = any("Norm" in layer.kind and "Layer" not in layer.kind and "Group" not in layer.kind for layer in layers)
    statistics = True if buffers else False if normalises else None
    cells = (
        (learns, _word(learns, "yes", "frozen"), False),
        (in_optimizer, rate if held else _word(in_optimizer, "", "no"), bool(unheld) or any(x.in_optimizer for x in frozen)),
        (mode, _word(mode, "train", "eval"), False),
        (gradient, _word(gradient, "yes", "no"), False),
        (moved, _word(moved, "yes", "no"), any(layer.moved for layer in frozen)),
        (statistics, _word(statistics, "yes", "no"), any(layer in frozen for layer in buffers)),
    )
    return Row(name, sum(layer.scalars for layer in layers), cells)


def _joined(answers) -> bool | str | None:
    """True or False if all say so, None if there are none, else ``"mixed"``."""
    answers = set(answers) - {None}
    return None if not answers else answers.pop() if len(answers) == 1 else "mixed"


def _part(some: int, all_of_them: int) -> bool | str:
    return "mixed" if 0 < some < all_of_them else some > 0


def _word(state: bool | str | None, yes: str, no: str) -> str:
    return {True: yes, False: no, None: ""}.get(state, "partly")


def _words(rows: list[Row], probe: Probe) -> str:
    """Neighbouring rows that say the same are told together."""
    titles = [title.replace("\n", " ") for title in COLUMNS]
    told = []
    for cells, alike in groupby(rows, key=lambda row: row.cells):
        first, *others = (row.name for row in alike)
        name = f"{first} to {others[-1]}" if others else first
        said = [f"{word} (contradiction)" if wrong else word for _, word, wrong in cells]
        told.append(f"{name}: {', '.join(f'{title} {word}' for title, word in zip(titles, said, strict=True) if word)}")
    trouble = f" {probe.error}" if probe.error else ""
    return f"Table of one optimisation step on a copy. {'; '.join(told)}.{trouble}"
