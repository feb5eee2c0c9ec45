"""A lesson's notebook as learners are handed it, made from its master without nbgrader, or found in what a learner was handed.

A learner's own copy may have been split, merged, doubled or stripped of all names. What it is compared with is this.
"""

import hashlib
from pathlib import Path

from nbformat import NotebookNode

from helpers.course import originals
from helpers.notebooks import masters
from helpers.notebooks.handed_in import HANDED_OUT, KEY


def normal(source: str) -> str:
    """A text without what no reader sees: blanks at the ends of its lines, blank lines at its own ends."""
    return "\n".join(line.rstrip() for line in source.split("\n")).strip("\n")


def digest(source: str) -> str:
    """Equal for texts that read the same."""
    return hashlib.sha256(normal(source).encode("utf-8", "replace")).hexdigest()[:10]


def stamp(notebook: NotebookNode) -> None:
    """Note in a notebook's metadata how its cells read now, when it is handed out.

    By that a later grading tells what a learner has changed from what the master has changed since.
    """
    digests = {cell.id: digest(cell.source) for cell in notebook.cells}
    notebook.metadata.setdefault(KEY, NotebookNode())[HANDED_OUT] = NotebookNode(digests)


def of_master(master: NotebookNode) -> NotebookNode:
    """What learners are handed of a master: stubs in place of the answers, no hidden tests."""
    released = masters.canonical(master)
    for cell in released.cells:
        cell.source = masters.without_hidden_tests(originals.without_answer(cell.source, cell.cell_type))
    stamp(released)
    return released


def original(name: str, notebook: NotebookNode, root: Path | None = None) -> NotebookNode | None:
    """The released notebook that a learner's notebook goes back to; None where it is no lesson's.

    Args:
        name: of its file, which platforms and browsers lengthen: ``03_freeze_base-1.ipynb``.
        notebook: the learner's, which tells what the name does not.
        root: the course's folder.
    """
    paths = originals.paths(root)
    named = [lesson for lesson in paths if lesson in name]
    if named:
        return of_master(masters.read(paths[max(named, key=len)]))
    texts = {normal(cell.source) for cell in notebook.cells}
    best, most = None, 1  # two cells in common make a lesson
    for path in paths.values():
        released = of_master(masters.read(path))
        common = len(texts & {normal(cell.source) for cell in released.cells})
        if common > most:
            best, most = released, common
    return best
