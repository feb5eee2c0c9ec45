"""The gradebook of one lesson as a table, and the list of those who need a hand."""

from dataclasses import dataclass, field

from helpers.course.errors import CourseError
from helpers.grading.nbgrader_course import Course
from helpers.grading.submission.transplant import notes_of
from helpers.notebooks import masters


@dataclass(frozen=True)
class Marks:
    """The marks of one learner: exercise -> points, what they can be at most, and what was noticed while grading."""

    student: str
    points: dict[str, float]
    maximum: dict[str, float]
    by_hand: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

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
    grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
    student = submission.student.id
    return Marks(
        student,
        {_exercise(grade.name): round(float(grade.score), 2) for grade in grades},
        {_exercise(grade.name): float(grade.max_score) for grade in grades},
        tuple(_exercise(grade.name) for grade in grades if grade.needs_manual_grade),
        _notes(course, lesson, student),
    )


def _notes(course: Course, lesson: str, student: str) -> tuple[str, ...]:
    path = course.folder("autograded", student, lesson) / f"{lesson}.ipynb"
    if not path.is_file():
        return ()
    return tuple(str(note) for note in notes_of(masters.read(path)))


def _exercise(grade_id: str) -> str:
    return grade_id.removeprefix("test_")


def table(found: list[Marks], failed: dict[str, str] | None = None) -> str:
    """The marks for a terminal, then one line for each thing that needs a look; `failed`: learner -> why there is no mark."""
    if not found:
        return "\n".join(["No marks yet.", *attention(found, failed)])
    exercises = list(found[0].maximum)
    width = max(len("learner"), *(len(entry.student) for entry in found))
    columns = [max(len(name), 6) for name in exercises]
    heading = "  ".join([f"{'learner':<{width}}", *(f"{n:>{c}}" for n, c in zip(exercises, columns, strict=True)), f"{'sum':>6}"])
    best = found[0].maximum
    rows = [_row("(at most)", best, round(sum(best.values()), 2), width, columns)]
    for entry in found:
        points = {name: entry.points.get(name, 0.0) for name in exercises}
        rows.append(_row(entry.student, points, entry.total, width, columns))
    return "\n".join([heading, "-" * len(heading), *rows, *attention(found, failed)])


def _row(name: str, points: dict[str, float], total: float, width: int, columns: list[int]) -> str:
    numbers = (f"{mark:>{column}g}" for mark, column in zip(points.values(), columns, strict=True))
    return "  ".join([f"{name:<{width}}", *numbers, f"{total:>6g}"])


def attention(found: list[Marks], failed: dict[str, str] | None = None) -> list[str]:
    """One line for each thing that an instructor should look at."""
    marked = {entry.student for entry in found}
    lines = [f"  {student}: {reason}" for student, reason in (failed or {}).items() if student not in marked]
    lines += [f"  {entry.student}: {note}" for entry in found for note in entry.notes]
    lines += [f"  {entry.student}: waits for a mark by hand: {', '.join(entry.by_hand)}" for entry in found if entry.by_hand]
    return ["", "To look at:", *lines] if lines else []
