"""The masters in ``source/`` and what is made of them: their canonical form, the solution version, and the lint.

A master is the only notebook edited by hand. Its student version is made by nbgrader's own converter
(`helpers.grading.handout.build`); everything that needs no nbgrader is here.

A master declares two things to the grader, and its release has them as well. A cell with the tag ``shown`` only shows something:
no mark depends on it, so grading may leave it out. And ``finetune.computed_once`` in the notebook's metadata lists what to have
in the cache before a class is graded, by the numbers of released blocks that are given to `features.cached_loaders`; the word
``recipe`` stands for as many as the course's recipe releases of the backbone at hand.
"""

import ast
import json
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from helpers.course import settings
from helpers.course.errors import CourseError
from helpers.notebooks import attachments
from helpers.notebooks.cell_names import bound, taken

SOLUTION = ("### BEGIN SOLUTION", "### END SOLUTION")
HIDDEN = ("### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS")
MARKERS = ("BEGIN SOLUTION", "END SOLUTION", "BEGIN HIDDEN TESTS", "END HIDDEN TESTS")
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
SHOWN = "shown"  # a cell's tag
FINETUNE, COMPUTED_ONCE = "finetune", "computed_once"  # our key in a notebook's metadata, and one below it
RECIPE = "recipe"  # in that list: the number of blocks that the recipe releases, which goes by the backbone
MAX_CELLS, MAX_LINES, MAX_WORDS = 50, 15, 100  # house style: one idea a cell
WRITTEN = "*_report.html"  # what a lesson writes beside its notebook: the learner's, handed in with it, never handed out
LESSON = re.compile(r"\d\d_[a-z0-9_]+")
_UNWANTED = re.compile(r"^\s*[!%]\s*pip|import \*|(?:filterwarnings|simplefilter)\(['\"]ignore['\"]\)", re.MULTILINE)
ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def path_of(folder: str, lesson: str, root: Path | None = None) -> Path:
    """Where a lesson's notebook lies: ``<folder>/<lesson>/<lesson>.ipynb`` in the course."""
    return (root or settings.root()) / folder / lesson / f"{lesson}.ipynb"


