"""Marks that a person gave, when the work is graded again: they stay, and are looked at again only if the answer is another one.

nbgrader lists every mark by hand as waiting after each grading (``SaveAutoGrades``), whether anything has changed or not.
"""

from typing import Any

from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry

from helpers.notebooks.transplant import KEY

REVIEW = "review"  # under our key in a graded notebook's metadata: exercises whose mark by hand was given to another answer


def waiting(gradebook: Gradebook, lesson: str, student: str) -> set[str]:
    """The graded cells that nbgrader has on its list for a person, as the gradebook is now."""
    return {grade.name for grade in _grades(gradebook, lesson, student) if grade.needs_manual_grade}


def settle(
    gradebook: Gradebook, lesson: str, student: str, listed: set[str], before: NotebookNode | None, now: NotebookNode
) -> list[str]:
    """Take marks by hand off nbgrader's list again where they were given to this very answer.

    Args:
        gradebook: into which nbgrader has just stored the new work.
        lesson, student: whose.
        listed: from `waiting`, before that.
        before: the graded notebook that was there before; None if none was.
        now: the graded notebook that takes its place.

    Returns:
        Graded cells whose mark by hand was given to another answer, and which nobody has looked at since.
    """
    old = set(before.metadata.get(KEY, {}).get(REVIEW, ())) & listed if before else set()
    review = []
    for grade in _grades(gradebook, lesson, student):
        if grade.manual_score is not None:
            changed = before is None or _answer(before, grade.name) != _answer(now, grade.name)
            grade.needs_manual_grade = changed or grade.name in old
            review += [grade.name] if grade.needs_manual_grade else []
    return sorted(review)


def _grades(gradebook: Gradebook, lesson: str, student: str) -> list[Any]:
    try:
        return gradebook.find_submission_notebook(lesson, lesson, student).grades
    except MissingEntry:
        return []


def _answer(notebook: NotebookNode, graded: str) -> list[str]:
    """What the mark of a graded cell is given to: the cell itself where it is answered in, else its exercise's answer."""
    names = {graded, graded.removeprefix("test_")}
    answers = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("solution")]
    return [cell.source.strip() for cell in answers if cell.metadata.nbgrader.get("grade_id") in names]
