"""A model by its blocks, as HTML: what lies in each, what is frozen, and what an optimizer does with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from itertools import takewhile

from helpers.course.palette import INK, PALE, SOFT_INK
from helpers.inspection.step_probe import LayerReport
from helpers.plots.look import GROUNDS

LAYER_COLUMNS = ("layer", "kind", "shapes", "parameters", "trainable", "mode", "optimizer")
CELL = "text-align:left;vertical-align:top;padding:.2em .7em;white-space:normal"


def block_of(name: str) -> str:
    """The name of the block that a layer lies in: up to the first run of numbers (``layer4.1``, ``blocks.5.3``)."""
    first, *rest = name.split(".")
    return ".".join([first, *takewhile(str.isdigit, rest)])


def by_block(layers: Iterable[LayerReport]) -> dict[str, list[LayerReport]]:
    """Name of a block -> its layers, in the model's order."""
    groups: dict[str, list[LayerReport]] = {}
    for layer in layers:
        groups.setdefault(block_of(layer.name) or "(model)", []).append(layer)
    return groups


def state_of(layers: Iterable[LayerReport]) -> bool | str | None:
    """Whether a block is frozen, as `helpers.plots.look.FILLS` has it: True, False, ``"mixed"``, or None without parameters."""
    learns = joined(layer.requires_grad for layer in layers)
    return not learns if isinstance(learns, bool) else learns


def joined(answers: Iterable[bool | str | None]) -> bool | str | None:
    """True or False if all say so, None if there are none, else ``"mixed"``."""
    found = set(answers) - {None}
    return None if not found else found.pop() if len(found) == 1 else "mixed"


def normalises(layer: LayerReport) -> bool:
    """Whether the layer keeps running statistics, which move in train mode whatever its flags say."""
    return "Norm" in layer.kind and "Layer" not in layer.kind and "Group" not in layer.kind


def held_words(layers: Sequence[LayerReport]) -> str:
    """What the optimizer does with these layers: ``"group 2, rate 0.0001"``."""
    groups = sorted({group for layer in layers for group in layer.groups})
    rates = sorted({lr for layer in layers for lr in layer.lrs}, reverse=True)
    if not groups:
        return "not held"
    part = "" if sum(layer.in_optimizer for layer in layers) == sum(layer.tensors for layer in layers) else ", in part"
    return f"group {' and '.join(map(str, groups))}, rate {' / '.join(f'{lr:g}' for lr in rates)}{part}"


def bar(state: bool | str | None, height: str = ".8em") -> str:
    """A strip in the colour and pattern of what is frozen or trainable; words say it as well."""
    return f"<span aria-hidden='true' style='display:block;height:{height};background:{GROUNDS[state]}'></span>"


def table(head: Sequence[str], rows: Iterable[str], caption: str) -> str:
    """HTML of a table whose rows are HTML already; on a page that is too narrow it moves under its own scroll bar."""
    heads = "".join(f"<th scope='col' style='{CELL};font-weight:600'>{escape(name)}</th>" for name in head)
    told = f"<caption style='text-align:left;font-weight:600;color:{INK};padding:.2em .7em'>{escape(caption)}</caption>"
    look = f"border-collapse:collapse;margin:.3em 0;table-layout:auto;font-size:92%;color:{INK};background:none"
    return f"<table style='{look}'>{told}<thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def layer_table(name: str, layers: Sequence[LayerReport]) -> str:
    """The layers of a block: shapes, parameters, flags, mode and the optimizer's group of each."""
    rows = []
    for layer in layers:
        told = (" ".join((key, " × ".join(map(str, shape)))) for key, shape in layer.shapes.items())
        shapes = ", ".join(one.replace(" ", "\N{NO-BREAK SPACE}") for one in told)  # a shape stays on one line
        trainable = {True: "yes", False: "frozen", None: "–"}.get(layer.requires_grad, "partly")
        mode = ("train" if layer.training else "eval") + (", statistics move" if normalises(layer) and layer.training else "")
        inside = layer.name.removeprefix(f"{name}.") or "(model)"
        held = held_words([layer]) if layer.tensors else "–"
        words = (layer.kind, shapes or "–", f"{layer.scalars:,}", trainable, mode, held)
        cells = "".join(f"<td style='{CELL}'>{escape(word)}</td>" for word in words)
        first = f"<th scope='row' style='{CELL};font-weight:400;font-family:monospace'>{escape(inside)}</th>"
        rows.append(f"<tr style='border-top:1px solid {PALE};background:none'>{first}{cells}</tr>")
    return table(LAYER_COLUMNS, rows, f"The layers of {name}")


def opener(key: str, words: str, content: str, look: str = "") -> str:
    """HTML for a button on a live card that opens the panel of the same key, and closes it again."""
    plain = f"font:inherit;color:{INK};text-align:left;cursor:pointer;background:none"
    told = f"data-opens='{escape(key)}' data-key='{escape(key)}' aria-expanded='false' aria-label='{escape(words)}'"
    return f"<button type='button' {told} style='{plain};{look}'>{content}</button>"


def soft(words: str) -> str:
    """Small words in a quieter colour."""
    return f"<span style='font-size:85%;color:{SOFT_INK}'>{escape(words)}</span>"
