"""The learner's answers put into the notebook that was released.

What is graded is always the released notebook: its cells, their order, kinds, tags and points. From the
learner come the sources of the answer cells, found by ``grade_id``, and extra cells of their own.
So duplicated, edited, moved or deleted cells do no harm; each is noted.
"""

from copy import deepcopy

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

KEY = "finetune"  # where our notes stand in a notebook's metadata


def notes_of(notebook: NotebookNode) -> list[str]:
    """The notes that belong to a graded notebook, for writing and reading."""
    return notebook.metadata.setdefault(KEY, NotebookNode()).setdefault("notes", [])


def transplant(release: NotebookNode, submitted: NotebookNode) -> NotebookNode:
    """The released notebook with the learner's answers and extra cells in it; see `notes_of` for what was noticed."""
    graded = deepcopy(release)
    notes = notes_of(graded)
    own = {_grade_id(cell): cell for cell in graded.cells if _grade_id(cell)}
    answers = {name: cell for name, cell in own.items() if cell.metadata.nbgrader.get("solution")}
    found, extra = _sort_out(graded, submitted, set(own), notes)
    for name, cell in answers.items():
        if name not in found:
            notes.append(f"the answer cell {name} is missing: it counts as not attempted")
            continue
        if found[name].cell_type != cell.cell_type:
            notes.append(f"the answer cell {name} had become a {found[name].cell_type} cell: it was read as {cell.cell_type}")
        cell.source = found[name].source
    for name, cell in own.items():  # locked cells that were gone or changed; the released ones are used in any case
        if name not in answers and name not in found:
            notes.append(f"the test cell {name} is missing: it was put back")
        elif name not in answers and found[name].source.strip() != cell.source.strip():
            notes.append(f"the test cell {name} was changed: the original was used")
    known = {cell.id for cell in graded.cells}
    graded.cells = _with_extra(graded.cells, extra)
    graded.metadata[KEY]["extra"] = [cell.id for cell in graded.cells if cell.id not in known]
    return graded


def _sort_out(graded: NotebookNode, submitted: NotebookNode, known: set[str], notes: list[str]) -> tuple[dict, dict]:
    """Tell apart the learner's cells: graded ones by name (the first of each), and extra ones by the cell they follow."""
    ids = {cell.get("id") for cell in graded.cells}
    sources = {cell.source for cell in graded.cells}
    named = {_grade_id(cell) for cell in submitted.cells}
    found: dict[str, NotebookNode] = {}
    extra: dict[str | None, list[NotebookNode]] = {}
    anchor = None
    for cell in submitted.cells:
        # An editor that dropped nbgrader's metadata has kept the cell's id, which is the same word.
        name = _grade_id(cell) or (cell.get("id") if cell.get("id") not in named else "")
        if name in known:
            if name in found:
                notes.append(f"the cell {name} is there more than once: the first one counts")
                continue
            found[name] = cell
            anchor = name
        elif cell.get("id") in ids:
            anchor = cell.id
        elif cell.source.strip() and cell.source not in sources:
            extra.setdefault(anchor, []).append(cell)
    return found, extra


def _with_extra(cells: list[NotebookNode], extra: dict) -> list[NotebookNode]:
    """The released cells, and after the cells that they followed copies of the learner's own: no metadata, ids of their own."""
    ids, result = {cell.get("id") for cell in cells}, []
    for anchor, released in [(None, []), *((cell.get("id"), [cell]) for cell in cells)]:
        result += released
        for cell in extra.get(anchor, []):
            make = new_code_cell if cell.cell_type == "code" else new_markdown_cell
            result.append(make(cell.source, id=f"extra-{len(ids)}"))
            ids.add(result[-1].id)
    return result


def _grade_id(cell: NotebookNode) -> str:
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")
