"""What stands where in a notebook that was handed in: the released cells found again in it, and the learner's own texts between.

A released cell is known by its text, whatever has become of its id and metadata, also inside a larger cell that it was merged
into; by its name where its text was changed.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from nbformat import NotebookNode

from helpers.notebooks.handed_in import HANDED_OUT, KEY
from helpers.notebooks.released import digest, normal

LEAST = 20  # characters of a released text that is looked for inside larger cells: shorter ones stand in many places by chance


@dataclass(frozen=True)
class Part:
    """A submitted cell, or a part of one that is several cells merged.

    Attributes:
        number: its place among all parts.
        cell: the submitted cell.
        source: the text of this part.
        known: id of the released cell that stands here; empty for a text of the learner's.
        changed: whether a released cell's text is no longer what was handed out.
        claim: id of the answer cell that a learner's text is in, by name.
        graded: whether it is an edited test cell, or a learner's text in one.
    """

    number: int
    cell: NotebookNode
    source: str
    known: str = ""
    changed: bool = False
    claim: str = ""
    graded: bool = False


def grade_id(cell: NotebookNode) -> str:
    """nbgrader's name for a cell; empty if it has none."""
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


def is_answer(cell: NotebookNode) -> bool:
    """Whether a released cell is one for an answer."""
    return bool(cell.metadata.get("nbgrader", {}).get("solution"))


class Recognised:
    """The parts of a submitted notebook.

    Args:
        release: the notebook that was released.
        submitted: the one that was handed in, see `helpers.notebooks.handed_in.parse`.

    Attributes:
        parts: in their order.
        times: id of a released cell -> how often it is there.
    """

    def __init__(self, release: NotebookNode, submitted: NotebookNode):
        self._cells = {cell.id: cell for cell in release.cells}
        self._texts = {normal(cell.source): cell.id for cell in release.cells if normal(cell.source)}
        self._then = submitted.metadata.get(KEY, {}).get(HANDED_OUT, {})
        self._named = {grade_id(cell) for cell in submitted.cells}
        whole = {self._whole(cell) for cell in submitted.cells}
        self._missing = {name: text.split("\n") for text, name in self._texts.items() if name not in whole and len(text) >= LEAST}
        self.parts = [
            Part(number, *found) for number, found in enumerate(one for cell in submitted.cells for one in self._parts(cell))
        ]
        known = [part.known for part in self.parts]
        self.times = {name: known.count(name) for name in self._cells}

    def _name(self, cell: NotebookNode) -> str:
        """The released cell that this one is by its name. An editor that dropped nbgrader's metadata has kept the id."""
        by_id = cell.get("id", "")
        name = grade_id(cell) or (by_id if by_id not in self._named else "")
        return name if name in self._cells else ""

    def _whole(self, cell: NotebookNode) -> str:
        """The released cell whose text this is: the text of now, or the one that this learner was handed."""
        name = self._name(cell)
        if name and self._then.get(name) == digest(cell.source):
            return name
        return self._texts.get(normal(cell.source), "")

    def _parts(self, cell: NotebookNode) -> Iterator[tuple]:
        if not cell.source.strip():
            if (name := self._name(cell)) and is_answer(self._cells[name]):
                yield cell, "", name  # emptied: as good as the stub
            return
        whole = self._whole(cell)
        if whole:
            yield cell, cell.source, whole
            return
        name = self._name(cell)
        answer = name if name and is_answer(self._cells[name]) else ""
        pieces = list(cut(cell.source, self._missing))
        edited = bool(name and not answer and name not in [known for known, _ in pieces])
        test = edited and bool(grade_id(self._cells[name]))
        if test:
            yield cell, cell.source, name, True, "", True
        for known, text in pieces:
            if known:
                yield cell, text, known
            elif edited and not test:
                yield cell, text, name, True
                edited = False  # what else is in it was merged with it
            else:
                yield cell, text, "", False, answer, test


def cut(source: str, texts: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    """(id of the released cell, "" for what is none; text) for the pieces of a source in which whole released texts may stand.

    Args:
        source: of one cell.
        texts: id -> the lines to look for.
    """
    original, starts = source.split("\n"), defaultdict(list)
    for name, text in texts.items():
        starts[text[0]].append(name)
    lines, rest, at = [line.rstrip() for line in original], [], 0
    while at < len(lines):
        fitting = [name for name in starts.get(lines[at], ()) if lines[at : at + len(texts[name])] == texts[name]]
        if not fitting:
            rest.append(original[at])
            at += 1
            continue
        yield from _text(rest)
        rest, name = [], max(fitting, key=lambda name: len(texts[name]))
        yield name, "\n".join(texts[name])
        at += len(texts[name])
    yield from _text(rest)


def _text(lines: list[str]) -> Iterator[tuple[str, str]]:
    text = "\n".join(lines).strip("\n")
    if text.strip():
        yield "", text


def places(parts: list[Part], order: list[str], answers: Collection[str]) -> list[str]:
    """For each part the one answer in whose place it stands: between the released cells before and after it; "" if not one.

    Args:
        parts: all of them.
        order: ids of the released cells.
        answers: those of them that are answers.
    """
    numbers = {name: number for number, name in enumerate(order)}
    stands = [numbers.get(part.known or part.claim) for part in parts]
    first, last = _before(stands, -1), _before(stands[::-1], len(order))[::-1]
    found = []
    for low, high in zip(first, last, strict=True):
        within = [name for name in answers if low <= numbers[name] <= high]
        found.append(within[0] if len(within) == 1 else "")
    return found


def _before(stands: list[int | None], start: int) -> list[int]:
    """For each place the last number before it."""
    found, last = [], start
    for number in stands:
        found.append(last)
        last = last if number is None else number
    return found
