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


def nursery(lessons: Sequence[str], students: Sequence[str] | None = None) -> Nursery | None:
    """One that imports all that lessons need or, where a single notebook is to be graded or none imports anything, what these
    import; None where nothing is forked.
    """
    if sys.platform != "linux":
        return None
    several = len(students or ()) * len(lessons) > 1
    modules = []
    with suppress(CourseError):
        root = settings.root()
        found = [path for lesson in lessons for path in root.glob(f"submitted/*/{lesson}")]
        several = several or (not students and len(found) > 1)
        modules = [name for lesson in lessons for name in imported(root.joinpath("notebooks", lesson, f"{lesson}.ipynb"))]
    return Nursery.start(None if several and modules else modules)


def imported(notebook: Path) -> list[str]:
    """The modules that a released notebook imports in cells that no grader skips; empty where it cannot be read."""
    found = []
    with suppress(OSError, ValueError, LookupError, TypeError):
        for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] != "code" or SHOWN in cell["metadata"].get("tags", ()):
                continue
            for node in ast.walk(ast.parse("".join(cell["source"]))):
                if isinstance(node, ast.Import):
                    found += [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and node.module:
                    found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return found
