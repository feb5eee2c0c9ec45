"""What to read again: for an exercise that is not fully right, the lesson's part before it and the pitfalls that it looks for."""

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from nbformat import NotebookNode

from helpers.notebooks import masters, pitfalls
from helpers.notebooks.handed_in import KEY

HEADING = re.compile(r"^#{1,2}\s+(.+?)\s*$", re.MULTILINE)  # a part of a lesson; exercises have three
ANCHOR = "read-{}"  # the name of a place on the page


class Part(NamedTuple):
    """A part of a lesson: the id of the cell that its heading stands in, and the words of the heading."""

    cell: str
    heading: str


def advice(notebook: NotebookNode, lesson: str, exercises: list[str], root: Path) -> list[str]:
    """Markdown lines, one or more for each of the exercises; marks the places that they lead to in the notebook.

    Args:
        notebook: the graded notebook.
        lesson: such as ``"03_freeze_base"``.
        exercises: ``grade_id`` of the answers that are not fully right.
        root: the course's folder; without ``docs/pitfalls.toml`` in it no pitfalls are named.
    """
    own = [cell for cell in notebook.cells if cell.get("id") not in set(notebook.metadata.get(KEY, {}).get("extra", ()))]
    rows = pitfalls.load(root) if (root / pitfalls.DATA).is_file() else []
    lines, marked = [], []
    for exercise in exercises:
        part = part_of(own, exercise)
        lines.append(f"- **{exercise}**: {_link(part)}" if part else f"- **{exercise}**")
        marked.append(part)
        for row in (row for row in rows if exercise in row.tested):
            places = [_place(own, lesson, place, root) for place in row.taught]
            marked += [part for part, _ in places]
            where = ", ".join(dict.fromkeys(words for _, words in places if words))
            lines.append(f"    - {row.pitfall}: {row.happens}{f' ({where})' if where else ''}")
    ids = {part.cell for part in marked if part}
    for cell in (cell for cell in own if cell.get("id") in ids):
        cell.source = f'<a id="{ANCHOR.format(cell.id)}"></a>\n\n{cell.source}'
    return lines


def part_of(cells: Iterable[NotebookNode], cell_id: str) -> Part | None:
    """The part that a cell belongs to: of the last heading at or above it."""
    found = None
    for cell in cells:
        headings = HEADING.findall(cell.source) if cell.cell_type == "markdown" else []
        if headings:
            found = Part(cell.get("id", ""), re.sub(r"[\[\]<>*`]", "", headings[-1]))
        if cell.get("id") == cell_id:
            return found
    return None


def _link(part: Part) -> str:
    return f"[{part.heading}](#{ANCHOR.format(part.cell)})"


def _place(cells: list[NotebookNode], lesson: str, place: str, root: Path) -> tuple[Part | None, str]:
    """(the part if it is on this page, how to find it in words) for a place such as ``"03_freeze_base#xray-run"``."""
    other, _, cell = place.partition("#")
    if other == lesson:
        part = part_of(cells, cell)
        return part, _link(part) if part else ""
    part = part_of(_released(root, other), cell)
    return None, f"lesson {other[:2]}, “{part.heading}”" if part else ""


@lru_cache(maxsize=32)
def _released(root: Path, lesson: str) -> tuple[NotebookNode, ...]:
    path = masters.path_of("notebooks", lesson, root)
    return tuple(masters.read(path).cells) if path.is_file() else ()
