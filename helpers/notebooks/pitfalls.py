"""The pitfalls of fine-tuning, each with the cells that teach it and the exercises that test it: ``docs/pitfalls.md``.

The rows are kept in ``docs/pitfalls.toml``; the page is written from them, and every cell and exercise that a row names is
looked up in the masters.
"""

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

from nbformat import NotebookNode

from helpers.course.errors import CourseError
from helpers.notebooks import masters

DATA = Path("docs") / "pitfalls.toml"
PAGE = Path("docs") / "pitfalls.md"
OPENING = """# Pitfalls: where each is taught, and where it is tested

Written by `python -m helpers build` from [pitfalls.toml](pitfalls.toml). A lesson's number leads to the notebook;
behind it stands the cell. An exercise's name is its `grade_id`.

| pitfall | what really happens | source | taught in | tested by |
|:---|:---|:---|:---|:---|
"""


@dataclass(frozen=True)
class Pitfall:
    """One way to go wrong without noticing.

    Attributes:
        pitfall: what people do or believe.
        happens: what comes of it.
        source: where it is documented, or ``"measured"`` where the lessons show it themselves.
        taught: ``"03_freeze_base#xray-run"``: lesson and cell id of what shows it.
        tested: ``grade_id`` of the exercises that find it.
        reasons: codes of a check's findings that tell it from others; none where an answer's shape does not tell.
    """

    pitfall: str
    happens: str
    source: str
    taught: tuple[str, ...]
    tested: tuple[str, ...]
    reasons: tuple[str, ...] = ()


def load(root: Path) -> list[Pitfall]:
    """The rows of the table, in the file's order.

    Raises:
        CourseError: the file is missing or no TOML, or a row lacks a value.
    """
    path = root / DATA
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8"))["pitfall"]
        lists = ("taught", "tested", "reasons")
        return [Pitfall(**{**row, **{name: tuple(row[name]) for name in lists if name in row}}) for row in rows]
    except (OSError, ValueError, KeyError, TypeError) as error:
        names = ", ".join(field.name for field in fields(Pitfall))
        raise CourseError(f"{path} cannot be read ({error}): each [[pitfall]] needs {names}.") from None


def problems(root: Path) -> list[str]:
    """What is wrong with rows and page, a sentence each; empty if every cell of the table is filled and leads somewhere."""
    known = masters.every(root)
    taught = {f"{name}#{cell.id}" for name, master in known.items() for cell in master.cells}
    tested = _exercises(known)
    found = []
    for row in load(root):
        empty = [field.name for field in fields(row) if field.name != "reasons" and not getattr(row, field.name)]
        found += [f"{DATA.as_posix()}: {row.pitfall!r} has no {name}" for name in empty]
        found += [f"{DATA.as_posix()}: no lesson has the cell {place}" for place in row.taught if place not in taught]
        found += [f"{DATA.as_posix()}: no lesson has the exercise {name}" for name in row.tested if name not in tested]
    if not found and (not (root / PAGE).is_file() or (root / PAGE).read_text(encoding="utf-8") != _page(root, tested)):
        found.append(f"{PAGE.as_posix()} is not what {DATA.as_posix()} gives")
    return found


def write(root: Path) -> None:
    """Write the page anew.

    Raises:
        CourseError: a row names a cell or an exercise that is not there.
    """
    wrong = [line for line in problems(root) if not line.startswith(PAGE.as_posix())]
    if wrong:
        raise CourseError("\n".join(wrong))
    (root / PAGE).write_text(page(root), encoding="utf-8", newline="\n")


def page(root: Path) -> str:
    """The table as Markdown."""
    return _page(root, _exercises(masters.every(root)))


def _page(root: Path, lessons: dict[str, str]) -> str:
    return OPENING + "".join(_row(row, lessons) for row in load(root))


def _row(row: Pitfall, lessons: dict[str, str]) -> str:
    taught = ", ".join(_place(place) for place in row.taught)
    tested = ", ".join(f"[`{name}`]({_notebook(lessons[name])})" for name in row.tested)
    return f"| {row.pitfall} | {row.happens} | {row.source} | {taught} | {tested} |\n"


def _place(place: str) -> str:
    lesson, _, cell = place.partition("#")
    return f"[{lesson[:2]}]({_notebook(lesson)}) `{cell}`"


def _notebook(lesson: str) -> str:
    return f"../notebooks/{lesson}/{lesson}.ipynb"


def _exercises(known: dict[str, NotebookNode]) -> dict[str, str]:
    """grade_id of every graded answer -> its lesson."""
    return {
        cell.id: name
        for name, master in known.items()
        for cell in master.cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }
