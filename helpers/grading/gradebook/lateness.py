"""When work was due and handed in, in UTC, and what lateness costs by nbgrader's own rule.

nbgrader reads a stamp of three words in a way of its own: ``2026-01-10 12:00 JST`` as UTC, since it does not know that zone, and
``2026-01-10 12:00 +0100`` as 100 seconds before UTC (``nbgrader.utils.parse_utc``, 0.9.6). So it is handed ISO 8601 with an
offset, which it reads right, and nothing else.
"""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nbgrader.api import Assignment, Gradebook, MissingEntry, SubmittedAssignment

from helpers.course.errors import CourseError
from helpers.grading.nbgrader_course import Course

STAMP = "timestamp.txt"  # where nbgrader's exchange says when something was handed in
EXAMPLE = "2026-01-31T23:59+01:00"
_OFFSET = re.compile(r"[+-]\d\d:?\d\d")


def moment(text: str, zone: str = "UTC", *, strict: bool = False) -> datetime:
    """The moment that `text` names: a date, a time, and an offset or a zone whose meaning is certain.

    Args:
        text: ISO 8601, or the same with a zone as last word: UTC, an offset, a name such as ``Europe/Berlin``.
        zone: the zone in which nbgrader's exchange writes stamps: an abbreviation that it has at that time counts as it.
        strict: whether a text without a zone is refused; otherwise it is UTC, as for nbgrader.

    Returns:
        The moment in UTC, with its zone.

    Raises:
        ValueError: it cannot be told which moment is meant; says why.
    """
    words = " ".join(text.split())
    try:
        found = datetime.fromisoformat(words)
    except ValueError:
        local, _, last = words.rpartition(" ")
        try:
            found = _placed(datetime.fromisoformat(local).replace(tzinfo=None), last, zone)
        except (ValueError, OverflowError) as error:
            raise ValueError(str(error) if "zone" in str(error) else f'"{words[:60]}" is no date and time') from None
    if found.tzinfo is None and strict:
        raise ValueError(f'"{words[:60]}" has no zone')
    try:
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise ValueError(f'"{words[:60]}" is no date and time') from None


def _placed(local: datetime, word: str, zone: str) -> datetime:
    """`local` in the zone that `word` names. ValueError: several zones have that name, or none."""
    if word.upper() in ("UTC", "GMT", "Z"):
        return local.replace(tzinfo=UTC)
    if _OFFSET.fullmatch(word):
        size = timedelta(hours=int(word[1:3]), minutes=int(word[-2:]))
        return local.replace(tzinfo=timezone(-size if word[0] == "-" else size))
    with suppress(ZoneInfoNotFoundError, ValueError, OSError):
        if "/" in word:
            return local.replace(tzinfo=ZoneInfo(word))
        for fold in (0, 1):
            there = local.replace(tzinfo=ZoneInfo(zone), fold=fold)
            if there.tzname() == word:
                return there
    raise ValueError(f'which zone "{word[:30]}" is cannot be told for certain')


def stamp(content: bytes, zone: str) -> tuple[bytes | None, str]:
    """A ``timestamp.txt`` as nbgrader reads it right, and in words why it cannot be one (then there is none)."""
    try:
        return f"{moment(content.decode('utf-8-sig'), zone).isoformat()}\n".encode(), ""
    except UnicodeDecodeError:
        why = "it is no text"
    except ValueError as error:
        why = str(error)
    return None, f"its {STAMP} is not used, {why}: write it like {EXAMPLE}, and grade again"


def zone_of(course: Course) -> str:
    """The zone in which nbgrader's exchange writes stamps in this course."""
    return str(course.config.Exchange.get("timezone") or "UTC")


def seconds_late(submission: SubmittedAssignment) -> float:
    """How late it was handed in, a learner's extension included; 0 where no time or no due date is known."""
    return submission.total_seconds_late if submission.assignment.duedate else 0.0  # nbgrader fails at an extension of no date


def _rule(course: Course) -> Any:
    """nbgrader's step that takes points off: an import that most classes do without."""
    from nbgrader.preprocessors import AssignLatePenalties

    rule = AssignLatePenalties(config=course.config)
    rule.init_plugin()
    return rule


