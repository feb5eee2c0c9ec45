"""The gradebook in the formats that Canvas and Moodle import. Lines are learners, columns are lessons.

Whoever has handed in nothing for a lesson has no mark there, and not 0: what a missing one is worth is for the course to say.
Both take no mark as an order: one that is there already is removed (Canvas shows that before it does it). So a file of one lesson
has lines of those alone who have a mark.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from nbgrader.api import Gradebook

from helpers.course.errors import CourseError

MAXIMA = "Points Possible"  # by these words Canvas tells the line of the maxima from a learner's


Known = Mapping[str, Mapping[str, str]]  # learner -> column of Canvas's file -> field
Lines = Iterator[list[Any]]
Lessons = Mapping[str, Mapping[str, tuple[float, str]]]  # lesson -> learner -> (mark, in words how it came about)


def score_of(submission: Any) -> float:
    """The points of a submission after what lateness costs."""
    return max(0.0, submission.score - (submission.late_submission_penalty or 0.0))


def canvas(gradebook: Gradebook, lesson: str | None = None, known: Known = MappingProxyType({})) -> Lines:
    """The lines of a Canvas gradebook: a heading, the maxima, and one for each learner; no mark is an empty field.

    Columns as in Canvas's guide for instructors, "How do I import grades in the Gradebook?",
    https://community.instructure.com/en/kb/articles/660862-how-do-i-import-grades-in-the-gradebook, and as its importer reads
    them (``lib/gradebook_importer.rb`` in https://github.com/instructure/canvas-lms): it finds a learner by ID, which is
    Canvas's own number, or else by SIS User ID, SIS Login ID or name. `known` has these as Canvas's own file does, for whom
    there is one (`helpers.grading.gradebook.records.canvas`). Nobody else has an ID: another number there is nobody, or somebody
    else. Their SIS User ID is nbgrader's ``lms_user_id``, and SIS Login ID nbgrader's id. For a lesson without an assignment of
    its name, Canvas offers to make one.
    """
    lessons = _lessons(gradebook, lesson)
    maxima = [gradebook.find_assignment(name).max_score for name in lessons]
    yield ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *lessons]
    yield [f"    {MAXIMA}", "", "", "", "", *maxima]
    for student in _listed(gradebook, lessons, lesson):
        theirs = known.get(student.id, {})
        parts = [_line(part) for part in (student.last_name, student.first_name) if part]
        name = theirs.get("Student") or ", ".join(parts) or student.id
        number = theirs.get("SIS User ID") or student.lms_user_id or ""
        who = [name.replace(MAXIMA, MAXIMA.lower()), theirs.get("ID", ""), number, theirs.get("SIS Login ID") or student.id]
        yield [*who, theirs.get("Section", ""), *(marks.get(student.id, ("",))[0] for marks in lessons.values())]


def moodle(gradebook: Gradebook, lesson: str | None = None) -> Lines:
    """The lines of a CSV file for Moodle's grade import: a heading, and one for each learner; no mark is a dash.

    See https://docs.moodle.org/en/Grade_import. On import, map the first column to the user field that it is named after, and
    each lesson together with its feedback: feedback alone would remove the marks. Leave the names out.

    The importer (``grade/import/csv/classes/load_data.php`` in https://github.com/moodle/moodle) decides two things here. It
    gives a line with an empty first field to the learner of the line before: so that column is one which every learner has,
    nbgrader's ``lms_user_id`` as ID number, else the email address, else nbgrader's id as username. And it makes an empty mark
    in a new grade item a 0: so no mark is the dash that Moodle's own export writes.
    """
    lessons = _lessons(gradebook, lesson)
    students = students_of(gradebook)
    heading, field = _identifier(students)
    columns = [column for name in lessons for column in (name, f"{name} (feedback)")]
    yield [heading, "First name", "Last name", *columns]
    for student in _listed(gradebook, lessons, lesson):
        line = [getattr(student, field), _line(student.first_name), _line(student.last_name)]
        for marks in lessons.values():
            line += marks.get(student.id, ("-", ""))
        yield line


def _identifier(students: list[Any]) -> tuple[str, str]:
    """The column by which Moodle finds learners, and nbgrader's field for it: the first that all have and no two share."""
    for heading, field in (("ID number", "lms_user_id"), ("Email address", "email")):
        values = [getattr(student, field) for student in students]
        if all(values) and len(set(values)) == len(values):
            return heading, field
    return "Username", "id"


def _lessons(gradebook: Gradebook, lesson: str | None) -> Lessons:
    """The marks of one lesson, or of all. CourseError: the lesson is not in the gradebook."""
    known = sorted(assignment.name for assignment in gradebook.assignments)
    if lesson and lesson not in known:
        raise CourseError(f"{lesson} is not in the gradebook: it has {', '.join(known) or 'no lesson yet'}.")
    return {
        name: {one.student.id: (score_of(one), _feedback(one)) for one in gradebook.assignment_submissions(name)}
        for name in ([lesson] if lesson else known)
    }


def _listed(gradebook: Gradebook, lessons: Lessons, lesson: str | None) -> list[Any]:
    """Who has a line: everybody, or with one lesson whoever has a mark there."""
    return [student for student in students_of(gradebook) if lesson is None or student.id in lessons[lesson]]


def _feedback(submission: Any) -> str:
    """The points of each exercise in one line."""
    grades = sorted((grade for notebook in submission.notebooks for grade in notebook.grades), key=lambda grade: grade.name)
    words = [f"{grade.name.removeprefix('test_')} {grade.score:g} of {grade.max_score:g}" for grade in grades]
    penalty = submission.late_submission_penalty or 0.0
    return "; ".join([*words, *([f"late: {penalty:g} less"] if penalty else [])])


def students_of(gradebook: Gradebook) -> list[Any]:
    """All learners in the gradebook, in the order of their ids."""
    return sorted(gradebook.students, key=lambda student: student.id)


def _line(text: str | None) -> str:
    """`text` in one line: these importers read line by line."""
    return " ".join((text or "").split())
