"""A learner's training trace on their feedback page: the records that the judge was shown, drawn anew.

The lesson's own plots come after the last exercise and are not run for grading. What is drawn here is what the learner's notebook
claims; whether the weights agree with it is the check's business.
"""

from __future__ import annotations

import io
import math
from base64 import b64encode
from collections.abc import Mapping
from html import escape
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output

from helpers.checks import showing
from helpers.history import KEYS, History

TRACE_MIME = "application/vnd.finetune-course.trace+json"  # kept in graded notebooks; feedback pages show a picture in its place
FEWEST, MOST = 2, 200  # epochs that are drawn
MOST_LOSS = 1e6


class Trace:
    """A history as a notebook keeps it: as a table for people, as data for the feedback page."""

    def __init__(self, name: str, records: list[dict]):
        self.name, self.records = name, records

    def __repr__(self) -> str:
        return f"{self.name}\n{History.of(self.records)!r}"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {"text/plain": repr(self), TRACE_MIME: {"name": self.name, "records": self.records}}


def note(name: str, value: Any) -> None:
    """Show what stands under `name` if it is a training trace; nothing otherwise."""
    records = plain(value)
    if records:
        showing.show(Trace(name, records))


def plain(value: Any) -> list[dict]:
    """The records of a history that can be drawn, with these numbers and no others; empty for anything else."""
    if not isinstance(value, list) or not FEWEST <= len(value) <= MOST:
        return []
    if not all(isinstance(record, Mapping) and all(_drawable(record.get(key)) for key in KEYS) for record in value):
        return []
    return [{"epoch": int(record["epoch"]), **{key: round(float(record[key]), 6) for key in KEYS[1:]}} for record in value]


def _drawable(number: Any) -> bool:
    return type(number) in (int, float) and math.isfinite(number) and 0 <= number <= MOST_LOSS


def draw(notebook: NotebookNode) -> None:
    """Put a picture in the place of each noted trace."""
    for cell in notebook.cells:
        for place, output in enumerate(cell.get("outputs", [])):
            kept = output.get("data", {}).get(TRACE_MIME)
            if isinstance(kept, dict) and (records := plain(kept.get("records"))):
                cell.outputs[place] = new_output("display_data", {"text/html": picture(str(kept.get("name"))[:100], records)})


def picture(name: str, records: list[dict]) -> str:
    """Accuracy and loss by epoch as an HTML image, with a text alternative."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from helpers.plots import plot_history, text_alternative

    # Not by pyplot, which may want a screen.
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    for ax, metric in zip(figure.subplots(1, 2), ("accuracy", "loss"), strict=True):
        plot_history(records, metric, ax=ax)
    figure.suptitle(f"Your trace: {name}")
    file = io.BytesIO()
    FigureCanvasAgg(figure).print_png(file)
    words = escape(f"Your trace, {name}. {text_alternative(figure)}")
    return f'<img alt="{words}" src="data:image/png;base64,{b64encode(file.getvalue()).decode()}">'
