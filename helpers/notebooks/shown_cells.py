"""Which cells need not be run for marks: those that only show something, as the master declares by their tag ``shown``.

No cell of the release that runs reads a name that one of them binds (`master_faults.faults` sees to that), but a learner's may.
Then all of them run: a name may have come a long way through them. What they do to objects that other cells made is not looked
for, so a cell that changes such an object for a later exercise must not have the tag.
"""

from collections.abc import Collection

from nbformat import NotebookNode

from helpers.notebooks import masters
from helpers.notebooks.cell_names import bound, taken
from helpers.notebooks.handed_in import KEY
from helpers.notebooks.transplant import CHANGED, EXTRA


def skipped_cells(graded: NotebookNode, own: Collection[str] | None = None) -> set[str]:
    """Ids of the cells that need not run.

    Args:
        graded: the released notebook with the learner's answers; tags are the release's, since a learner's are not taken over.
        own: ids of the cells whose source is the learner's, as `transplant` has noted them if None: answers and extra ones.
    """
    shown = masters.shown_cells(graded)
    names = set().union(*(bound(cell.source) for cell in shown))
    own = _own(graded) if own is None else own
    learners = (cell.source for cell in graded.cells if cell.cell_type == "code" and cell.id in own)
    return set() if any(names & taken(source) for source in learners) else {cell.id for cell in shown}


def _own(graded: NotebookNode) -> set[str]:
    """Ids of the cells with the learner's own source that run in any case: answers, and what `transplant` added or changed."""
    answers = {cell.id for cell in graded.cells if cell.metadata.get("nbgrader", {}).get("solution")}
    changed = set(graded.metadata[KEY][CHANGED]) - {cell.id for cell in masters.shown_cells(graded)}
    return answers | set(graded.metadata[KEY][EXTRA]) | changed
