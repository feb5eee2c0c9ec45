"""``docs/pipeline.svg``, the picture of the README and the start page: what happens to the model, and to the work.

Plain SVG from plain strings: the same bytes on every machine, sharp at every size, and on its own white card, so that it reads
on a light page and on a dark one.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

from helpers.course import settings
from helpers.plots.look import FILLS, GREEN, INK, PALE, PAPER, SOFT_INK

FILE = Path("docs") / "pipeline.svg"
WIDTH, HEIGHT = 1200, 470
MARGIN, GAP = 30, 20
CARD = (WIDTH - 2 * MARGIN - 5 * GAP) / 6

# Title in two lines; blocks that can learn, of five; whether the head can; trainable scalars of ResNet50; what is particular.
STAGES = (
    ("Load the", "pre-trained model", 5, 25_557_032, "1000 outputs"),
    ("Replace the", "final layer", 5, 23_528_522, "10 outputs"),
    ("Freeze", "the base", 0, 20_490, "only the new layer"),
    ("Train the", "final layer", 0, 20_490, "5 epochs"),
    ("Unfreeze the", "last blocks", 2, 8_945_674, "2 residual blocks"),
    ("Fine-tune", "slowly", 2, 8_945_674, "10 epochs at 0.0001"),
)
FLOW = (
    ("images", "data.py"),
    ("features", "features.py"),
    ("a trained head", "training.py"),
    ("a trace", "plots/"),
    ("a check", "checks/"),
    ("a grade", "grading/"),
)
DESCRIPTION = (
    "Six stages. "
    + " ".join(f"{i}: {a} {b}, {count:,} trainable parameters ({note})." for i, (a, b, _, count, note) in enumerate(STAGES, 1))
    + f" Below: images become {', '.join(name for name, _ in FLOW[1:])}."
)


def write(root: Path | None = None) -> Path:
    """Write the picture; returns its path."""
    path = (root or settings.root()) / FILE
    path.parent.mkdir(exist_ok=True)
    path.write_text(svg(), encoding="utf-8", newline="\n")
    return path


def svg() -> str:
    """The picture as SVG text."""
    parts = [_opening(), _text(MARGIN, 50, "One model, six stages", size=22, weight=600), _legend()]
    parts.append(_text(318, 49, "The numbers: parameters of ResNet50 that can learn", size=15, fill=SOFT_INK))
    for index, stage in enumerate(STAGES):
        parts.append(_stage(_left(index), index + 1, *stage))
    parts.append(_text(MARGIN, 356, "and what becomes of the images", size=22, weight=600))
    for index, (name, module) in enumerate(FLOW):
        parts.append(_step(_left(index), name, module))
    arrows = [_arrow(_left(index) - GAP + 3, y) for index in range(1, 6) for y in (213, 401)]
    return "\n".join([*parts, *arrows, "</svg>", ""])


def _left(index: int) -> float:
    return MARGIN + index * (CARD + GAP)


def _opening() -> str:
    frozen = FILLS[True]
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="name words" \
font-family="system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif">
<title id="name">From a pre-trained model to a fine-tuned one</title>
<desc id="words">{escape(DESCRIPTION)}</desc>
<defs><pattern id="ice" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">\
<rect width="6" height="6" fill="{frozen["facecolor"]}"/><path d="M0 0V6" stroke="{frozen["edgecolor"]}" stroke-width="2"/>\
</pattern></defs>
<rect x="1" y="1" width="{WIDTH - 2}" height="{HEIGHT - 2}" rx="16" fill="{PAPER}" stroke="{PALE}" stroke-width="2"/>"""


def _text(x: float, y: float, words: str, *, size: int, weight: int = 400, fill: str = INK, anchor: str = "start") -> str:
    style = f'font-size="{size}" font-weight="{weight}" fill="{fill}" text-anchor="{anchor}"'
    return f'<text x="{x:g}" y="{y:g}" {style}>{escape(words)}</text>'


def _box(x: float, y: float, width: float, height: float, *, can_learn: bool) -> str:
    fill, edge = (GREEN, GREEN) if can_learn else ("url(#ice)", FILLS[True]["edgecolor"])
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="3" fill="{fill}" stroke="{edge}"/>'


def _legend() -> str:
    y = 34
    return "\n".join(
        [
            _box(WIDTH - 250, y, 22, 18, can_learn=True),
            _text(WIDTH - 220, y + 15, "can learn", size=16, fill=SOFT_INK),
            _box(WIDTH - 122, y, 22, 18, can_learn=False),
            _text(WIDTH - 92, y + 15, "frozen", size=16, fill=SOFT_INK),
        ]
    )


def _stage(x: float, number: int, first: str, second: str, released: int, count: int, note: str) -> str:
    """One card: number, title, the model as five blocks and a head, and what can learn in it."""
    middle, pad, block = x + CARD / 2, 16, 16
    parts = [
        f'<rect x="{x:g}" y="76" width="{CARD:g}" height="228" rx="12" fill="{PAPER}" stroke="{PALE}" stroke-width="2"/>',
        f'<circle cx="{x + 32:g}" cy="112" r="17" fill="{INK}"/>',
        _text(x + 32, 118, str(number), size=17, weight=600, fill=PAPER, anchor="middle"),
        _text(x + 14, 156, first, size=15, weight=600),
        _text(x + 14, 176, second, size=15, weight=600),
    ]
    for index in range(5):
        parts.append(_box(x + pad + index * (block + 5), 196, block, 34, can_learn=index >= 5 - released))
    parts.append(_box(x + CARD - pad - 28, 188, 28, 50, can_learn=True))
    parts.append(_text(middle, 267, f"{count:,}", size=18, weight=600, anchor="middle"))
    parts.append(_text(middle, 289, note, size=14, fill=SOFT_INK, anchor="middle"))
    return "\n".join(parts)


def _step(x: float, name: str, module: str) -> str:
    """What the images are by now, and the module that made it so."""
    return "\n".join(
        [
            f'<rect x="{x:g}" y="378" width="{CARD:g}" height="46" rx="23" fill="{PALE}"/>',
            _text(x + CARD / 2, 407, name, size=17, weight=600, anchor="middle"),
            _text(x + CARD / 2, 447, module, size=14, fill=SOFT_INK, anchor="middle"),
        ]
    )


def _arrow(x: float, y: float) -> str:
    path = f"M{x:g} {y}H{x + GAP - 6:g}m-6 -6l6 6l-6 6"
    return f'<path d="{path}" fill="none" stroke="{SOFT_INK}" stroke-width="2.5" stroke-linecap="round"/>'
