"""A class report made: its facts, gathered from the gradebook, the graded notebooks and the names in ``submitted/``.

What stands in a graded notebook's outputs was printed where the learner's code ran: it is data, of any type and any length.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from helpers.checks.report import NOT_ATTEMPTED, NOT_REACHED, REPORT_MIME
from helpers.course.errors import CourseError
from helpers.course.one_line import one_line
from helpers.grading.class_report import facts, page, similar_answers
from helpers.grading.class_report.facts import NOT_RUN, PARTLY, WRONG, ClassReport, GradedExercise, Learner, Miss, Work
from helpers.grading.gradebook import lateness, marks, spelling
from helpers.grading.nbgrader_course import Course
from helpers.notebooks import masters
from helpers.notebooks.handed_in import KEY

LONGEST = 200  # characters of a sentence taken from a notebook
MOST_ASPECTS = 30  # of one report; ours have fewer than ten


def collect(course: Course, lesson: str) -> ClassReport:
    """The facts about one lesson.

    Raises:
        CourseError: no such lesson, or nobody's work on it has been graded.
    """
    course.lesson(lesson)
    found = marks.marks(course, lesson)
    if not found:
        raise CourseError(f"There is nothing graded for {lesson}: run `python -m helpers grade {lesson}` first.")
    released = masters.read(masters.path_of("notebooks", lesson, course.root))
    exercises = tuple(_exercises(released))
    with course.gradebook() as book:
        names = {one.id: " ".join(part for part in (one.first_name, one.last_name) if part) for one in book.students}
    learners = tuple(_learner(course, lesson, entry, exercises, released, names.get(entry.student, "")) for entry in found)
    graded = {learner.student for learner in learners}
    return ClassReport(
        lesson,
        released.cells[0].source.splitlines()[0].lstrip("# ").strip(),
        exercises,
        learners,
        tuple(student for student in spelling.submitters(course, lesson) if student not in graded),
        tuple(_pairs(course, lesson, exercises, learners, released)),
        float(course.config.Execute.get("notebook_timeout", 0)),
    )


def _exercises(released: NotebookNode) -> Iterator[GradedExercise]:
    """The graded exercises of a notebook: its test cells, and the answers that are marked by hand."""
    for cell in released.cells:
        info = cell.metadata.get("nbgrader", {})
        if info.get("grade") or info.get("task"):
            yield GradedExercise(_name(cell), float(info.get("points", 0)), prose=cell.cell_type == "markdown")


def _learner(
    course: Course, lesson: str, entry: marks.Marks, exercises: tuple[GradedExercise, ...], released: NotebookNode, name: str
) -> Learner:
    path = masters.path_of(f"autograded/{entry.student}", lesson, course.root)
    graded = masters.read(path) if path.is_file() else NotebookNode(cells=[], metadata=NotebookNode())
    about = graded.metadata.get(KEY, {})
    refused = one_line(about.get("refused", ""))
    stubs, answers = _answers(released), _answers(graded)
    said = {_name(cell): _said(cell) for cell in graded.cells if cell.metadata.get("nbgrader", {}).get("grade")}
    works = {}
    for exercise in exercises:
        source = answers.get(exercise.name, "")
        reports = said.get(exercise.name, [])
        points = entry.points.get(exercise.name, 0.0)
        untouched = source.strip() == stubs.get(exercise.name, "").strip()
        state = _state(exercise, points, exercise.name in entry.by_hand, refused, untouched, reports)
        misses = tuple(_misses(reports)) if state in (PARTLY, WRONG) else ()
        works[exercise.name] = Work(state, points, misses, "" if untouched or refused else source)
    seconds = about.get("seconds")
    notes = tuple(one_line(note) for note in (*entry.notes, *entry.about_marks) if note != refused)
    timed = seconds if isinstance(seconds, int | float) else None
    return Learner(entry.student, works, name, timed, refused, notes, entry.penalty)


def _answers(notebook: NotebookNode) -> dict[str, str]:
    """Exercise -> the source of its answer cell."""
    return {_name(cell): cell.source for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("solution")}


def _name(cell: NotebookNode) -> str:
    return cell.metadata.nbgrader.grade_id.removeprefix("test_")


def _state(exercise: GradedExercise, points: float, waits: bool, refused: str, untouched: bool, reports: list[dict]) -> str:
    if waits:
        return facts.WAITING
    if points > 0 or not exercise.points:
        return facts.RIGHT if points >= exercise.points else PARTLY
    if refused:
        return NOT_RUN
    if untouched or any(report["status"] == NOT_ATTEMPTED for report in reports):
        return facts.UNTRIED
    # The words that `helpers.notebooks.run_cells` leaves in a cell that it did not reach.
    return NOT_RUN if any(report["trouble"].startswith(f"{NOT_RUN}:") for report in reports) else WRONG


def _said(cell: NotebookNode) -> list[dict]:
    """The reports for programs that a test cell showed, with plain fields only."""
    found = []
    for output in cell.get("outputs", []):
        report = output.get("data", {}).get(REPORT_MIME)
        if isinstance(report, dict) and report.get("exercise") == _name(cell):
            aspects = report.get("aspects")
            plain = [one for one in aspects if isinstance(one, dict)] if isinstance(aspects, list) else []
            trouble, status = _words(report.get("trouble")), _words(report.get("status"))
            found.append({"status": status, "trouble": trouble, "aspects": plain[:MOST_ASPECTS]})
    return found


def _misses(reports: list[dict]) -> Iterator[Miss]:
    """What did not hold; an error that ended the check stands for all that it prevented."""
    for report in reports:
        if report["trouble"]:
            yield Miss(NOT_REACHED, report["trouble"].partition(":")[0])
        for aspect in report["aspects"]:
            reason = _words(aspect.get("reason"))
            if aspect.get("passed") is False and reason not in ("", NOT_REACHED):
                yield Miss(reason, _words(aspect.get("title")))


def _words(value: Any) -> str:
    """One line of text of a sensible length, whatever `value` is."""
    return one_line(re.sub(r"\s+", " ", value[: 2 * LONGEST]).strip()[:LONGEST]) if isinstance(value, str) else ""


def _pairs(
    course: Course, lesson: str, exercises: tuple[GradedExercise, ...], learners: tuple[Learner, ...], released: NotebookNode
) -> Iterator[similar_answers.Pair]:
    own = masters.solution(masters.read(masters.path_of("source", lesson, course.root)))
    stubs, solutions = _answers(released), _answers(own)
    for exercise in exercises:
        answers = {one.student: one.works[exercise.name].source for one in learners if one.works[exercise.name].source}
        known = (stubs.get(exercise.name, ""), solutions.get(exercise.name, ""))
        yield from similar_answers.pairs(exercise.name, answers, known, prose=exercise.prose)


def write(course: Course, lesson: str, target: Path | None = None) -> Path:
    """Write the class report of one lesson (default: ``reports/<lesson>.html``); returns its path.

    Raises:
        CourseError: no such lesson, or nobody's work on it has been graded.
    """
    target = target or course.root / "reports" / f"{lesson}.html"
    with course.changing() as gradebook:
        lateness.settle(gradebook, course, lesson)
    content = page.render(collect(course, lesson))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(content, encoding="utf-8", newline="\n")
    return target
