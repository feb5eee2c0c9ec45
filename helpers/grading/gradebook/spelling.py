"""One learner whose name has several spellings in bytes: ``é`` as one sign, or as an e and an accent (Unicode's NFC and NFD).

Spreadsheets and keyboards write the first, archives and folders made on macOS often the second; both look the same.
"""

import os
import unicodedata
from datetime import datetime
from pathlib import Path

from nbgrader.api import Gradebook, Student

from helpers.course.one_line import one_line
from helpers.grading.nbgrader_course import Course

STEPS = ("submitted", "autograded", "feedback")
_FIELDS = ("first_name", "last_name", "email", "lms_user_id")


def one(name: str) -> str:
    """The spelling under which a learner is kept, in the gradebook and as a folder."""
    return unicodedata.normalize("NFC", name)


def submitters(course: Course, lesson: str) -> list[str]:
    """The learners who have handed in something for `lesson`, in order."""
    folder = course.root / "submitted"
    found = [path.parent.name for path in folder.glob(f"*/{lesson}")] if folder.is_dir() else []
    return sorted({one(name) for name in found if not name.startswith(".")})


def settle(course: Course) -> list[str]:
    """Keep every learner under one spelling: folders are renamed, lines of the gradebook joined.

    Returns:
        A sentence for each thing that could not be joined, since both spellings have it; it stays as it is.
    """
    aside = course.root / ".course" / "replaced" / f"{datetime.now():%Y%m%d-%H%M%S-%f}"
    problems = [problem for step in STEPS for problem in _folders(course.root / step, aside)]
    with course.changing() as gradebook:
        for student in [student for student in gradebook.students if student.id != one(student.id)]:
            problems += _join(gradebook, student)
    return problems


def _folders(step: Path, aside: Path) -> list[str]:
    """Rename a step's folders of learners; where both spellings are there, their lessons are put together.

    What grading made under both spellings is moved to `aside`: it makes it anew.
    """
    problems = []
    for path in sorted(step.iterdir()) if step.is_dir() else []:
        target = path.with_name(one(path.name))
        if path.name == target.name or not path.is_dir() or path.is_symlink():
            continue
        try:
            if not target.exists():
                path.rename(target)
            elif not os.path.samefile(path, target):  # some file systems take the two spellings for one
                problems += _put_together(path, target, None if step.name == STEPS[0] else aside / step.name)
        except OSError as error:
            problems.append(f"{step.name}/{one_line(path.name)} cannot be brought to one spelling ({error.strerror}): it stays.")
    return problems


def _put_together(path: Path, target: Path, aside: Path | None) -> list[str]:
    problems = []
    for lesson in sorted(path.iterdir()):
        if (target / lesson.name).exists() and aside:
            (aside / path.name).mkdir(parents=True, exist_ok=True)
            lesson.rename(aside / path.name / lesson.name)
        elif (target / lesson.name).exists():
            twice = f"{path.parent.name}/ has {lesson.name} of {target.name} twice, in folders whose names look the same"
            problems.append(f"{twice}: keep one. The one that was made on macOS is left out.")
        else:
            lesson.rename(target / lesson.name)
    if not any(path.iterdir()):
        path.rmdir()
    return problems


def _join(gradebook: Gradebook, other: Student) -> list[str]:
    """Hand over what the gradebook has under another spelling; what is there under both stays."""
    kept = gradebook.db.get(Student, one(other.id)) or Student(id=one(other.id))
    gradebook.db.add(kept)
    for field in _FIELDS:
        setattr(kept, field, getattr(kept, field) or getattr(other, field))
    there = {submission.assignment_id for submission in kept.submissions}
    for submission in list(other.submissions):
        if submission.assignment_id not in there:
            submission.student = kept
    gradebook.db.flush()
    gradebook.db.expire(other, ["submissions"])
    left = sorted(submission.name for submission in other.submissions)
    if not left:
        gradebook.db.delete(other)
        return []
    return [f"The gradebook has {', '.join(left)} of {kept.id} twice, under names that look the same: remove one in formgrader."]
