"""What to read again: for an exercise that is not fully right, the lesson's part before it and the pitfalls that it looks for."""

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from nbformat import NotebookNode

from helpers.checks.report import REPORT_MIME
from helpers.course.one_line import heading
from helpers.notebooks import masters, pitfalls
from helpers.notebooks.handed_in import KEY

HEADING = re.compile(r"^#{1,2}\s+(.+?)\s*$", re.MULTILINE)  # a part of a lesson; exercises have three
ANCHOR = "read-{}"  # the name of a place on the page


class Part(NamedTuple):
    """A part of a lesson: the id of the cell that its heading stands in, and the words of the heading."""

    cell: str
    heading: str


def advice(notebook: NotebookNode, lesson: str, exercises: list[str], root: Path) -> dict[str, list[str]]:
    """Exercise -> Markdown lines, one or more; marks the places that they lead to in the notebook.

    Where an answer was found wrong for a reason that pitfalls name, these pitfalls stand there alone: else the part before the
    exercise, and all that the exercise looks for.

    Args:
        notebook: the graded notebook.
        lesson: such as ``"03_freeze_base"``.
        exercises: ``grade_id`` of the answers that are not fully right.
        root: the course's folder; without ``docs/pitfalls.toml`` in it no pitfalls are named.
    """
    own = [cell for cell in notebook.cells if cell.get("id") not in set(notebook.metadata.get(KEY, {}).get("extra", ()))]
    rows = pitfalls.load(root) if (root / pitfalls.DATA).is_file() else []
    lines, marked = {}, []
    for exercise in exercises:
        part, reasons = part_of(own, exercise), _reasons(own, exercise)
        tested = [row for row in rows if exercise in row.tested]
        known = [row for row in tested if reasons & {*row.reasons}]
        found = []
        for row in known or tested:
            places = [_place(own, lesson, place, root) for place in row.taught]
            marked += [part for part, _ in places]
            where = ", ".join(dict.fromkeys(words for _, words in places if words))
            found.append(f"- {row.pitfall}: {row.happens}{f' ({where})' if where else ''}")
        if part and not known:  # else the place of the mistake is
            marked.append(part)
            found.insert(0, f"- {_link(part)}")
        lines[exercise] = found
    ids = {part.cell for part in marked if part}
    for cell in (cell for cell in own if cell.get("id") in ids):
        cell.source = f'<a id="{ANCHOR.format(cell.id)}"></a>\n\n{cell.source}'
    return lines


def _reasons(cells: Iterable[NotebookNode], exercise: str) -> set[str]:
    """The codes of what was found wrong with an answer."""
    tests = (cell for cell in cells if cell.metadata.get("nbgrader", {}).get("grade_id") == f"test_{exercise}")
    reports = (output.get("data", {}).get(REPORT_MIME) for cell in tests for output in cell.get("outputs", []))
    aspects = (aspect for report in reports if isinstance(report, dict) for aspect in report.get("aspects", []))
    return {str(aspect.get("reason")) for aspect in aspects if not aspect.get("passed")}


def part_of(cells: Iterable[NotebookNode], cell_id: str) -> Part | None:
    """The part that a cell belongs to: of the last heading at or above it."""
    found = None
    for cell in cells:
        headings = HEADING.findall(cell.source) if cell.cell_type == "markdown" else []
        if headings:
            found = Part(cell.get("id", ""), heading(headings[-1]))
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