def lessons(root: Path | None = None) -> list[str]:
    """The names of all lessons that have a master, in order."""
    source = (root or settings.root()) / "source"
    return sorted(path.parent.name for path in source.glob("*/*.ipynb") if path.stem == path.parent.name)


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
    """The numbers of released blocks with which the lesson asks for what is computed once, as its master declares them.

    One of them may be `RECIPE`.
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


def faults(master: NotebookNode, lesson: str) -> list[str]:
    """What keeps a master from being built, one sentence each: its structure, declarations, ids, markers and test cells."""
    on_all = chain(_structure(master, lesson), _declaration_faults(master))
    return _named(lesson, master, on_all, (_id_faults, _marker_faults, _test_cell_faults, _lost_faults))


def lint(master: NotebookNode, lesson: str) -> list[str]:
    """Where a master departs from the house style, one sentence each."""
    return _named(lesson, master, _heading(master, lesson), (_style,))


def _named(lesson: str, master: NotebookNode, on_all: Iterator[str], on_cells: tuple) -> list[str]:
    """The problems of the notebook and of its cells, each with its place."""
    found = [f"source/{lesson}: {problem}" for problem in on_all]
    for number, cell in enumerate(master.cells, start=1):
        place = f"source/{lesson}: cell {number} ({cell.get('id', '')})"
        found += [f"{place}: {problem}" for look in on_cells for problem in look(cell)]
    return found


def _heading(master: NotebookNode, lesson: str) -> Iterator[str]:
    # Locked test cells are the grader's: a learner has nothing to read or write there.
    shown = sum(not cell.metadata.get("nbgrader", {}).get("locked") for cell in master.cells)
    if shown > MAX_CELLS:
        yield f"{shown} cells without the locked ones, at most {MAX_CELLS}"
    first = master.cells[0].source if master.cells else ""
    if not re.match(rf"# {lesson[:2]} · \S", first):
        yield f'the first cell does not begin with "# {lesson[:2]} · Title"'
    if not re.search(r"\*\*Minutes:\*\* \d+", first):
        yield 'the first cell lacks the line "**Minutes:** NN"'


def _structure(master: NotebookNode, lesson: str) -> Iterator[str]:
    if not LESSON.fullmatch(lesson):
        yield "the folder's name is not like 03_freeze_base"
    ids = [cell.get("id", "") for cell in master.cells]
    yield from (f"the cell id {cell_id!r} is there twice" for cell_id in sorted({i for i in ids if ids.count(i) > 1}))
    grade_ids = [cell.metadata.nbgrader.grade_id for cell in master.cells if "nbgrader" in cell.metadata]
    for cell in master.cells:
        info = cell.metadata.get("nbgrader", {})
        # An answer that is graded by hand carries its points itself.
        if info.get("solution") and not info.get("grade") and f"test_{info.grade_id}" not in grade_ids:
            yield f"the answer cell {info.grade_id!r} has no test cell test_{info.grade_id}"


def _declaration_faults(master: NotebookNode) -> Iterator[str]:
    """Where marks would go wrong, because a cell that grading leaves out is needed, and what cannot be computed once."""
    shown = shown_cells(master)
    yield from (f"the tag {SHOWN!r} is on {cell.id!r}, which is graded" for cell in shown if "nbgrader" in cell.metadata)
    names = {name: cell.id for cell in shown for name in bound(cell.source)}
    for cell in master.cells:
        if cell.cell_type == "code" and cell not in shown:
            for name in sorted(taken(cell.source) & names.keys()):
                yield f"the cell {cell.id!r} reads {name!r} of the cell {names[name]!r}, which has the tag {SHOWN!r}"
    declared = master.metadata.get(FINETUNE, {}).get(COMPUTED_ONCE, [])
    if not (isinstance(declared, list) and all(_is_number(entry) for entry in declared)):
        yield f"{FINETUNE}.{COMPUTED_ONCE} in its metadata is no list of numbers of released blocks"


def _is_number(entry: object) -> bool:
    return entry == RECIPE or (type(entry) is int and entry >= 0)


def _id_faults(cell: NotebookNode) -> Iterator[str]:
    cell_id = cell.get("id", "")
    if not ID.fullmatch(cell_id):
        yield "the id is not made of small letters, digits, - and _"
    elif re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f-]+)?", cell_id):
        yield "the id is a random one: give it a name"
    if "nbgrader" in cell.metadata and cell.metadata.nbgrader.get("grade_id") != cell_id:
        yield f"the id and the grade_id {cell.metadata.nbgrader.get('grade_id')!r} differ"


def _lost_faults(cell: NotebookNode) -> Iterator[str]:
    """What an author wrote that no page would show: a master is rewritten without it, or learners are handed a gap."""
    for tag in cell.metadata.get("tags", ()):
        if tag != SHOWN:
            yield f"the tag {tag!r} is not one of the course's, which is {SHOWN!r}: take it off"
    pictures = cell.get("attachments", {})
    for name in attachments.lost(cell.source, pictures):
        yield f"the picture {name!r} is not attached to the cell: paste it again"
    for name in sorted(
        set(attachments.references(cell.source)) & set(pictures) - set(attachments.kept(cell.source, pictures)[1])
    ):
        yield f"the picture {name!r} is no PNG, JPEG, GIF or WebP, which alone are shown: convert it"


def _style(cell: NotebookNode) -> Iterator[str]:
    """Lengths as the learner sees them (hidden tests and the answer itself do not count), and what lessons leave alone."""
    if cell.cell_type != "code":
        words = len(re.findall(r"\w[\w'’.-]*", cell.source))
        if words > MAX_WORDS:
            yield f"{words} words, at most {MAX_WORDS}"
        return
    shown = without_hidden_tests(re.sub(rf"{SOLUTION[0]}.*?{SOLUTION[1]}", "stub", cell.source, flags=re.DOTALL))
    lines = shown.count("\n") + 1
    if lines > MAX_LINES:
        yield f"{lines} lines, at most {MAX_LINES}"
    if _UNWANTED.search(cell.source):
        yield "!pip, a star import or a blanket warnings filter"


def _marker_faults(cell: NotebookNode) -> Iterator[str]:
    lines = [line.strip() for line in cell.source.split("\n")]
    found = [line for line in lines if any(marker in line for marker in MARKERS)]
    kind = cell.metadata.get("nbgrader", {})
    if any(line not in (*SOLUTION, *HIDDEN) for line in found):
        yield f"a marker is not written as {SOLUTION[0]!r} and so on"
    elif kind.get("solution") and tuple(found) != SOLUTION * (len(found) // 2 or 1):
        yield "an answer cell needs ### BEGIN SOLUTION and ### END SOLUTION"
    elif kind.get("grade") and not kind.get("solution") and tuple(found) not in ((), HIDDEN):
        yield "a test cell needs ### BEGIN HIDDEN TESTS and ### END HIDDEN TESTS once, in this order"
    elif found and not kind:
        yield "a marker stands in a cell that nbgrader does not know"


def _test_cell_faults(cell: NotebookNode) -> Iterator[str]:
    kind = cell.metadata.get("nbgrader", {})
    if cell.cell_type != "code" or not kind.get("grade") or kind.get("solution"):
        return
    if not (kind.get("locked") and float(kind.get("points", 0)) > 0):
        yield "a test cell is locked and has points"
    try:
        body = ast.parse(cell.source).body
    except SyntaxError as error:
        yield f"line {error.lineno} is not Python"
        return
    if not body or not isinstance(body[-1], ast.Expr):
        yield "a test cell ends with an expression: the mark"
