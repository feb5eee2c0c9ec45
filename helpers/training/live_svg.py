"""The training trace as an SVG that is drawn in a thousandth of a second, so that it can be drawn while a model trains."""

from collections.abc import Mapping, Sequence
from html import escape

from helpers.course.palette import BLUE, INK, PALE, SOFT_INK, VERMILLION
from helpers.training.history import rank

WIDTH, HEIGHT = 430, 230  # of one of the two panels, in the SVG's own units; it grows with the page
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
    panels = "".join(
        f"<g transform='translate({place * (WIDTH + 10)} 0)'>{_panel(metric, history, behind, last, released_at, best)}</g>"
        for place, metric in enumerate(TITLES)
    )
    look = "font-family='system-ui,sans-serif' font-size='12'"
    box = f"viewBox='0 0 {2 * WIDTH + 10} {HEIGHT + 24}' style='width:100%;height:auto;display:block'"
    return f"<svg xmlns='http://www.w3.org/2000/svg' aria-hidden='true' {look} {box}>{panels}{_key(bool(behind))}</svg>"


def _panel(metric: str, history: Sequence[Mapping], behind: Sequence[Mapping], last: int, released_at: int | None, best) -> str:
    bottom, top = _range(metric, [record[f"{split}_{metric}"] for record in history for split in ("train", "val")])

    def x(epoch: float) -> float:
        return LEFT + (epoch - 0.5) / max(last, 1) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        share = (min(max(value, bottom), top) - bottom) / (top - bottom) if value == value else 0.0  # not-a-number: below
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    parts = [f"<text x='{LEFT}' y='16' fill='{INK}' font-weight='600'>{escape(TITLES[metric])}</text>"]
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
    """What the lines and the ring are, below both panels."""
    parts, left = [f"<text x='{WIDTH * 2}' y='{HEIGHT + 16}' fill='{SOFT_INK}' text-anchor='end'>epoch</text>"], LEFT
    for name in LINES if recorded else ("train", "val"):
        colour, dash, marker = LINES[name]
        height = HEIGHT + 12
        parts.append(f"<path d='M{left} {height}h28' stroke='{colour}' stroke-width='2' stroke-dasharray='{dash}'/>")
        parts.append(_marker(marker, left + 14, height, colour))
        parts.append(f"<text x='{left + 34}' y='{height + 4}' fill='{INK}'>{NAMES[name]}</text>")
        left += 46 + 7 * len(NAMES[name])
    parts.append(f"<circle cx='{left + 4}' cy='{HEIGHT + 12}' r='6' fill='none' stroke='{INK}' stroke-width='1.3'/>")
    parts.append(f"<text x='{left + 16}' y='{HEIGHT + 16}' fill='{INK}'>best epoch</text>")
    return "".join(parts)
