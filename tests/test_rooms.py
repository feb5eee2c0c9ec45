"""Does every import go to a room before one's own, and is there no circle between files?

The rooms of `helpers` in the order of the data, and those of `helpers.grading` in the order in which a class passes through them.
"""

import ast
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.support.small_course import REPOSITORY

ROOMS = (
    "course", "data", "models", "parameters", "training", "inspection", "plots", "checks", "reports", "notebooks", "grading",
    "upkeep", "__main__",
)  # fmt: skip
IN_GRADING = (
    "nbgrader_course", "handout", "submission", "hidden", "inside", "sandbox", "judging", "gradebook", "collect", "classroom",
    "feedback", "class_report", "nbgrader_steps", "demo",
)  # fmt: skip


@cache
def modules() -> dict[str, Path]:
    """Dotted name -> file, of every module of `helpers`."""
    paths = sorted((REPOSITORY / "helpers").rglob("*.py"))
    return {".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


@cache
def imports() -> dict[str, set[str]]:
    """Module -> the modules of `helpers` that it imports, in functions and for type checkers as well."""
    found = {}
    for module, path in modules().items():
        nodes = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.ImportFrom)]
        assert not any(node.level for node in nodes), f"{path}: imports name the module whole"
        named = {f"{node.module}.{alias.name}": node.module for node in nodes for alias in node.names}
        found[module] = {name if name in modules() else of for name, of in named.items()} & modules().keys() - {module}
    return found


def room(module: str, depth: int = 1) -> str:
    """The room of a module: the part of its name at this depth."""
    return module.split(".")[depth] if module.count(".") >= depth else ""


def test_every_room_has_its_place():
    assert {room(module) for module in modules()} - {""} == set(ROOMS)
    assert {room(module, 2) for module in modules() if room(module) == "grading"} - {""} == set(IN_GRADING)


@pytest.mark.parametrize(("order", "depth"), [(ROOMS, 1), (IN_GRADING, 2)], ids=["helpers", "grading"])
def test_imports_go_to_rooms_before(order, depth):
    rank = {name: number for number, name in enumerate(order)}
    wrong = [
        f"{module} imports {other}"
        for module, others in imports().items()
        for other in others
        if room(module, depth) in rank and room(other, depth) in rank and rank[room(other, depth)] > rank[room(module, depth)]
    ]
    assert wrong == []


def test_no_file_imports_itself_by_way_of_others():
    TopologicalSorter(imports()).prepare()  # its CycleError names the circle


def test_modules_and_functions_are_short_enough_to_be_taken_in_at_a_glance():
    sizes = {path.relative_to(REPOSITORY): len(path.read_text(encoding="utf-8").splitlines()) for path in modules().values()}
    long = [f"{path}: {n}" for path, n in sizes.items() if n > 270]
    for path in modules().values():
        functions = (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef))
        long += [f"{path.name}: {f.name}, {n}" for f in functions if (n := f.end_lineno - f.lineno + 1) > 50]
    assert long == []
