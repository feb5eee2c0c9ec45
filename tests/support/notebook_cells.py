"""The masters' cells for tests: found by id, run in this process as a notebook would run them."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

import nbformat

ROOT = Path(__file__).resolve().parents[2]
QUIZ = "08_quiz"
STUB = 'raise NotImplementedError("Write your answer here, then run this cell.")'


@cache
def masters() -> dict[str, nbformat.NotebookNode]:
    """Lesson name -> its master notebook, in order."""
    return {path.stem: nbformat.read(path, as_version=4) for path in sorted((ROOT / "source").glob("*/*.ipynb"))}


def answer_cells() -> dict[str, str]:
    """grade_id of every answer cell that a test cell marks -> its lesson."""
    return {
        cell.metadata.nbgrader.grade_id: lesson
        for lesson, notebook in masters().items()
        for cell in notebook.cells
        if cell.metadata.get("nbgrader", {}).get("solution") and not cell.metadata.nbgrader.get("grade")
    }


def graded() -> dict[str, str]:
    """grade_id of every exercise with a check of its own -> its lesson. The quiz's questions have tests of their own."""
    return {name: lesson for name, lesson in answer_cells().items() if lesson != QUIZ}


def is_short(name: str) -> bool:
    """Whether the exercise has the short form, in which the locked test cell is the visible check as well."""
    return not any(cell.id == f"check-{name}" for cell in masters()[graded()[name]].cells)


def source(cell_id: str) -> str:
    """The source of the one cell with this id, in whichever master it is."""
    found = [cell.source for notebook in masters().values() for cell in notebook.cells if cell.id == cell_id]
    assert len(found) == 1, f"{len(found)} cells have the id {cell_id!r}"
    return found[0]


def stubbed(text: str) -> str:
    """An answer cell as the learner gets it: our answer replaced by the stub."""
    ours = re.compile(r"^([ \t]*)[^\n]*### BEGIN SOLUTION.*?### END SOLUTION[^\n]*$", re.MULTILINE | re.DOTALL)
    return ours.sub(lambda found: found[1] + STUB, text)


def run(text: str, names: dict[str, Any]) -> Any:
    """Run a cell's source in `names` and return the value of its last line, as a notebook would show it."""
    body = ast.parse(text).body
    shown = ast.Expression(body.pop().value) if isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), "<cell>", "exec"), names)
    return eval(compile(shown, "<cell>", "eval"), names) if shown else None


def imports(text: str) -> list[str]:
    """The import statements of a cell's source."""
    return [ast.unparse(node) for node in ast.parse(text).body if isinstance(node, (ast.Import, ast.ImportFrom))]


def outputs(notebook: nbformat.NotebookNode) -> list[tuple[str, nbformat.NotebookNode]]:
    """(cell id, output) of a notebook that was run, in order."""
    return [(cell.id, output) for cell in notebook.cells for output in cell.get("outputs", [])]


def errors(notebook: nbformat.NotebookNode) -> list[tuple[str, str, str]]:
    """(cell id, error, its words), in order."""
    return [(cell_id, output.ename, output.evalue) for cell_id, output in outputs(notebook) if output.output_type == "error"]
