"""Which of a learner's texts counts for each exercise: the one place that decides it, for check, start page, grader and nbgrader.

An answer is found by what it is: by its cell's name (``grade_id``, or the id), else by its place between the unchanged task and
the unchanged check, else by the name that it defines. Pieces of a split cell are joined in their order; a changed copy wins over
the stub, the last changed one over those before it.
"""

import ast
import re
from dataclasses import dataclass, field, replace

from nbformat import NotebookNode

from helpers.notebooks.cell_names import bound, taken
from helpers.notebooks.handed_in import OURS, unfinished_merge
from helpers.notebooks.recognise import Part, Recognised, is_answer, places

NAME, PLACE, DEFINES = "name", "place", "defines"  # by what an answer was found


@dataclass
class Answer:
    """What a learner wrote for one exercise.

    Attributes:
        source: the text that counts.
        cell: the cell that it comes from, the last of several.
        found: by what it was found.
        before, after: other texts of the same cell or of copies of it, to be run around it.
        joined: how many pieces it is made of.
        versions: how many times it was changed.
        same: how many times the very same text is there.
        inside: the other exercise in whose cell it stands, as its text is one with that one's.
    """

    source: str
    cell: NotebookNode
    found: str = NAME
    before: list[Part] = field(default_factory=list)
    after: list[Part] = field(default_factory=list)
    joined: int = 1
    versions: int = 1
    same: int = 1
    inside: str = ""
    used: frozenset[int] = frozenset()


def find(release: NotebookNode, seen: Recognised) -> dict[str, Answer]:
    """Exercise -> answer, of those that are there and are not the stub; in the order of the release."""
    order = [cell.id for cell in release.cells]
    cells = {cell.id: cell for cell in release.cells if is_answer(cell)}
    found = {name: answer for name, cell in cells.items() if (answer := _claimed(name, cell, seen.parts))}
    if len(found) < len(cells):
        guess = _Guess(seen.parts, order, cells)
        missing = [name for name in cells if name not in found]
        found |= {name: answer for name in missing if (answer := guess.answer(name))}
    for name in (name for name, cell in cells.items() if name not in found and cell.cell_type == "code"):
        if other := next((one for one in found.values() if not one.inside and _defines(name, one.source)), None):
            found[name] = replace(other, found=DEFINES, before=[], after=[])
    _once_each(found, order)
    return {name: found[name] for name in cells if name in found}


def _claimed(name: str, cell: NotebookNode, parts: list[Part]) -> Answer | None:
    """The answer made of all that stands in cells of its name."""
    pieces = [part for part in parts if part.claim == name]
    distinct = list({part.source.strip(): part for part in reversed(pieces)}.values())[::-1]  # of equal ones the last
    if not distinct:
        return None
    is_code = cell.cell_type == "code"
    anew = [part for part in distinct if is_code and _binds_anew(name, part.source)]
    kept = [part for part in distinct if part not in anew[:-1]]
    joined = [part for part in kept if not is_code or _joins(part.source)] or kept[-1:]
    end = joined[-1].number
    return Answer(
        "\n\n".join(part.source for part in joined),
        joined[-1].cell,
        before=[part for part in distinct if part not in joined and part.number < end],
        after=[part for part in distinct if part not in joined and part.number > end],
        joined=len(joined),
        versions=max(1, len(anew)),
        same=len(pieces) - len(distinct) + 1,
        used=frozenset(part.number for part in pieces),
    )


def _binds_anew(name: str, source: str) -> bool:
    """Whether a text defines the name by itself: whatever stood there before it is gone afterwards."""
    return name in bound(source) and name not in taken(source)


def _defines(name: str, source: str) -> bool:
    """Whether a text defines the name, or means to where it is no Python."""
    try:
        ast.parse(source)
        return name in bound(source)
    except Exception:  # no Python, or too deep for this reading of it
        return re.search(rf"(?m)^\s*(?:async\s+)?(?:def|class)\s+{name}\b|^\s*{name}\s*[:=](?!=)", source) is not None


def _joins(source: str) -> bool:
    """Whether a piece goes into one cell with others: it defines something, and no error in it is to keep these from running."""
    return bool(bound(source)) and not source.lstrip().startswith("%%") and not why_not_python(source)


class _Guess:
    """Answers whose cells have no names, among the texts that are nobody's yet and the lesson's cells that were changed."""

    def __init__(self, parts: list[Part], order: list[str], cells: dict[str, NotebookNode]):
        self.cells, self.place = cells, dict(zip((part.number for part in parts), places(parts, order, cells), strict=True))
        self.own = [part for part in parts if not part.known and not part.claim]
        edited = [part for part in parts if part.changed and not part.graded]
        self.code = [part for part in (*self.own, *edited) if part.cell.cell_type == "code"]

    def answer(self, name: str) -> Answer | None:
        """The answer to one exercise, the last one of several."""
        here = [part for part in self.own if self.place[part.number] == name and not part.graded]
        if self.cells[name].cell_type != "code":
            words = [part for part in here if part.cell.cell_type != "code"]
            text, used = "\n\n".join(part.source for part in words), frozenset(part.number for part in words)
            return Answer(text, words[-1].cell, PLACE, joined=len(words), used=used) if words else None
        defining = sorted((part for part in self.code if _defines(name, part.source)), key=lambda part: part.number)
        if not defining:
            return None
        near = [part for part in defining if part in here]
        chosen = (near or defining)[-1]
        return Answer(chosen.source, chosen.cell, PLACE if near else DEFINES, used=frozenset({chosen.number}))


def _once_each(found: dict[str, Answer], order: list[str]) -> None:
    """Have a text that answers several exercises run once, in the place of the first of them."""
    first: dict[frozenset[int], str] = {}
    for name in sorted(found, key=order.index):
        answer = found[name]
        if answer.used in first:
            answer.inside = first[answer.used]
            answer.source = f"# This answer stands in the cell of {answer.inside}."
            answer.before, answer.after = [], []
        else:
            answer.inside = ""
            first[answer.used] = name


def why_not_python(source: str) -> str:
    """Why a cell cannot be run at all, in words; empty if it can. IPython's own commands count as Python."""
    for text in (lambda: source, lambda: _as_python(source)):
        try:
            ast.parse(text())
            return ""
        except SyntaxError as error:
            words = f"line {error.lineno}: {error.msg}"
        except Exception:  # too deep for this reading, whatever Python itself will make of it
            return ""
    return f"a git merge is unfinished in it (lines that begin with {OURS})" if unfinished_merge(source) else words


def _as_python(source: str) -> str:
    from IPython.core.inputtransformer2 import TransformerManager

    return TransformerManager().transform_cell(source)
