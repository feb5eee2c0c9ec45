"""The page of a learner whose whole page could not be made: marks, notes and reasons, of nothing more than a bounded part."""

from collections.abc import Iterator
from pathlib import Path

from nbformat import NotebookNode

from helpers.checks.report import REPORT_MIME
from helpers.course.one_line import one_line
from helpers.grading.gradebook.marks import Marks
from helpers.grading.nbgrader_course import Course
from helpers.notebooks import masters
from helpers.reports.page import fill

TEMPLATE = Path(__file__).with_name("templates") / "plain.html"
MOST_WORDS, MOST_NOTES = 2_000, 50  # characters of the reasons for one mark; notes


def write(course: Course, lesson: str, entry: Marks, why: str) -> Path:
    """Write it to ``feedback/``; returns its path.

    Args:
        entry: the learner's marks.
        why: what kept the whole page from being made, as a sentence without its full stop.
    """
    waits = dict.fromkeys(entry.by_hand, "not marked yet")
    rows = [(name, waits.get(name, f"{mark:g}"), f"{entry.maximum[name]:g}") for name, mark in entry.points.items()]
    rows += [("handed in late", f"{-entry.penalty:g}", "")] if entry.penalty else []
    graded = masters.read(course.folder("autograded", entry.student, lesson) / f"{lesson}.ipynb")
    notes = [one_line(note) for note in entry.notes[:MOST_NOTES]]
    page = fill(TEMPLATE, lesson=lesson, why=why[:1].upper() + why[1:], rows=rows, notes=notes, reasons=list(_reasons(graded)))
    target = course.folder("feedback", entry.student, lesson) / f"{lesson}.html"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)  # nbgrader's may be read-only
    target.write_text(page, encoding="utf-8", newline="\n")
    return target


def _reasons(graded: NotebookNode) -> Iterator[tuple[str, str]]:
    """(exercise, what its report says) for each report in the graded notebook."""
    for cell in graded.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if cell.metadata.get("nbgrader", {}).get("grade") and REPORT_MIME in data:
                yield cell.metadata.nbgrader.grade_id.removeprefix("test_"), str(data.get("text/plain", ""))[:MOST_WORDS]
