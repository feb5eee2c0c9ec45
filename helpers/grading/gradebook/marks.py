"""The gradebook of one lesson as a table, and the list of those who need a hand."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nbformat.v4 import new_notebook

from helpers.course.errors import CourseError
from helpers.course.one_line import one_line
from helpers.grading.gradebook import lateness, records
from helpers.grading.gradebook.by_hand import REVIEW
from helpers.grading.nbgrader_course import Course
from helpers.notebooks import masters
from helpers.notebooks.transplant import KEY, notes_of


@dataclass(frozen=True)
class Marks:
    """The marks of one learner.

    Attributes:
        student: whose.
        points: exercise -> points.
        maximum: exercise -> what they can be at most.
        by_hand: exercises that wait for a mark by hand: who has one waits for none.
        notes: what was noticed while grading.
        penalty: what lateness costs.
        about_marks: what an instructor should know of the marks and of when the work came, in words.
    """

    student: str
    points: dict[str, float]
    maximum: dict[str, float]
    by_hand: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    penalty: float = 0.0
    about_marks: tuple[str, ...] = ()

    @property
    def total(self) -> float:
        """All points together, after what lateness costs."""
        return round(max(0.0, sum(self.points.values()) - self.penalty), 2)


def marks(course: Course, lesson: str, students: list[str] | None = None) -> list[Marks]:
    """The marks in the gradebook, in the order of names.

    Raises:
        CourseError: `lesson` has never been graded here.
    """
    from nbgrader.api import MissingEntry

    with course.gradebook() as gradebook:
        try:
            submissions = gradebook.assignment_submissions(lesson)
        except MissingEntry:
            raise CourseError(f"{lesson} is not in the gradebook: run `python -m helpers grade {lesson}` first.") from None
        late = records.late(course.root, lesson)
        found = [_of(course, lesson, submission, late.get(submission.student.id, "")) for submission in submissions]
    chosen = [entry for entry in found if students is None or entry.student in students]
    return sorted(chosen, key=lambda entry: entry.student)


def _of(course: Course, lesson: str, submission: Any, platform: str) -> Marks:
    student = submission.student.id
    path = course.folder("autograded", student, lesson) / f"{lesson}.ipynb"
    graded = masters.read(path) if path.is_file() else new_notebook()
    order = {cell.metadata.get("nbgrader", {}).get("grade_id"): place for place, cell in enumerate(graded.cells)}
    found = [grade for notebook in submission.notebooks for grade in notebook.grades]
    grades = {_name(grade.name): grade for grade in sorted(found, key=lambda grade: order.get(grade.name, len(order)))}
    return Marks(
        student,
        {name: round(float(grade.score), 2) for name, grade in grades.items()},
        {name: float(grade.max_score) for name, grade in grades.items()},
        tuple(name for name, grade in grades.items() if grade.needs_manual_grade and grade.manual_score is None),
        tuple(str(note) for note in notes_of(graded)),
        round(submission.late_submission_penalty or 0.0, 2),
        tuple(_about(submission, grades, graded.metadata.get(KEY, {}), platform)),
    )


def _name(graded: str) -> str:
    """The exercise of a graded cell."""
    return graded.removeprefix("test_")


def _about(submission: Any, grades: dict[str, Any], noted: dict[str, Any], platform: str) -> Iterator[str]:
    """What to know of the marks by hand of one submission, and of when it came; `platform`: which one called it late."""
    for name, grade in grades.items():
        if grade.manual_score is not None and grade.manual_score > grade.max_score:
            yield f"the mark by hand of {name}, {grade.manual_score:g}, is above its maximum, {grade.max_score:g}"
    looked = [_name(str(name)) for name in noted.get(REVIEW, ())]
    review = [name for name in looked if name in grades and grades[name].needs_manual_grade]
    if review:
        yield f"has a mark by hand that was given to another answer: {', '.join(review)}"
    if words := lateness.words(submission):
        yield words
    if unread := str(noted.get(lateness.STAMP) or ""):
        yield unread
    if platform and submission.timestamp is None:
        yield f"late, says {platform}, which gives no time: nothing was taken off"


MOST = "(at most)"  # the name of the row of maxima


def table(found: list[Marks], failed: dict[str, str] | None = None) -> str:
    """The marks for a terminal, then one line for each thing that needs a look; `failed`: learner -> why there is no mark."""
    if not found:
        return "\n".join(["No marks yet.", *attention(found, failed)])
    best = found[0].maximum
    width = max(len(MOST), *(len(one_line(entry.student)) for entry in found))
    late = ["late"] if any(entry.penalty for entry in found) else []
    columns = [*best, *late, "sum"]
    heading = "  ".join([f"{'learner':<{width}}", *(f"{name:>6}" for name in columns)])
    rows = [(MOST, [*best.values(), *(0.0 for _ in late), round(sum(best.values()), 2)])]
    for entry in found:
        costs = [-entry.penalty if entry.penalty else 0.0 for _ in late]
        rows.append((one_line(entry.student), [*(entry.points.get(name, 0.0) for name in best), *costs, entry.total]))
    lines = [heading, "-" * len(heading)]
    for student, marks in rows:
        figures = (f"{mark:>{max(len(name), 6)}g}" for name, mark in zip(columns, marks, strict=True))
        lines.append("  ".join([f"{student:<{width}}", *figures]))
    return "\n".join([*lines, *attention(found, failed)])


def attention(found: list[Marks], failed: dict[str, str] | None = None) -> list[str]:
    """One line for each thing that an instructor should look at."""
    marked = {entry.student for entry in found}
    said = [(student, reason) for student, reason in (failed or {}).items() if student not in marked]
    said += [(entry.student, note) for entry in found for note in entry.notes]
    said += [(entry.student, words) for entry in found for words in entry.about_marks]
    said += [(entry.student, f"waits for a mark by hand: {', '.join(entry.by_hand)}") for entry in found if entry.by_hand]
    return ["", "To look at:", *(f"  {one_line(student, 200)}: {one_line(words)}" for student, words in said)] if said else []
