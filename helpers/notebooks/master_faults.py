"""What keeps a master from being built, and where it departs from the house style: one sentence each."""

import ast
import re
from collections.abc import Iterator
from itertools import chain

from nbformat import NotebookNode

from helpers.course.originals import SOLUTION
from helpers.notebooks import attachments
from helpers.notebooks.cell_names import bound, taken
from helpers.notebooks.masters import (
    BASELINES,
    COMPUTED_ONCE,
    FINETUNE,
    HIDDEN,
    MARKERS,
    RECIPE,
    RUN,
    SHOWN,
    shown_cells,
    without_hidden_tests,
)

MAX_CELLS, MAX_LINES, MAX_WORDS = 50, 15, 100  # house style: one idea a cell
LESSON = re.compile(r"\d\d_[a-z0-9_]+")
ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_UNWANTED = re.compile(r"^\s*[!%]\s*pip|import \*|(?:filterwarnings|simplefilter)\(['\"]ignore['\"]\)", re.MULTILINE)


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
    # Locked test cells are the grader's: a learner has nothing to read or write there. A quiz question and its answer are one.
    shown = sum(not cell.metadata.get("nbgrader", {}).get("locked") and not _asks(cell) for cell in master.cells)
    if shown > MAX_CELLS:
        yield f"{shown} cells without the locked ones, at most {MAX_CELLS}"
    first = master.cells[0].source if master.cells else ""
    if not re.match(rf"# {lesson[:2]} · \S", first):
        yield f'the first cell does not begin with "# {lesson[:2]} · Title"'
    if not re.search(r"\*\*Minutes:\*\* \d+", first):
        yield 'the first cell lacks the line "**Minutes:** NN"'


def _asks(cell: NotebookNode) -> bool:
    return cell.id.startswith("ask-")


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
        if cell.cell_type == "code" and SHOWN not in cell.metadata.get("tags", ()):
            named = {name for name in names if name in cell.source}  # few; what is taken is costly to find
            for name in sorted(named and named & taken(cell.source)):
                yield f"the cell {cell.id!r} reads {name!r} of the cell {names[name]!r}, which has the tag {SHOWN!r}"
    declared = master.metadata.get(FINETUNE, {}).get(COMPUTED_ONCE, [])
    if not (isinstance(declared, list) and all(_can_be_had(entry) for entry in declared)):
        yield f"{FINETUNE}.{COMPUTED_ONCE} in its metadata is no list of numbers of released blocks"


def _can_be_had(entry: object) -> bool:
    return entry in (RECIPE, RUN, BASELINES) or (type(entry) is int and entry >= 0)


def _id_faults(cell: NotebookNode) -> Iterator[str]:
    cell_id = cell.get("id", "")
    if not ID.fullmatch(cell_id):
        yield "the id is not made of small letters, digits, - and _"
    elif re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f-]+)?", cell_id):
        yield "the id is a random one: give it a name"
    if "nbgrader" in cell.metadata and cell.metadata.nbgrader.get("grade_id") != cell_id:
        grade_id = cell.metadata.nbgrader.get("grade_id")
        yield f"the id and the grade_id {grade_id!r} differ: make them one (nbstripout renumbers ids without --keep-id)"


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
