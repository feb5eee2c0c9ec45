"""The gradebook follows a master that changed after the first grading: exercises added, dropped, renamed.

nbgrader refuses to add or remove cells of a notebook that somebody has handed in (``SaveCells``). Here the gradebook is given
the master's cells first, so that nbgrader has none to add or remove; points and texts it updates by itself.
"""

from collections.abc import Iterator
from difflib import SequenceMatcher

from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.api import (
    BaseCell,
    Comment,
    Grade,
    Gradebook,
    GradeCell,
    MissingEntry,
    Notebook,
    SolutionCell,
    SourceCell,
    TaskCell,
)

ALIKE = 0.9  # of two texts, 1 for equal ones: from here on a cell may be another one with a new name
SHORTEST = 30  # characters of a text that can tell one cell from others
KINDS = {GradeCell: utils.is_grade, SolutionCell: utils.is_solution, TaskCell: utils.is_task}
Cells = dict[str, NotebookNode]  # name -> cell


def follow(gradebook: Gradebook, lesson: str, master: NotebookNode, release: NotebookNode) -> list[str]:
    """Have the gradebook's cells of `lesson` be those of `master`, for everybody who has handed in as well.

    A new exercise is not attempted, 0, until the work is graded again. What a dropped one earned goes with it. A renamed one,
    known by its text, keeps marks and comments.

    Args:
        gradebook: to be changed; the caller commits it.
        lesson: the assignment, and its notebook.
        master, release: the lesson as it is now, with and without answers and hidden tests.

    Returns:
        What changed, a sentence each; empty if nothing did, or nobody had handed in.
    """
    try:
        notebook = gradebook.find_notebook(lesson, lesson)
    except MissingEntry:
        return []
    if not notebook.submissions:
        return []
    said = list(_points(notebook, _of(GradeCell, master)))
    renamed = _renamed(notebook, _texts(master, release))
    for row in [*notebook._base_cells, *notebook.source_cells]:
        row.name = renamed.get(row.name, row.name)
    gradebook.db.flush()
    said += [f"{_exercise(old)} is now {_exercise(new)}" for old, new in renamed.items() if old in _marked(renamed, notebook)]
    for kind in KINDS:
        said += _match(gradebook, notebook, kind, _of(kind, master))
    _match_sources(gradebook, notebook, set(_texts(master, release)), master)
    return said


def _of(kind: type[BaseCell], master: NotebookNode) -> Cells:
    return {cell.metadata.nbgrader.grade_id: cell for cell in master.cells if KINDS[kind](cell)}


def _texts(master: NotebookNode, release: NotebookNode) -> dict[str, str]:
    """Name -> text of every cell that nbgrader keeps, as it keeps it: tests with their hidden part, answers as the stub."""
    stubs = {cell.id: cell.source for cell in release.cells}
    return {
        cell.metadata.nbgrader.grade_id: stubs.get(cell.id, "") if utils.is_solution(cell) else cell.source
        for cell in master.cells
        if utils.is_locked(cell) or any(is_kind(cell) for is_kind in KINDS.values())
    }


def _exercise(name: str) -> str:
    return name.removeprefix("test_")


def _marked(renamed: dict[str, str], notebook: Notebook) -> set[str]:
    """Of the renamed cells, the old names of those that have marks."""
    graded = {cell.name for cell in (*notebook.grade_cells, *notebook.task_cells)}
    return {old for old, new in renamed.items() if new in graded}


def _renamed(notebook: Notebook, texts: dict[str, str]) -> dict[str, str]:
    """Old name -> new one of cells that are gone under the one and there under the other, with the same text but for the name.

    A text that several cells have, as the questions of a quiz do, tells nothing.
    """
    had = {cell.name: cell.source or "" for cell in notebook.source_cells}
    found = {}
    for new in texts.keys() - had.keys():
        like = [old for old in had if _alike(_bare(had[old], old), _bare(texts[new], new))]
        if len(like) == 1 and like[0] not in texts and like[0] not in found:
            found[like[0]] = new
    return found


def _bare(text: str, name: str) -> str:
    return text.replace(_exercise(name), "").strip()


def _alike(first: str, second: str) -> bool:
    return min(len(first), len(second)) >= SHORTEST and SequenceMatcher(None, first, second, autojunk=False).ratio() >= ALIKE


def _points(notebook: Notebook, cells: Cells) -> Iterator[str]:
    """What can be earned otherwise than before; nbgrader itself takes it over."""
    for row in notebook.grade_cells:
        points = float(cells[row.name].metadata.nbgrader.points) if row.name in cells else row.max_score
        if points != row.max_score:
            yield f"{_exercise(row.name)} has {points:g} points and not {row.max_score:g}"


def _match(gradebook: Gradebook, notebook: Notebook, kind: type[BaseCell], cells: Cells) -> list[str]:
    """Add and remove cells of one kind, and for every submission what belongs to them."""
    said = []
    rows = {row.name: row for row in notebook._base_cells if type(row) is kind}
    for name in sorted(rows.keys() - cells.keys()):
        grades = gradebook.db.query(Grade).filter(Grade.cell_id == rows[name].id).all()
        comments = gradebook.db.query(Comment).filter(Comment.cell_id == rows[name].id).all()
        by_hand = sum(grade.manual_score is not None for grade in grades)
        if kind is not SolutionCell:
            said.append(f"{_exercise(name)} is gone, with {len(grades)} marks, {by_hand} of them by hand")
        for part in (*grades, *comments):
            gradebook.db.delete(part)
        gradebook.db.delete(rows[name])
    for name in [name for name in cells if name not in rows]:
        info = cells[name]
        graded = {} if kind is SolutionCell else {"max_score": float(info.metadata.nbgrader.points), "cell_type": info.cell_type}
        row = kind(name=name, notebook=notebook, **graded)
        gradebook.db.add(row)
        gradebook.db.flush()
        for work in notebook.submissions:
            if kind is not SolutionCell:
                said += [f"{_exercise(name)} is new"] if work is notebook.submissions[0] else []
                gradebook.db.add(Grade(cell_id=row.id, notebook=work, auto_score=0.0, needs_manual_grade=False))
            if kind is not GradeCell:
                gradebook.db.add(Comment(cell_id=row.id, notebook=work))
    gradebook.db.flush()
    return said


def _match_sources(gradebook: Gradebook, notebook: Notebook, names: set[str], master: NotebookNode) -> None:
    """Add and remove the rows in which nbgrader keeps texts; it fills them in itself."""
    rows = {row.name: row for row in notebook.source_cells}
    for name in rows.keys() - names:
        gradebook.db.delete(rows[name])
    for cell in master.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name in names - rows.keys():
            gradebook.db.add(SourceCell(name=name, notebook=notebook, cell_type=cell.cell_type, locked=utils.is_locked(cell)))
    gradebook.db.flush()
