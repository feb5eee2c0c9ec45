"""The pictures of a class report as SVG: fillings that are told apart without colour, and words for each picture."""

from collections.abc import Mapping, Sequence
from html import escape

from markupsafe import Markup

from helpers.checks.report import LOOKS, NOT_ATTEMPTED, NOT_YET
from helpers.checks.report import RIGHT as PASSED
from helpers.course.palette import INK, PALE, PAPER, SOFT_INK
from helpers.grading.class_report.facts import NOT_RUN, PARTLY, RIGHT, UNTRIED, WAITING, WRONG

# The colours that learners know from their own reports.
TEAL, AMBER, GREY = LOOKS[PASSED][0], LOOKS[NOT_YET][0], LOOKS[NOT_ATTEMPTED][0]

# Filling -> its pattern as (size, ground, lines): solid, diagonal, crossed, empty, upright and dotted.
PLAIN = "plain"
_PATTERNS = {
    RIGHT: (8, TEAL, ""),
    PARTLY: (8, "#d3ebe7", f"<path d='M-2 10L10 -2M-2 2L2 -2M6 10L10 6' stroke='{TEAL}' stroke-width='2'/>"),
    WRONG: (8, "#fbe6d0", f"<path d='M0 0L8 8M8 0L0 8' stroke='{AMBER}' stroke-width='1.7'/>"),
    UNTRIED: (8, PAPER, ""),
    NOT_RUN: (6, "#eceff2", f"<path d='M3 0V6' stroke='{GREY}' stroke-width='2'/>"),
    WAITING: (7, PAPER, f"<circle cx='3.5' cy='3.5' r='1.4' fill='{SOFT_INK}'/>"),
    PLAIN: (8, SOFT_INK, ""),
}
_EDGES = {RIGHT: TEAL, PARTLY: TEAL, WRONG: AMBER, PLAIN: SOFT_INK}
WIDTH, HEIGHT = 896, 210  # of a picture with bars; all sizes are the SVG's own units
BAR = 300  # the length of a stacked bar
RIM = f"paint-order='stroke' stroke='{PAPER}' stroke-width='5' stroke-linejoin='round'"  # of white, around each figure


def patterns() -> Markup:
    """The fillings, once for the whole page."""
    made = "".join(
        f"<pattern id='{_id(name)}' width='{size}' height='{size}' patternUnits='userSpaceOnUse'>"
        f"<rect width='{size}' height='{size}' fill='{ground}'/>{lines}</pattern>"
        for name, (size, ground, lines) in _PATTERNS.items()
    )
    return Markup(f"<svg width='0' height='0' style='position:absolute' aria-hidden='true'><defs>{made}</defs></svg>")


def swatch(state: str) -> Markup:
    """A small sample of a filling, for a legend."""
    return Markup(f"<svg width='16' height='16' aria-hidden='true'>{_box(1, 1, 14, 14, state)}</svg>")


def bars(labels: Sequence[str], counts: Sequence[int], fillings: Sequence[str], axis: str, words: str) -> Markup:
    """One bar for each label, with its count above; `words` says what the picture shows."""
    top, bottom, tallest = 26, 48, max(counts, default=0) or 1
    step, floor = WIDTH / max(len(labels), 1), HEIGHT - bottom
    parts = [f"<path d='M0 {floor + 0.5}H{WIDTH}' stroke='{PALE}'/>"]
    for place, (label, count, filling) in enumerate(zip(labels, counts, fillings, strict=True)):
        middle, height = (place + 0.5) * step, (floor - top) * count / tallest
        if count:
            parts.append(_box(middle - step * 0.36, floor - height, step * 0.72, height, filling))
            parts.append(_text(middle, floor - height - 8, f"{count}", weight=600))
        parts.append(_text(middle, floor + 19, label, fill=SOFT_INK))
    parts.append(_text(WIDTH / 2, HEIGHT - 7, axis, fill=SOFT_INK))
    return _svg(WIDTH, HEIGHT, words, "".join(parts))


def stack(counts: Mapping[str, int], words: str) -> Markup:
    """One bar in parts, one part for each state that somebody has, with its count where there is room."""
    total = sum(counts.values()) or 1
    parts, left = [], 1.0
    for state, count in counts.items():
        width = (BAR - 2) * count / total
        if count:
            parts.append(_box(left, 2, width, 22, state))
        if width >= 8 + 9 * len(str(count)):
            look = {"fill": PAPER} if state == RIGHT else {"rim": RIM}  # white on the dark filling, on the others dark
            parts.append(_text(left + width / 2, 18, f"{count}", weight=600, **look))
        left += width
    return _svg(BAR, 26, words, "".join(parts))


def part_of_class(count: int, total: int) -> Markup:
    """A short bar as long as a part of the class; the number stands beside it in words."""
    width = 70 * count / max(total, 1)
    frame = f"<rect x='.5' y='.5' width='71' height='13' fill='none' stroke='{PALE}'/>"
    return Markup(f"<svg width='72' height='14' aria-hidden='true'>{frame}{_box(1, 1, width, 12, WRONG)}</svg>")


def _id(name: str) -> str:
    return f"fill-{name.replace(' ', '-')}"


def _box(x: float, y: float, width: float, height: float, filling: str) -> str:
    size = f"x='{x:.1f}' y='{y:.1f}' width='{width:.1f}' height='{height:.1f}'"
    return f"<rect {size} fill='url(#{_id(filling)})' stroke='{_EDGES.get(filling, GREY)}'/>"


def _text(x: float, y: float, words: str, *, fill: str = INK, weight: int = 400, rim: str = "") -> str:
    look = f"{rim} font-size='14' font-weight='{weight}' fill='{fill}' text-anchor='middle'".strip()
    return f"<text x='{x:.1f}' y='{y:.1f}' {look}>{escape(words)}</text>"


def _svg(width: int, height: int, words: str, content: str) -> Markup:
    size = f"viewBox='0 0 {width} {height}' width='{width}' height='{height}'"
    return Markup(f"<svg {size} role='img' aria-label='{escape(words)}'>{content}</svg>")
