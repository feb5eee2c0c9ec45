"""The six stages from a pre-trained model to a fine-tuned one, with the counts of the model at hand."""

from collections.abc import Mapping
from html import escape

from helpers.course.errors import CourseError
from helpers.course.palette import GREEN, INK, PALE, SOFT_INK
from helpers.models.backbones import frozen_but_last
from helpers.parameters import Counts, count
from helpers.plots.look import GROUNDS, short

STAGES = (
    "load the pre-trained model",
    "replace the final layer",
    "freeze the base",
    "train the final layer",
    "unfreeze the last blocks",
    "fine-tune slowly",
)
# A share that is too small to be seen is drawn this wide, in parts of the bar: 20,490 of 23.5 million is one in a thousand.
LEAST_WIDTH = 0.02


def pipeline_counts(backbone, *, num_classes: int = 10, released_blocks: int = 2) -> dict[int, Counts]:
    """Stage 1 to 6 -> the `helpers.parameters.Counts` of the backbone's architecture there. Needs no weights."""
    loaded, model = count(backbone.without_values()), backbone.without_values(num_classes)
    replaced, head_only = count(model), count(frozen_but_last(backbone, model, 0))
    later = count(frozen_but_last(backbone, model, released_blocks))
    return {1: loaded, 2: replaced, 3: head_only, 4: head_only, 5: later, 6: later}


def checked(stage: int) -> int:
    """The stage.

    Raises:
        CourseError: there is no such stage.
    """
    if stage not in range(1, 7):
        raise CourseError(f"There is no stage {stage!r}: the stages are 1 to 6.")
    return stage


def share_bar(counts: Counts, height: str = "9px") -> str:
    """The share that is trainable in solid green at the right end, where the head is; the rest hatched. Words say it as well."""
    share = max(counts.trainable / max(counts.total, 1), LEAST_WIDTH) if counts.trainable else 0.0
    solid = f"<div style='width:{share:.1%};margin-left:auto;height:100%;background:{GREEN}'></div>"
    look = f"height:{height};min-width:6em;margin:.25em 0;background:{GROUNDS[True]}"
    return f"<div aria-hidden='true' style='{look}'>{solid}</div>"


def strip(counts: Mapping[int, Counts], stage: int | None) -> str:
    """The six stages as HTML, from left to right, each with its counts; the one where the learner is has a strong frame."""
    boxes = "".join(_box(number, title, counts[number], number == stage) for number, title in enumerate(STAGES, start=1))
    grid = "display:grid;grid-template-columns:repeat(auto-fit,minmax(8.6em,1fr));gap:.5em"
    return f"<ol style='{grid};list-style:none;padding:0;margin:.3em 0'>{boxes}</ol>"


def _box(number: int, title: str, counts: Counts, here: bool) -> str:
    frame = f"2px solid {INK}" if here else f"1px solid {PALE}"
    look = f"border:{frame};border-radius:6px;padding:{'.35em .6em' if here else 'calc(.35em + 1px) calc(.6em + 1px)'};margin:0"
    place = " <i style='font-size:85%'>you are here</i>" if here else ""
    head = f"<div><b style='font-size:115%;color:{INK if here else SOFT_INK}'>{number}</b>{place}</div>"
    words = f"<div style='min-height:2.6em;line-height:1.3{';font-weight:600' * here}'>{escape(title)}</div>"
    told = f"{short(counts.trainable)} trainable<br><span style='color:{SOFT_INK}'>of {short(counts.total)}</span>"
    below = f"<div style='font-size:85%;line-height:1.35'>{told}</div>"
    return f"<li{' aria-current=step' * here} style='{look}'>{head}{words}{share_bar(counts)}{below}</li>"


def strip_words(counts: Mapping[int, Counts], stage: int | None) -> str:
    """The same for a terminal."""
    lines = [
        f"{number}. {title}: {counts[number].trainable:,} of {counts[number].total:,} parameters trainable"
        f"{'   <- you are here' if number == stage else ''}"
        for number, title in enumerate(STAGES, start=1)
    ]
    return "\n".join(lines)
