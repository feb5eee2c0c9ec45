"""A learner's notebook run from top to bottom in a kernel of its own, and what its test cells say.

Works without nbgrader. It never touches the file nor a running Jupyter server, unlike nbgrader's Validate
button, during which every kernel of the server stands still.
"""

import copy
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from helpers.checks.report import NOTED
from helpers.course.errors import CourseError
from helpers.notebooks import masters
from helpers.notebooks.handed_in import parse
from helpers.notebooks.kernels import own_kernel
from helpers.notebooks.released import original
from helpers.notebooks.run_cells import NotebookRun, RunLimits
from helpers.notebooks.shown_cells import skipped_cells
from helpers.notebooks.transplant import notes_of, transplant
from helpers.notebooks.verdicts import Verdict, verdict

CELL_SECONDS, NOTEBOOK_SECONDS = 300, 1800  # generous: a learner's laptop may be busy or slow


@dataclass(frozen=True)
class Result:
    """What one test cell said: its exercise, the verdict, and the report in words."""

    exercise: str
    verdict: Verdict
    report: str

    @property
    def noted(self) -> bool:
        """Whether this is an answer of a class's quiz, which only the instructor's grading marks."""
        return self.report.startswith(f"{self.exercise}: {NOTED}")


@dataclass(frozen=True)
class Checked:
    """What a learner's notebook is worth so far: a result for each exercise, and what was noticed about the file."""

    results: list[Result]
    notes: list[str]


def check(path: Path, *, cell_seconds: int = CELL_SECONDS, notebook_seconds: int = NOTEBOOK_SECONDS) -> Checked:
    """Run a copy of the notebook in its folder, with the answers found and cells that only show left out as the grader does.

    Raises:
        CourseError: not a notebook, or one without graded exercises.
    """
    notebook, notes, skipped = _to_check(path)
    limits = {"cell_seconds": cell_seconds, "notebook_seconds": notebook_seconds}
    executed = run(notebook, path.resolve().parent, skipped, **limits)
    return Checked(results(executed), notes)


def _to_check(path: Path) -> tuple[NotebookNode, list[str], set[str]]:
    """(what is run, notes, skipped cells): the lesson with the learner's answers in it; what is none of the course's as it is."""
    if not path.is_file():
        raise CourseError(f"There is no notebook {path}: check the name.")
    submitted = parse(path.read_bytes(), path.name)
    released = original(path.stem, submitted)
    if released is not None:
        graded = transplant(released, submitted)
        return graded, list(notes_of(graded)), skipped_cells(graded)
    notebook = masters.read(path)
    if not any(_is_test(cell) for cell in notebook.cells):
        raise CourseError(f"{path} has no graded exercises: give the path of a lesson's notebook.")
    return notebook, [], set()


def run(
    notebook: NotebookNode, folder: Path, skipped: Collection[str] = (), *, cell_seconds: int, notebook_seconds: int
) -> NotebookNode:
    """A copy of the notebook with the outputs of a fresh run of all cells but the skipped ones."""
    copied = copy.deepcopy(notebook)
    for cell in copied.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    # A rehearsal is no progress: the start page shows what the learner's own cells have found.
    with own_kernel(folder, {**os.environ, "NBGRADER_EXECUTION": "validate"}) as kernel:
        NotebookRun(copied, kernel, RunLimits(cell_seconds, notebook_seconds)).run(skipped=skipped)
    return copied


def results(executed: NotebookNode) -> list[Result]:
    """The results of all test cells of a notebook that has been run."""
    found = (_result(cell) for cell in executed.cells if _is_test(cell))
    return list({result.exercise: result for result in found}.values())


def _result(cell: NotebookNode) -> Result:
    info = cell.metadata.nbgrader
    shown = [output.data.get("text/plain", "") for output in cell.outputs if output.output_type == "display_data"]
    found = verdict(cell.outputs, float(info.points))
    return Result(info.grade_id.removeprefix("test_"), found, "\n".join(shown))


def _is_test(cell: NotebookNode) -> bool:
    info = cell.metadata.get("nbgrader", {})
    return cell.cell_type == "code" and bool(info.get("grade")) and not info.get("solution")


def lines(checked: Checked) -> Iterator[str]:
    """The results for a terminal: what was noticed about the file, marks and reasons, then the sum."""
    found = checked.results
    if checked.notes:
        yield from ("About your file:", *(f"  {note}" for note in checked.notes), "")
    for result in found:
        yield result.report or f"{result.exercise}: {result.verdict.score:g} of {result.verdict.points:g} points"
        if result.verdict.note:
            yield f"  {result.verdict.note}"
        yield ""
    marked = [result for result in found if not result.noted]
    if len(marked) < len(found):
        yield f"{len(found) - len(marked)} answers of {len(found)} are noted: they are marked when your instructor grades."
    if marked:
        total, best = sum(r.verdict.score for r in marked), sum(r.verdict.points for r in marked)
        yield f"In all {round(total, 2):g} of {round(best, 2):g} points by the visible checks."
        yield "Marks come from further problems of the same kinds."
