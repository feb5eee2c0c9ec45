"""The learner's answers put into the notebook that was released.

What is graded is always the released notebook: its cells, their order, kinds, tags and points, and its test cells above all. From
the learner come the answers (`helpers.notebooks.answers`), the texts of lesson cells that they changed, and cells of their own.
So duplicated, moved or deleted cells do no harm; each is noted, and so is what was guessed.
"""

from collections import defaultdict
from copy import deepcopy

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from helpers.notebooks import masters
from helpers.notebooks.answers import DEFINES, PLACE, Answer, find, why_not_python
from helpers.notebooks.handed_in import KEY
from helpers.notebooks.recognise import Part, Recognised, grade_id, is_answer

EXTRA, CHANGED = "extra", "changed"  # below our key: ids of the learner's own cells, and of lesson cells with the learner's text
REMEDY = "if there is one, put it below its task in a fresh copy of the notebook, and hand that in"


def notes_of(notebook: NotebookNode) -> list[str]:
    """The notes that belong to a graded notebook, for writing and reading."""
    return notebook.metadata.setdefault(KEY, NotebookNode()).setdefault("notes", [])


def transplant(release: NotebookNode, submitted: NotebookNode) -> NotebookNode:
    """The released notebook with the learner's answers and extra cells in it; see `notes_of` for what was noticed."""
    graded = deepcopy(release)
    seen = Recognised(release, submitted)
    answers = find(release, seen)
    used = {number for answer in answers.values() for number in answer.used}
    changed = {part.known: part for part in seen.parts if part.changed and part.number not in used}
    changed = {cell.id: changed[cell.id] for cell in graded.cells if cell.id in changed and _is_lessons(cell, changed[cell.id])}
    for cell in graded.cells:
        if cell.id in answers:
            _put(cell, answers[cell.id].source, answers[cell.id].cell)
        elif cell.id in changed:
            _put(cell, changed[cell.id].source, changed[cell.id].cell)
    notes_of(graded).extend([*_answer_notes(graded, answers, seen), *_test_notes(graded, seen), *_lesson_notes(graded, changed)])
    ids = {cell.id for cell in graded.cells}
    graded.cells = _with_extra(graded.cells, _extras(graded, seen.parts, answers), answers)
    graded.metadata[KEY][EXTRA] = [cell.id for cell in graded.cells if cell.id not in ids]
    graded.metadata[KEY][CHANGED] = [name for name, part in changed.items() if part.cell.cell_type == "code"]
    return graded


def _is_lessons(cell: NotebookNode, part: Part) -> bool:
    """Whether a released cell is one of the lesson that a learner may change: not graded, and of the same kind still."""
    return not grade_id(cell) and cell.cell_type == part.cell.cell_type


def _put(cell: NotebookNode, source: str, origin: NotebookNode) -> None:
    cell.source = source
    if cell.cell_type == "markdown" and origin.get("attachments"):
        cell.attachments = deepcopy(origin.attachments)


def _extras(graded: NotebookNode, parts: list[Part], answers: dict[str, Answer]) -> dict[str | None, list[Part]]:
    """The learner's own cells by the released cell that they follow. A cell that an editor doubled, id and all, is there once."""
    home = {number: name for name, answer in answers.items() for number in answer.used}
    found, anchor, had = defaultdict(list), None, set()
    for part in parts:
        if part.known in answers:  # a stub in the place of which another text counts, before or after it
            continue
        if part.known or part.claim or part.number in home:
            anchor = home.get(part.number) or part.known or part.claim
        elif not part.graded and (part.cell.get("id"), part.source) not in had:
            had.add((part.cell.get("id"), part.source))
            found[anchor].append(part)
    return found


def _with_extra(cells: list[NotebookNode], extras: dict, answers: dict[str, Answer]) -> list[NotebookNode]:
    """The released cells, and after the cells that they followed copies of the learner's own: no metadata, ids of their own."""
    ids, result = {cell.id for cell in cells}, []

    def add(parts: list[Part]) -> None:
        for part in parts:
            make = new_code_cell if part.cell.cell_type == "code" else new_markdown_cell
            result.append(make(part.source, id=f"extra-{len(ids)}"))
            ids.add(result[-1].id)
            if part.cell.get("attachments") and part.cell.cell_type != "code":
                result[-1].attachments = deepcopy(part.cell.attachments)

    add(extras.get(None, []))
    for cell in cells:
        answer = answers.get(cell.id)
        add(answer.before if answer else [])
        result.append(cell)
        add([*(answer.after if answer else []), *extras.get(cell.id, [])])
    return result


def _answer_notes(graded: NotebookNode, answers: dict[str, Answer], seen: Recognised) -> list[str]:
    """What was guessed about answers, and what is wrong with them."""
    notes, guessed = [], defaultdict(list)
    for cell in filter(is_answer, graded.cells):
        name, answer = cell.id, answers.get(cell.id)
        if answer is None:
            if not seen.times[name]:
                notes.append(f"the answer cell {name} is missing: it counts as not attempted; {REMEDY}")
            continue
        if answer.inside:
            notes.append(f"the answer {name} stands in the cell of {answer.inside}")
        elif answer.found in (PLACE, DEFINES):
            guessed[answer.found].append(name)
        if answer.joined + len(answer.before) + len(answer.after) > answer.versions:
            notes.append(f"the answer {name} stood in more than one cell: they were taken together, in their order")
        if answer.versions > 1:
            notes.append(f"the answer {name} is there more than once: the last one counts, {answer.versions - 1} before it not")
        elif answer.same > 1:
            notes.append(f"the answer {name} is there more than once, each time the same: it counts once")
        if answer.cell.cell_type != cell.cell_type:
            notes.append(f"the answer cell {name} had become a {answer.cell.cell_type} cell: it was read as {cell.cell_type}")
        if cell.cell_type == "code" and not answer.inside and (why := why_not_python(answer.source)):
            notes.append(f"the answer {name} is no Python, so it defines nothing: {why}")
    by = {PLACE: "their place between task and check", DEFINES: "the names that they define"}
    notes += [f"answer cells had lost their names: found by {by[how]} were {', '.join(found)}" for how, found in guessed.items()]
    return notes


def _test_notes(graded: NotebookNode, seen: Recognised) -> list[str]:
    """Locked cells that were gone, doubled or changed; the released ones are used in any case."""
    twice = [name for name, times in seen.times.items() if times > 1]
    if 2 * len(twice) > len(graded.cells):
        return ["most cells of the notebook are there more than once: each counts once"]
    notes, changed = [], {part.known for part in seen.parts if part.changed}
    for name in (cell.id for cell in graded.cells if grade_id(cell) and not is_answer(cell)):
        if not seen.times[name]:
            notes.append(f"the test cell {name} is missing: it was put back")
        elif seen.times[name] > 1:
            notes.append(f"the test cell {name} is there more than once: the original was used, once")
        elif name in changed:
            notes.append(f"the test cell {name} was changed: the original was used")
    return notes


def _lesson_notes(graded: NotebookNode, changed: dict[str, Part]) -> list[str]:
    """Cells of the lesson with the learner's text in them; those that only show are there to be changed."""
    shown = {cell.id for cell in masters.shown_cells(graded)}
    names = [name for name, part in changed.items() if part.cell.cell_type == "code" and name not in shown]
    return [f"cells of the lesson were changed, and run as they are now: {', '.join(names)}"] if names else []