def settle(gradebook: Gradebook, course: Course, lesson: str | None = None) -> None:
    """Let lateness cost what it costs by the due date, the extensions and the rule as they are now; nothing is run for it.

    Where nobody knows when the work came, what it costs is not touched. The change is for the caller to commit.
    """
    rule = None
    for submission in _submissions(gradebook, lesson):
        late = seconds_late(submission)
        for notebook in submission.notebooks if submission.timestamp else ():
            cost = None
            if late > 0:
                rule = rule or _rule(course)
                cost = rule.plugin_inst.late_submission_penalty(submission.student.id, notebook.score, late)
                cost = None if cost is None else rule._check_late_penalty(notebook, cost)
            if notebook.late_submission_penalty != cost:
                notebook.late_submission_penalty = cost


def forget(gradebook: Gradebook, lesson: str, student: str) -> None:
    """Have a submission be of no known time, as one without a stamp is: that of an earlier file says nothing of this one."""
    submission = gradebook.find_submission(lesson, student)
    submission.timestamp = None
    for notebook in submission.notebooks:
        notebook.late_submission_penalty = None


def _submissions(gradebook: Gradebook, lesson: str | None) -> list[Any]:
    if lesson is None:
        return [one for assignment in gradebook.assignments for one in assignment.submissions]
    with suppress(MissingEntry):
        return gradebook.assignment_submissions(lesson)
    return []


def words(submission: SubmittedAssignment) -> str:
    """How late a submission is and what that costs; empty if it is not late."""
    late, cost = seconds_late(submission), submission.late_submission_penalty or 0.0
    if not late > 0:
        return ""
    hours, minutes = divmod(int(late // 60), 60)
    long = f"{hours // 24} d {hours % 24} h" if hours >= 24 else f"{hours} h {minutes} min"
    return f"{long} late: " + (f"{cost:g} less" if cost else "no penalty")


def due(course: Course, lesson: str, text: str | None = None, student: str | None = None) -> str:
    """Set when a lesson is due, for all or for one learner, and say when it is.

    Args:
        lesson: such as ``"03_freeze_base"``.
        text: ISO 8601 with an offset; ``"none"`` for no date (for a learner: none of their own); None to change nothing.
        student: whose; None for everybody.

    Raises:
        CourseError: no such lesson, no certain date, or the learner has no work in the gradebook to which it could belong.
    """
    course.lesson(lesson)
    with course.changing() as gradebook:
        assignment = gradebook.update_or_create_assignment(lesson)
        if text is not None and student is None:
            assignment.duedate = _date(text)
        elif student is not None:
            _extend(gradebook, assignment, student, text)
        gradebook.db.flush()
        settle(gradebook, course, lesson)
        return _said(gradebook, course, lesson, student)


def _date(text: str) -> datetime | None:
    """As nbgrader keeps it: UTC, without saying so."""
    if text.strip().lower() == "none":
        return None
    try:
        return moment(text, strict=True).replace(tzinfo=None)
    except ValueError as error:
        raise CourseError(f"The date is not certain, {error}: write it with its offset from UTC, like {EXAMPLE}.") from None


def _extend(gradebook: Gradebook, assignment: Assignment, student: str, text: str | None) -> None:
    try:
        submission = gradebook.find_submission(assignment.name, student)
    except MissingEntry:
        raise CourseError(f"{student} has nothing graded for {assignment.name}: grade it, then set the date.") from None
    if text is None:
        return
    date = _date(text)
    if date and not assignment.duedate:
        raise CourseError(f"{assignment.name} is not due at any time, so nobody needs a date of their own.")
    submission.extension = date - assignment.duedate if date else None


def _said(gradebook: Gradebook, course: Course, lesson: str, student: str | None) -> str:
    assignment = gradebook.find_assignment(lesson)
    date = assignment.duedate
    if date is None:
        return f"{lesson} has no due date."
    if student is not None:
        date = gradebook.find_submission(lesson, student).duedate
    rule = course.config.LateSubmissionPlugin.get("penalty_method", "none")
    plugin = "a plugin of yours" if "plugin_class" in course.config.AssignLatePenalties else f'"{rule}"'
    here = date.replace(tzinfo=UTC).astimezone()
    whose = f" for {student}" if student else ""
    return f"{lesson} is due {date:%Y-%m-%d %H:%M} UTC{whose}, {here:%Y-%m-%d %H:%M} here. The rule for late work: {plugin}."
