"""The training trace as two SVGs that are drawn in a thousandth of a second: often enough while a model trains."""

from collections.abc import Mapping, Sequence
from html import escape

from helpers.course.palette import BLUE, INK, PALE, SOFT_INK, VERMILLION
from helpers.training.history import rank

WIDTH, HEIGHT = 430, 205  # of one of the two panels, in the SVG's own units; it grows with the page
LEFT, RIGHT, TOP, BOTTOM = 44, 10, 44, 30
RECORDED = "recorded run on 4000 digits, validation"
# Key of a line -> its look: told apart by dash and marker as well as by colour, as in `helpers.plots.look`.
LINES = {"train": (BLUE, "", "circle"), "val": (VERMILLION, "6 4", "square"), RECORDED: (SOFT_INK, "7 3 1.5 3", "")}
NAMES = {"train": "training", "val": "validation", RECORDED: RECORDED}
TITLES = {"accuracy": "accuracy", "loss": "loss (mean cross entropy)"}


def draw(history: Sequence[Mapping], reference: Sequence[Mapping], last: int, released_at: int | None) -> str:
    """Accuracy and loss by epoch, side by side.

    Args:
        history: records of `helpers.training.history.History`, as far as the run has come; may be empty.
        reference: records to draw in grey behind them; may be empty.
        last: the last epoch that the run will have.
        released_at: the epoch before which blocks were released; None for no line.
    """
    best = min(history, key=rank, default=None)
    behind = [record for record in reference if record["epoch"] <= last]
    look = "xmlns='http://www.w3.org/2000/svg' aria-hidden='true' font-family='system-ui,sans-serif' font-size='13'"
    size = f"viewBox='0 0 {WIDTH} {HEIGHT}' style='flex:1 1 24em;max-width:30em;min-width:0;height:auto'"
    panels = "".join(
        f"<svg {look} {size}>{_panel(metric, history, behind, last, released_at, best)}</svg>" for metric in TITLES
    )
    return f"<div style='display:flex;flex-wrap:wrap;gap:.3em .8em'>{panels}</div>{_key(bool(behind))}"


def _panel(metric: str, history: Sequence[Mapping], behind: Sequence[Mapping], last: int, released_at: int | None, best) -> str:
    bottom, top = _range(metric, [record[f"{split}_{metric}"] for record in history for split in ("train", "val")])

    def x(epoch: float) -> float:
        return LEFT + (epoch - 0.5) / max(last, 1) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        share = (min(max(value, bottom), top) - bottom) / (top - bottom) if value == value else 0.0  # not-a-number: below
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    parts = [f"<text x='{LEFT}' y='16' fill='{INK}' font-weight='600'>{escape(TITLES[metric])} by epoch</text>"]
    for step in range(5):
        value = bottom + (top - bottom) * step / 4
        height = f"{y(value):.1f}"
        parts.append(f"<path d='M{LEFT} {height}H{WIDTH - RIGHT}' stroke='{PALE}'/>")
        parts.append(f"<text x='{LEFT - 6}' y='{height}' dy='4' fill='{SOFT_INK}' text-anchor='end'>{value:.2f}</text>")
    apart = max(1, -(-last // 10))
    for epoch in range(1, last + 1, apart):
        place = f"x='{x(epoch):.1f}' y='{HEIGHT - BOTTOM + 17}'"
        parts.append(f"<text {place} fill='{SOFT_INK}' text-anchor='middle'>{epoch}</text>")
    if released_at is not None and released_at <= last:
        line = f"{x(released_at - 0.5):.1f}"
        parts.append(f"<path d='M{line} {TOP - 8}V{HEIGHT - BOTTOM}' stroke='{SOFT_INK}'/>")
        parts.append(f"<text x='{line}' y='{TOP - 13}' fill='{SOFT_INK}' text-anchor='middle'>last blocks released</text>")
    parts.append(_line(RECORDED, [(x(record["epoch"]), y(record[f"val_{metric}"])) for record in behind]))
    for split in ("train", "val"):
        parts.append(_line(split, [(x(record["epoch"]), y(record[f"{split}_{metric}"])) for record in history]))
    if best is not None:
        place = f"cx='{x(best['epoch']):.1f}' cy='{y(best[f'val_{metric}']):.1f}'"
        parts.append(f"<circle {place} r='7.5' fill='none' stroke='{INK}' stroke-width='1.3'/>")
    return "".join(parts)


def _range(metric: str, values: Sequence[float]) -> tuple[float, float]:
    """The lowest and the highest value of an axis whose four steps are round numbers."""
    if metric == "accuracy":
        return next((bottom for bottom in (0.8, 0.6, 0.2) if values and min(values) >= bottom), 0.0), 1.0
    highest = max((value for value in values if value < 1e6), default=0.0)
    steps = (unit * 10**power for power in range(-1, 6) for unit in (1, 2, 2.5, 5))
    return 0.0, next(4 * step for step in steps if 4 * step >= highest)


def _line(name: str, points: Sequence[tuple[float, float]]) -> str:
    colour, dash, marker = LINES[name]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    line = f"<polyline points='{path}' fill='none' stroke='{colour}' stroke-width='2' stroke-dasharray='{dash}'/>"
    return line + "".join(_marker(marker, x, y, colour) for x, y in points)


def _marker(kind: str, x: float, y: float, colour: str) -> str:
    if kind == "circle":
        return f"<circle cx='{x:.1f}' cy='{y:.1f}' r='3.2' fill='{colour}'/>"
    return f"<rect x='{x - 3:.1f}' y='{y - 3:.1f}' width='6' height='6' fill='{colour}'/>" if kind else ""


def _key(recorded: bool) -> str:
    """What the lines and the ring are, in words as large as the page's."""
    signs = {}
    for name in LINES if recorded else ("train", "val"):
        colour, dash, marker = LINES[name]
        line = f"<path d='M0 6h30' stroke='{colour}' stroke-width='2' stroke-dasharray='{dash}'/>"
        signs[NAMES[name]] = line + _marker(marker, 15, 6, colour)
    signs["best epoch"] = f"<circle cx='15' cy='6' r='5' fill='none' stroke='{INK}' stroke-width='1.3'/>"
    svg, look = "<svg width='30' height='12' aria-hidden='true'>", "white-space:nowrap;margin-right:1.4em"
    items = "".join(f"<span style='{look}'>{svg}{sign}</svg> {name}</span> " for name, sign in signs.items())
    return f"<div style='font-size:12px;margin:.2em 0 .4em'>{items}</div>"
