"""One stage of the course as a table: data and model as they go in, and as they come out.

HTML and not a picture: it grows with the page's letters, takes the page's colours, light or dark, and is read aloud as a table.
"""

import io
from base64 import b64encode
from dataclasses import dataclass
from html import escape

from torch import Tensor

from helpers.course.errors import CourseError
from helpers.inspection.model_state import ModelState, statistics_moved, updated
from helpers.parameters import Counts
from helpers.plots.pipeline import STAGES, checked, share_bar

COLUMNS = ("", "images", "base", "features", "head", "scores", "answer to the example")
INTO, OUT = "goes in", "comes out"
UNTOUCHED = "no tensor updated"
THUMBNAIL = 64  # pixels
LINE = "1px solid rgba(128,128,128,.45)"  # seen on a light and on a dark page


@dataclass(frozen=True, eq=False)
class StageView:
    """A stage for a terminal (``print``) and a notebook (last line of a cell).

    Attributes:
        stage: 1 to 6.
        before, after: the states that go in and come out.
        note: a sentence about what happened in between; may be empty.
    """

    stage: int
    before: ModelState
    after: ModelState
    note: str = ""

    @property
    def title(self) -> str:
        """The stage's number and name."""
        return f"Stage {self.stage} of 6: {STAGES[self.stage - 1]}"

    def rows(self) -> list[list[tuple[str, ...]]]:
        """The two rows; each cell is the lines of text that stand in it."""
        base, head = updated(self.before, self.after)
        moved, after = statistics_moved(self.before, self.after), self.after
        statistics = (f"{moved} of its statistics changed",) if moved else ()
        changes = {2: (_updates(base, after.base), *statistics), 4: (_updates(head, after.head),)}
        rows = [_cells(INTO, self.before), _cells(OUT, self.after)]
        rows[1] = [(*lines, *changes.get(column, ())) for column, lines in enumerate(rows[1])]
        return rows

    def __repr__(self) -> str:
        told = [
            f"  {INTO if not number else OUT}: " + "; ".join(f"{COLUMNS[i]}: {', '.join(row[i])}" for i in range(1, len(COLUMNS)))
            for number, row in enumerate(self.rows())
        ]
        return "\n".join([self.title, *told, *([self.note] if self.note else [])])

    def _repr_html_(self) -> str:
        first, second = self.rows()
        cell = "text-align:left;vertical-align:top;padding:.45em .7em;white-space:normal"
        heads = "".join(f"<th scope='col' style='{cell}'>{escape(name)}</th>" for name in COLUMNS)
        body = ""
        for state, row, other in ((self.before, first, first), (self.after, second, first)):
            extra = {1: _thumbnail(state.example), 2: share_bar(state.base), 4: share_bar(state.head)}
            body += f"<tr style='border-top:{LINE}'><th scope='row' style='{cell};white-space:nowrap'>{row[0][0]}</th>"
            for column in range(1, len(COLUMNS)):
                lines = "<br>".join(_line(line, line not in (*other[column], UNTOUCHED)) for line in row[column])
                body += f"<td style='{cell}'>{extra.get(column, '')}{lines}</td>"
            body += "</tr>"
        note = f"<p style='margin:.3em .8em'>{escape(self.note)}</p>" if self.note else ""
        return (
            f"<div style='border:{LINE};border-radius:8px;margin:.5em 0;padding:.4em 0;overflow-x:auto'>"
            "<table style='border-collapse:collapse;table-layout:auto;width:100%;margin:0;font-size:92%'>"
            f"<caption style='text-align:left;font-weight:600;padding:.2em .8em'>{escape(self.title)}</caption>"
            f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>{note}</div>"
        )


def stage_view(stage: int, before: ModelState, after: ModelState, *, note: str = "") -> StageView:
    """What goes into a stage and what comes out of it; what differs is in bold.

    Args:
        stage: 1 to 6, see `helpers.plots.pipeline`.
        before, after: what `helpers.inspection.model_state` measured before and after; of the same images.
        note: a sentence about what happened in between, such as ``"500 images, 5 epochs at rate 0.001."``.

    Raises:
        CourseError: there is no such stage, or the two states are of different images.
    """
    if before.images != after.images:
        raise CourseError("The two states are of different images: pass the same batch to model_state before and after.")
    return StageView(checked(stage), before, after, note)


def _cells(name: str, state: ModelState) -> list[tuple[str, ...]]:
    """The lines of text of one row, cell by cell, as COLUMNS."""
    width, outputs = state.features[-1], state.logits[-1]
    right = () if state.right is None else (f"{state.right} of {state.images[0]} right",)
    return [
        (name,),
        (_shape(state.images),),
        (f"{state.base.total:,} numbers", _share(state.base)),
        (_shape(state.features),),
        (f"{width} inputs", f"{outputs} outputs", f"{state.head.total:,} numbers", _share(state.head)),
        (_shape(state.logits),),
        (state.answer, f"probability {state.probability:.2f}", *right),
    ]


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))


def _share(counts: Counts) -> str:
    whole = {"trainable": "all trainable", "frozen": "all frozen"}
    return whole.get(counts.state, f"{counts.trainable:,} trainable")


def _updates(names: list[str], counts: Counts) -> str:
    return f"{len(names)} of {counts.tensors} tensors updated" if names else UNTOUCHED


def _line(text: str, differs: bool) -> str:
    return f"<b>{escape(text)}</b>" if differs else escape(text)


def _thumbnail(image: Tensor) -> str:
    """The example as the model gets it, its values spread over what a screen can show."""
    from torchvision.transforms.functional import to_pil_image

    lowest, highest = image.min(), image.max()
    picture = to_pil_image(((image - lowest) / (highest - lowest).clamp(min=1e-6)).clamp(0, 1))
    picture.thumbnail((THUMBNAIL, THUMBNAIL))
    file = io.BytesIO()
    picture.save(file, format="png")
    source = f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"
    return f"<img alt='the example' src='{source}' style='margin:0 0 .25em'><br>"
