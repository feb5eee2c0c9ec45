"""The masters in ``source/`` and what is made of them: their canonical form, the solution version, and the lint.

A master is the only notebook edited by hand. Its student version is made by nbgrader's own converter
(`helpers.grading.handout.build`); everything that needs no nbgrader is here.

A master declares two things to the grader, and its release has them as well. A cell with the tag ``shown`` only shows something:
no mark depends on it, so grading may leave it out. And ``finetune.computed_once`` in the notebook's metadata lists what to have
in the cache before a class is graded, by the numbers of released blocks that are given to `features.cached_loaders`; the word
``recipe`` stands for as many as the course's recipe releases of the backbone at hand. Of what only cells that show compute,
``run`` is the recipe's run with the features that it takes, ``baselines`` what there is without a network: had beforehand where
those cells are run as well.
"""

import json
import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from helpers.course import settings
from helpers.course.errors import CourseError

HIDDEN = ("### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS")
MARKERS = ("BEGIN SOLUTION", "END SOLUTION", "BEGIN HIDDEN TESTS", "END HIDDEN TESTS")
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
SHOWN = "shown"  # a cell's tag
FINETUNE, COMPUTED_ONCE = "finetune", "computed_once"  # our key in a notebook's metadata, and one below it
RECIPE = "recipe"  # in that list: the number of blocks that the recipe releases, which goes by the backbone
RUN, BASELINES = "run", "baselines"  # in it as well: `recipe.course_run` and `baselines.on_pixels`, for cells that show
# What lessons write beside their notebooks: the learner's, handed in with them, never handed out.
WRITTEN = ("*_report.html", "my_model")


def path_of(folder: str, lesson: str, root: Path | None = None) -> Path:
    """Where a lesson's notebook lies: ``<folder>/<lesson>/<lesson>.ipynb`` in the course."""
    return (root or settings.root()) / folder / lesson / f"{lesson}.ipynb"


def lessons(root: Path | None = None) -> list[str]:
    """The names of all lessons that have a master, in order."""
    source = (root or settings.root()) / "source"
    return sorted(path.parent.name for path in source.glob("*/*.ipynb") if path.stem == path.parent.name)


def every(root: Path | None = None) -> dict[str, NotebookNode]:
    """Lesson -> its master, in order.

    Raises:
        CourseError: one is not a notebook.
    """
    return {name: read(path_of("source", name, root)) for name in lessons(root)}


def read(path: Path) -> NotebookNode:
    """A notebook as nbformat 4.

    Raises:
        CourseError: there is no such file, or it is not a notebook.
    """
    try:
        return nbformat.reads(path.read_text(encoding="utf-8-sig"), as_version=4)
    except FileNotFoundError:
        raise CourseError(f"There is no notebook {path}: check the name.") from None
    except (OSError, ValueError, AttributeError, KeyError, TypeError, RecursionError, nbformat.ValidationError) as error:
        words = str(error).splitlines() or [type(error).__name__]
        raise CourseError(f"{path} is not a readable notebook ({words[0][:120]}): save it again from Jupyter.") from None


def text(notebook: NotebookNode) -> str:
    """The file's content: sorted keys, indent 1, UTF-8 as it is, one newline at the end."""
    content = json.loads(json.dumps(notebook))
    for cell in content["cells"]:  # in git a change of a line is then a change of a line
        cell["source"] = cell["source"].splitlines(keepends=True)
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def canonical(notebook: NotebookNode) -> NotebookNode:
    """A master as it is kept: no outputs, no counts, the course's own metadata, on cells nbgrader's and the tag ``shown``."""
    cells = []
    for cell in notebook.cells:
        kept = NotebookNode(cell_type=cell.cell_type, id=cell.get("id", ""), metadata=NotebookNode(), source=cell.source)
        if "nbgrader" in cell.metadata:
            kept.metadata["nbgrader"] = NotebookNode({k: v for k, v in cell.metadata.nbgrader.items() if k != "checksum"})
        if SHOWN in cell.metadata.get("tags", ()):
            kept.metadata["tags"] = [SHOWN]
        if cell.cell_type == "code":
            kept.update(execution_count=None, outputs=[])
        elif cell.get("attachments"):
            kept["attachments"] = cell.attachments
        cells.append(kept)
    declared = notebook.metadata.get(FINETUNE, {}).get(COMPUTED_ONCE)
    metadata = METADATA if declared is None else {**METADATA, FINETUNE: {COMPUTED_ONCE: declared}}
    return NotebookNode(cells=cells, metadata=nbformat.from_dict(metadata), nbformat=4, nbformat_minor=5)


def shown_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The code cells that only show something, in order."""
    return [cell for cell in notebook.cells if cell.cell_type == "code" and SHOWN in cell.metadata.get("tags", ())]


def computed_once(notebook: NotebookNode) -> list[int | str]:
    """What the lesson asks for that is computed once, as its master declares it: numbers of released blocks, or one of the words
    `RECIPE`, `RUN` and `BASELINES`.
    """
    return list(notebook.metadata.get(FINETUNE, {}).get(COMPUTED_ONCE, ()))


def solution(master: NotebookNode) -> NotebookNode:
    """The answers: the master without markers and hidden tests, same cell ids.

    nbgrader's metadata stay: so a solution notebook is a submission that the grader takes as it is,
    which is how the tests show that the course's own answers earn full marks.
    """
    answers = canonical(master)
    for cell in answers.cells:
        lines = without_hidden_tests(cell.source).split("\n")
        cell.source = "\n".join(line for line in lines if not any(marker in line for marker in MARKERS))
        if cell.cell_type == "code":
            cell.source = _stubs_gone(cell.source)
    return answers


def without_hidden_tests(source: str) -> str:
    """`source` without the regions between the hidden-test markers."""
    lines, hidden = [], False
    for line in source.split("\n"):
        if HIDDEN[0].strip("# ") in line:
            hidden = True
        elif HIDDEN[1].strip("# ") in line:
            hidden = False
        elif not hidden:
            lines.append(line)
    return "\n".join(lines)


def _stubs_gone(source: str) -> str:
    """A value cell's ``name = None`` goes when the answer that follows assigns the name again."""
    lines = source.split("\n")
    stub = re.fullmatch(r"(\w+)(?:\s*:[^=]+)?\s*=\s*None\s*(?:#.*)?", lines[0]) if lines else None
    if stub and any(re.match(rf"{stub[1]}\s*(?::[^=]+)?=[^=]", line) for line in lines[1:]):
        return "\n".join(lines[1:]).lstrip("\n")
    return source
