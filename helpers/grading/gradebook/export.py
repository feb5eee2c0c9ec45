"""The gradebook as CSV: with nbgrader's columns, or as Canvas and Moodle import it (`helpers.grading.gradebook.lms`).

A spreadsheet runs a field that begins like a formula. A text that does is led by an apostrophe, which spreadsheets read as
"this is text" (OWASP, "CSV injection", https://owasp.org/www-community/attacks/CSV_Injection): every text, in every format. An
id or an address that needs one is not found by an importer, which then says so. A mark is a number and stays as it is.
"""

import csv
import logging
import re
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.plugins import ExportPlugin

from helpers.grading.gradebook.lms import canvas, moodle, score_of
from helpers.grading.nbgrader_course import Course

COLUMNS = (
    "assignment",
    "duedate",
    "timestamp",
    "student_id",
    "last_name",
    "first_name",
    "email",
    "raw_score",
    "late_submission_penalty",
    "score",
    "max_score",
)
FORMATS = {"canvas": canvas, "moodle": moodle}
# At the start, and after what a spreadsheet of another language may take for the end of a field. Full-width signs count as well.
_SIGNS = r"[=+\-@＝＋－＠]"
_FORMULA = re.compile(rf"^(?=\s*{_SIGNS}|[\t\r\n])|(?<=[;|\t\r\n])(?={_SIGNS})")


class QuotedCsv(ExportPlugin):
    """nbgrader's CSV export with fields that are quoted where they must be (its own writes them as they are)."""

    def export(self, gradebook: Gradebook) -> None:
        """Write ``--to`` (default ``grades.csv``): one row for each assignment and learner."""
        target = self.to or "grades.csv"
        with open(target, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            for assignment in gradebook.assignments:
                for student in sorted(gradebook.students, key=lambda one: one.id):
                    if _wanted(self.assignment, assignment.name) and _wanted(self.student, student.id):
                        row = _row(gradebook, assignment, student)
                        writer.writerow({name: harmless(value) for name, value in row.items()})
        self.log.info("Grades are in %s", target)


def harmless(value: Any) -> Any:
    """A value for a field of a table; a text that a spreadsheet would run is led by an apostrophe."""
    return _FORMULA.sub("'", value) if isinstance(value, str) and value != "-" else value


def _wanted(chosen: list, name: str) -> bool:
    return not chosen or name in [str(item) for item in chosen]


def _row(gradebook: Gradebook, assignment: object, student: object) -> dict[str, object]:
    row = {
        "assignment": assignment.name,
        "duedate": assignment.duedate or "",
        "student_id": student.id,
        "last_name": student.last_name or "",
        "first_name": student.first_name or "",
        "email": student.email or "",
        "max_score": assignment.max_score,
    }
    try:
        submission = gradebook.find_submission(assignment.name, student.id)
    except MissingEntry:
        return {**row, "timestamp": "", "raw_score": 0.0, "late_submission_penalty": 0.0, "score": 0.0}
    return {
        **row,
        "timestamp": submission.timestamp or "",
        "raw_score": submission.score,
        "late_submission_penalty": submission.late_submission_penalty or 0.0,
        "score": score_of(submission),
    }


def export(course: Course, target: Path, lesson: str | None = None, layout: str = "nbgrader") -> Path:
    """Write the marks of one lesson, or of all, to `target`; returns its path.

    Args:
        course: the course.
        target: the file.
        lesson: None for all.
        layout: ``"nbgrader"``, ``"canvas"`` or ``"moodle"``.

    Raises:
        CourseError: for Canvas and Moodle, the lesson is not in the gradebook.
    """
    with course.gradebook() as gradebook:
        if layout == "nbgrader":
            plugin = QuotedCsv(log=logging.getLogger(__name__))
            plugin.to, plugin.assignment = str(target), [lesson] if lesson else []
            plugin.export(gradebook)
            return target
        lines = [[harmless(value) for value in line] for line in FORMATS[layout](gradebook, lesson)]
    with open(target, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(lines)
    return target
