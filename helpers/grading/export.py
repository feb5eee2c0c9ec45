"""The gradebook as CSV, with nbgrader's columns."""

from __future__ import annotations

import csv
import logging
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.plugins import ExportPlugin

from helpers.grading.course import Course

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
                        writer.writerow(_row(gradebook, assignment, student))
        self.log.info("Grades are in %s", target)


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
    penalty = submission.late_submission_penalty or 0.0
    return {
        **row,
        "timestamp": submission.timestamp or "",
        "raw_score": submission.score,
        "late_submission_penalty": penalty,
        "score": max(0.0, submission.score - penalty),
    }


def export(course: Course, target: Path, lesson: str | None = None) -> Path:
    """Write the marks of one lesson, or of all, to `target`; returns its path."""
    plugin = QuotedCsv(log=logging.getLogger(__name__))
    plugin.to, plugin.assignment = str(target), [lesson] if lesson else []
    with course.gradebook() as gradebook:
        plugin.export(gradebook)
    return target
