"""What a grader's processes are forked from, started before anything else: it imports while the grader itself still does."""

import ast
import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from helpers.course import settings
from helpers.course.errors import CourseError
from helpers.grading.sandbox.nursery import Nursery

SHOWN = "shown"  # `helpers.notebooks.masters` has it, and imports nbformat
BUILDS = {"build", "with_new_head"}  # what makes a whole model, in `helpers.models`
PACKAGED = "efficientnet_lite0"  # its weights come with pip: those of others may have to be downloaded


def nursery(lessons: Sequence[str], students: Sequence[str] | None = None) -> Nursery | None:
    """One that imports all that lessons need or, where a single notebook is to be graded or none imports anything, what these
    import; None where nothing is forked.
    """
    if sys.platform != "linux":
        return None
    several = len(students or ()) * len(lessons) > 1
    cells = []
    with suppress(CourseError):
        root = settings.root()
        found = [path for lesson in lessons for path in root.glob(f"submitted/*/{lesson}")]
        several = several or (not students and len(found) > 1)
        cells = [code_run(root.joinpath("notebooks", lesson, f"{lesson}.ipynb")) for lesson in lessons]
        own = settings.load().backbone
    modules = [name for code in cells for name in imported(code)]
    if not several or not modules:
        return Nursery.start(modules)
    return Nursery.start(models=[kind for code in cells for kind in built(code, own)])


def code_run(notebook: Path) -> list[ast.AST]:
    """All nodes of the code of a released notebook's cells that no grader skips, in order; empty where it cannot be read."""
    found = []
    with suppress(OSError, ValueError, LookupError, TypeError):
        for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code" and SHOWN not in cell["metadata"].get("tags", ()):
                found += ast.walk(ast.parse("".join(cell["source"])))
    return found


def imported(code: list[ast.AST]) -> list[str]:
    """The modules that it imports."""
    found = []
    for node in code:
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return found


def built(code: list[ast.AST], own: str) -> list[tuple[str, int | None]]:
    """The models that it builds, as `helpers.models.made_ahead` has them: of the backbone that it names, or else of the course's
    `own`. A guess: of what it misses a kernel makes its own, and what is made for nothing costs half a second.
    """
    calls = [node for node in code if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    named = [call.args[0].value for call in calls if call.func.attr == "get" and isinstance(call.args[0], ast.Constant)]
    options = [{ast.unparse(option) for option in call.keywords} for call in calls if call.func.attr in BUILDS]
    kinds = [((*named, own)[0], 0 if "pretrained=False" in given else None) for given in options]
    return [(name, seed) for name, seed in kinds if seed is not None or name == PACKAGED]
