"""The gradebook of one lesson as a table, and the list of those who need a hand."""

from dataclasses import dataclass

from helpers.course.errors import CourseError
from helpers.grading.nbgrader_course import Course
from helpers.notebooks import masters
from helpers.notebooks.transplant import notes_of


@dataclass(frozen=True)
class Marks:
    """The marks of one learner: exercise -> points, what they can be at most, and what was noticed while grading."""

    student: str
    points: dict[str, float]
    maximum: dict[str, float]
    by_hand: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def total(self) -> float:
        """All points together."""
        return round(sum(self.points.values()), 2)


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
        found = [_of(course, lesson, submission) for submission in submissions]
    chosen = [entry for entry in found if students is None or entry.student in students]
    return sorted(chosen, key=lambda entry: entry.student)


def _of(course: Course, lesson: str, submission: object) -> Marks:
    student = submission.student.id
    grades = {grade.name.removeprefix("test_"): grade for notebook in submission.notebooks for grade in notebook.grades}
    path = course.folder("autograded", student, lesson) / f"{lesson}.ipynb"
    return Marks(
        student,
        {name: round(float(grade.score), 2) for name, grade in grades.items()},
        {name: float(grade.max_score) for name, grade in grades.items()},
        tuple(name for name, grade in grades.items() if grade.needs_manual_grade),
        tuple(str(note) for note in notes_of(masters.read(path))) if path.is_file() else (),
    )


def table(found: list[Marks], failed: dict[str, str] | None = None) -> str:
    """The marks for a terminal, then one line for each thing that needs a look; `failed`: learner -> why there is no mark."""
    if not found:
        return "\n".join(["No marks yet.", *attention(found, failed)])
    best = found[0].maximum
    width = max(len("learner"), *(len(entry.student) for entry in found))
    heading = "  ".join([f"{'learner':<{width}}", *(f"{name:>6}" for name in (*best, "sum"))])
    rows = [("(at most)", [*best.values(), round(sum(best.values()), 2)])]
    rows += [(entry.student, [*(entry.points.get(name, 0.0) for name in best), entry.total]) for entry in found]
    lines = [heading, "-" * len(heading)]
    for student, marks in rows:
        figures = (f"{mark:>{max(len(name), 6)}g}" for name, mark in zip((*best, "sum"), marks, strict=True))
        lines.append("  ".join([f"{student:<{width}}", *figures]))
    return "\n".join([*lines, *attention(found, failed)])


def attention(found: list[Marks], failed: dict[str, str] | None = None) -> list[str]:
    """One line for each thing that an instructor should look at."""
    marked = {entry.student for entry in found}
    lines = [f"  {student}: {reason}" for student, reason in (failed or {}).items() if student not in marked]
    lines += [f"  {entry.student}: {note}" for entry in found for note in entry.notes]
    lines += [f"  {entry.student}: waits for a mark by hand: {', '.join(entry.by_hand)}" for entry in found if entry.by_hand]
    return ["", "To look at:", *lines] if lines else []
