"""The gradebook as CSV: with nbgrader's columns, or as Canvas and Moodle import it (`helpers.grading.gradebook.lms`).

A spreadsheet runs a field that begins like a formula. A text that does is led by an apostrophe, which spreadsheets read as
"this is text" (OWASP, "CSV injection", https://owasp.org/www-community/attacks/CSV_Injection): every text, in every format. An
id or an address that needs one is not found by an importer, which then says so. A mark is a number and stays as it is.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.plugins import ExportPlugin

from helpers.course.one_line import one_line
from helpers.grading.gradebook import lateness, records, spelling
from helpers.grading.gradebook.lms import canvas, moodle, score_of, students_of
from helpers.grading.nbgrader_course import Course
from helpers.notebooks import masters

_WHO, _MARKS = ("student_id", "last_name", "first_name", "email"), ("raw_score", "late_submission_penalty", "score", "max_score")
COLUMNS = ("assignment", "duedate", "timestamp", *_WHO, *_MARKS)
SPREADSHEET = "utf-8-sig"  # without the mark at its start, spreadsheets take a file for one in their system's own code page
FORMATS = {"canvas": canvas, "moodle": moodle}
# At the start, and after what a spreadsheet of another language may take for the end of a field. Full-width signs count as well.
_SIGNS = r"[=+\-@＝＋－＠]"
_FORMULA = re.compile(rf"^(?=\s*{_SIGNS}|[\t\r\n])|(?<=[;|\t\r\n])(?={_SIGNS})")


class QuotedCsv(ExportPlugin):
    """nbgrader's CSV export with fields that are quoted where they must be (its own writes them as they are)."""

    def export(self, gradebook: Gradebook) -> None:
        """Write ``--to`` (default ``grades.csv``): one row for each assignment and learner."""
        target = self.to or "grades.csv"
        lines = _lines(gradebook, [str(name) for name in self.assignment], [str(name) for name in self.student])
        _write(target, lines, SPREADSHEET)
        self.log.info("Grades are in %s", target)


def harmless(value: Any) -> Any:
    """A value for a field of a table; a text that a spreadsheet would run is led by an apostrophe."""
    return _FORMULA.sub("'", value) if isinstance(value, str) and value != "-" else value


def _lines(gradebook: Gradebook, lessons: list[str], learners: list[str]) -> Iterator[Sequence[Any]]:
    """The heading, and a line for each assignment and learner; of these only the named ones, if any are."""
    yield COLUMNS
    for assignment in gradebook.assignments:
        for student in students_of(gradebook):
            if (not lessons or assignment.name in lessons) and (not learners or student.id in learners):
                handed_in, marks = None, (0.0, 0.0, 0.0)
                with suppress(MissingEntry):
                    found = gradebook.find_submission(assignment.name, student.id)
                    handed_in, marks = found.timestamp, (found.score, found.late_submission_penalty or 0.0, score_of(found))
                who = (student.id, student.last_name, student.first_name, student.email)
                yield [assignment.name, assignment.duedate, handed_in, *who, *marks, assignment.max_score]


def _write(target: str | Path, lines: Iterable[Sequence[Any]], encoding: str) -> None:
    plain = ([one_line(value) if isinstance(value, str) else value for value in line] for line in lines)
    safe = [[harmless(value) for value in line] for line in plain]  # all of them, before there is a file
    with open(target, "w", newline="", encoding=encoding) as file:
        csv.writer(file).writerows(safe)


def export(course: Course, target: Path, lesson: str | None = None, layout: str = "nbgrader") -> Path:
    """Write the marks of one lesson, or of all if it is None, to `target`; returns its path.

    The layout is ``"nbgrader"``, ``"canvas"`` or ``"moodle"``.

    Raises:
        CourseError: for Canvas and Moodle, the lesson is not in the gradebook.
    """
    spelling.settle(course)
    with course.changing() as gradebook:
        lateness.settle(gradebook, course, lesson)
        if layout == "nbgrader":
            lines, encoding = _lines(gradebook, [lesson] if lesson else [], []), SPREADSHEET
        else:
            known = {"known": records.canvas(course.root)} if layout == "canvas" else {}
            lines, encoding = FORMATS[layout](gradebook, lesson, **known), "utf-8"
        _write(target, lines, encoding)
    return target


def unmarked(course: Course, lesson: str | None = None) -> dict[str, list[str]]:
    """Lesson -> learners who have handed it in and have no mark, since it was not graded or lies where nothing is looked for."""
    lessons = [lesson] if lesson else masters.lessons(course.root)
    found = {}
    with course.gradebook() as gradebook:
        for name in lessons:
            with suppress(MissingEntry):
                marked = {submission.student.id for submission in gradebook.assignment_submissions(name)}
                folder = course.root / "submitted"
                paths = chain(folder.glob(f"*/{name}"), *(folder.glob(f"{'*/' * deep}{name}.ipynb") for deep in range(1, 5)))
                there = {spelling.one(path.relative_to(folder).parts[0]) for path in paths}
                if missing := sorted(one for one in there - marked if not one.startswith(".")):
                    found[name] = missing
    return found


def to_know(course: Course, lesson: str | None, layout: str) -> Iterator[str]:
    """What an instructor should know of an export before using it, a sentence each."""
    for name, learners in unmarked(course, lesson).items():
        yield f"Handed in and not graded, {name}: {', '.join(map(one_line, learners))}. Run `python -m helpers grade {name}`."
    if layout != "nbgrader" and lesson is None:
        yield "Where a learner has no mark in this file, an import removes the one that is there: use `--lesson NN_name`."
