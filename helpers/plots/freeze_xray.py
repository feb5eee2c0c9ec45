"""The freeze X-ray: what one step did to every part of a model, a row for each block, with the diagnosis in words.

HTML and not a picture: it grows with the page's letters and is read aloud as a table. In JupyterLab a block opens to its layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from itertools import groupby

from helpers.course import live_view
from helpers.course.palette import FAULT, GREEN, INK, PALE, PAPER, SOFT_INK
from helpers.course.paper import paper
from helpers.inspection.step_probe import LayerReport, Probe
from helpers.plots import blocks
from helpers.plots.look import GROUNDS, short

COLUMNS = ("trainable", "in optimizer", "mode", "gradient", "weights updated", "statistics changed")
# From this many layers on, layers are shown by block: ResNet50's 107 become 19 rows.
MANY = 24
# What can contradict the plan -> what it means, and what to do. The keys are places of columns, in the order of the causes.
FAULTS = {
    2: "frozen, but in train mode: every forward pass moves the statistics of its BatchNorm. Put it in eval mode",
    1: "trainable, but not held by the optimizer: it gets a gradient and stays as it is. Build the optimizer after releasing",
    4: "frozen, but its weights changed: look at what the step writes to",
    "held": "frozen, but held by the optimizer: hand it only what is trainable",
}
SOUND = "As planned: what is frozen stays as it is, and what is trainable is updated."
UNMOVED = "No contradiction between flags, optimizer and modes, but nothing was updated."


@dataclass(frozen=True)
class Row:
    """One line of the X-ray.

    Attributes:
        name: of the layer or block.
        layers: what lies in it.
        scalars: parameters in it.
        cells: (state, word, contradiction) for each of `COLUMNS`; the state is True, False, ``"mixed"`` or None (nothing to say).
        faults: keys of `FAULTS` that hold.
    """

    name: str
    layers: tuple[LayerReport, ...]
    scalars: int
    cells: tuple[tuple[bool | str | None, str, bool], ...]
    faults: tuple[int | str, ...]


def xray_rows(probe: Probe) -> list[Row]:
    """The rows: one a layer, or one a block where there are many layers."""
    if len(probe.layers) > MANY:
        return [_row(name, layers) for name, layers in blocks.by_block(probe.layers).items()]
    return [_row(layer.name or "(model)", [layer]) for layer in probe.layers]


@dataclass(frozen=True, eq=False)
class Xray:
    """The X-ray of one step, for a terminal (``print``) and a notebook (last line of a cell).

    Attributes:
        probe: what `helpers.inspection.step_probe.probe` returned.
    """

    probe: Probe

    @property
    def rows(self) -> list[Row]:
        """A row for each block, the head last."""
        return xray_rows(self.probe)

    def diagnosis(self) -> list[str]:
        """What contradicts the plan, causes first, in sentences; one sentence if nothing does."""
        rows, found = self.rows, []
        for fault, words in FAULTS.items():
            names = [row.name for row in rows if fault in row.faults]
            found += [f"{_together(names)}: {words}."] if names else []
        if self.probe.error:
            return [*found, self.probe.error]
        moved = any(layer.moved for layer in self.probe.layers)
        return found or [SOUND if moved else UNMOVED]

    def __repr__(self) -> str:
        told = []
        for cells, alike in groupby(self.rows, key=lambda row: row.cells):
            said = [f"{word} (contradiction)" if wrong else word for _, word, wrong in cells]
            name = _together([row.name for row in alike])
            told.append(f"{name}: {', '.join(f'{title} {word}' for title, word in zip(COLUMNS, said, strict=True) if word)}")
        return "\n".join(["One optimisation step on a copy.", *told, *self.diagnosis()])

    def html(self, *, live: bool = False) -> str:
        """The table and the diagnosis; `live`: with buttons that open the layers of a block."""
        rows = self.rows
        wrong = any(row.faults for row in rows) or bool(self.probe.error)
        sign = f"<b aria-hidden='true' style='color:{FAULT if wrong else GREEN}'>{'✕' if wrong else '✓'}</b>"
        said = "".join(f"<div style='margin:.15em 0'>{sign} {escape(words)}</div>" for words in self.diagnosis())
        body = (_html(row, live) for row in rows)
        caption = "The freeze X-ray: one step on a copy of the model"
        return paper(
            f"{said}<div style='overflow-x:auto' tabindex='0' role='group' aria-label='{caption}'>"
            f"{blocks.table(('part', 'parameters', *COLUMNS), body, caption)}</div>{KEY}",
            edge=FAULT if wrong else GREEN,
            width="72em",
        )

    def _repr_html_(self) -> str:
        return self.html()

    def _ipython_display_(self) -> None:
        if live_view.has_page():
            live_view.LiveView(self.html(live=True)).show(self.html(), repr(self))
        else:
            live_view.show_plain(self.html(), repr(self))


def xray(probe: Probe) -> Xray:
    """A table of what one step did, a row for each layer (or block, where there are many), the head last.

    Solid green: yes. Striped: no. What contradicts the plan is filled in the colour of faults and has a sign: something frozen
    that changes or could change, or something trainable that is not in the optimizer.

    Args:
        probe: what `helpers.inspection.step_probe.probe` returned.
    """
    return Xray(probe)


def _html(row: Row, live: bool) -> str:
    name = escape(row.name)
    if live:
        words = f"{row.name}{', not as planned' * bool(row.faults)}: its layers"
        name = blocks.opener(row.name, words, f"{name} ▸", "border:0;padding:0;font-family:monospace")
    cells = "".join(_cell(*cell) for cell in row.cells)
    first = f"<th scope='row' style='{blocks.CELL};font-weight:400;font-family:monospace;white-space:nowrap'>{name}</th>"
    number = f"<td style='{blocks.CELL};color:{SOFT_INK};text-align:right'>{short(row.scalars)}</td>"
    line = f"<tr style='border-top:1px solid {PALE};background:none'>{first}{number}{cells}</tr>"
    if live:
        inside = f"<td colspan='{2 + len(COLUMNS)}' style='text-align:left'>{blocks.layer_table(row.name, row.layers)}</td>"
        line += f"<tr hidden data-panel='{escape(row.name)}' style='background:none'>{inside}</tr>"
    return line


def _cell(state: bool | str | None, word: str, contradiction: bool) -> str:
    look = f"{blocks.CELL};padding:.15em .4em"
    if not word:
        return f"<td style='{look};color:{SOFT_INK}'>–</td>"
    # In `GROUNDS` True means frozen, here it means yes. Words stand on plain paper, beside the pattern.
    ground = FAULT if contradiction else GREEN if state is True else GROUNDS[not state if isinstance(state, bool) else state]
    if contradiction or state is True:
        filled = f"display:block;background:{ground};color:{PAPER};font-weight:600;padding:.05em .5em;white-space:nowrap"
        return f"<td style='{look}'><span style='{filled}'>{'✕ ' * contradiction}{escape(word)}</span></td>"
    swatch = f"<span aria-hidden='true' style='flex:none;width:1.2em;background:{ground}'></span>"
    words = f"<span style='color:{INK};padding:.05em .5em'>{escape(word)}</span>"
    return f"<td style='{look}'><span style='display:flex'>{swatch}{words}</span></td>"


def _swatch(ground: str, words: str) -> str:
    box = f"<span aria-hidden='true' style='display:inline-block;width:1.2em;height:.8em;background:{ground}'></span>"
    return f"<span style='white-space:nowrap;margin-right:1.2em'>{box} {words}</span>"


_KEYS = (_swatch(GREEN, "yes"), _swatch(GROUNDS[True], "no, or frozen"), _swatch(GROUNDS["mixed"], "partly"))
KEY = f"<div style='font-size:85%;margin:.2em 0'>{''.join(_KEYS)}{_swatch(FAULT, '✕ not as planned')}</div>"


def _row(name: str, layers: list[LayerReport]) -> Row:
    with_weights = [layer for layer in layers if layer.tensors]
    learns = blocks.joined(layer.requires_grad for layer in with_weights)
    held, tensors = sum(layer.in_optimizer for layer in layers), sum(layer.tensors for layer in layers)
    in_optimizer = None if not tensors else _part(held, tensors)
    moved = None if not tensors else _part(sum(len(layer.moved) for layer in layers), tensors)
    buffers = [layer for layer in layers if layer.buffers_moved]
    frozen = [layer for layer in layers if layer.requires_grad is False]
    unheld = [layer for layer in with_weights if layer.requires_grad is True and layer.in_optimizer < layer.tensors]
    rates = sorted({lr for layer in layers for lr in layer.lrs}, reverse=True)
    rate = " / ".join(f"{lr:g}" for lr in rates) if len(rates) < 3 else "several rates"
    gradient = blocks.joined(layer.has_gradient for layer in with_weights)
    mode = blocks.joined(layer.training for layer in layers)
    statistics = True if buffers else False if any(map(blocks.normalises, layers)) else None
    frozen_moved = any(layer in frozen for layer in buffers)
    cells = (
        (learns, _word(learns, "yes", "frozen"), False),
        (in_optimizer, rate if held else _word(in_optimizer, "", "no"), bool(unheld) or any(x.in_optimizer for x in frozen)),
        (mode, _word(mode, "train", "eval"), frozen_moved),
        (gradient, _word(gradient, "yes", "no"), False),
        (moved, _word(moved, "yes", "no"), any(layer.moved for layer in frozen)),
        (statistics, _word(statistics, "yes", "no"), frozen_moved),
    )
    holds = {2: frozen_moved, 1: bool(unheld), 4: cells[4][2], "held": any(layer.in_optimizer for layer in frozen)}
    return Row(name, tuple(layers), sum(layer.scalars for layer in layers), cells, tuple(key for key in FAULTS if holds[key]))


def _together(names: list[str]) -> str:
    """Several rows in few words."""
    return " and ".join(names) if len(names) < 3 else f"{len(names)} parts, {names[0]} to {names[-1]}"


def _part(some: int, all_of_them: int) -> bool | str:
    return "mixed" if 0 < some < all_of_them else some > 0


def _word(state: bool | str | None, yes: str, no: str) -> str:
    return {True: yes, False: no, None: ""}.get(state, "partly")
