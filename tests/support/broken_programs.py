"""The debug clinic's programs, broken and repaired, taken from the master's cells as they stand there."""

import ast
from collections.abc import Callable
from functools import cache
from typing import Any

from tests.support.notebook_cells import masters, run

LESSON = "09_debug_clinic"


@cache
def cell(cell_id: str) -> str:
    """The source of one of the lesson's cells."""
    [found] = [cell.source for cell in masters()[LESSON].cells if cell.id == cell_id]
    return found


@cache
def setup() -> dict[str, Any]:
    """The names that the lesson's first code cell defines."""
    names: dict[str, Any] = {}
    run(cell("setup"), names)
    return names


def broken(name: str) -> Callable:
    """The broken program of the case `name`, such as ``"fix_frozen_head"``."""
    return _function(f"broken-{name}", name.replace("fix_", "broken_", 1))


def repaired(name: str) -> Callable:
    """The course's own repair of the case `name`."""
    return _function(name, name)


def _function(cell_id: str, function: str) -> Callable:
    [definition] = [node for node in ast.parse(cell(cell_id)).body if isinstance(node, ast.FunctionDef) and node.name == function]
    names = dict(setup())
    return run(f"{ast.unparse(definition)}\n{function}", names)
