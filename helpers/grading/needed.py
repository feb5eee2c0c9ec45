"""Which cells of a notebook any mark depends on: a teaching cell that only shows something need not be run to grade.

The learner's own cells always run. Of the cells that were handed out, those run that make, or may change, a name that an
answer, a test or another such cell reads later. That errs on the safe side: what is handed to any call counts as changed by it.
"""

from __future__ import annotations

import ast
import builtins
import re
import symtable
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nbformat import NotebookNode


@dataclass(frozen=True)
class Names:
    """What a cell does with names.

    Attributes:
        made: names that it binds.
        fixed: those of them that are imported or defined as functions or classes: no call changes these.
        touched: names that it may change in place: handed to a call, called a method of, or written into.
        read: names that it reads when it runs.
        kept: names that its functions read when they are called, which may be at any time after.
    """

    made: frozenset[str]
    fixed: frozenset[str]
    touched: frozenset[str]
    read: frozenset[str]
    kept: frozenset[str]


def names_in(source: str) -> Names:
    """The names in a cell's source. Of what is not Python every word counts as read."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        words = frozenset(re.findall(r"[^\W\d]\w*", source))
        return Names(words, frozenset(), words, words, words)
    made, read, kept = _bound_and_read(symtable.symtable(source, "<cell>", "exec"))
    fixed, touched = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            fixed |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            fixed.add(node.name)
        elif isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load):
            touched |= _base(node)
        elif isinstance(node, ast.Call):
            touched |= _base(node.func) if isinstance(node.func, ast.Attribute) else set()
            for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
                touched |= {inner.id for inner in ast.walk(argument) if isinstance(inner, ast.Name)}
        elif isinstance(node, ast.For):
            touched |= {inner.id for inner in ast.walk(node.iter) if isinstance(inner, ast.Name)}
    groups = (made, fixed & made, touched & (read | kept), read, kept)
    return Names(*map(frozenset, groups))


def _bound_and_read(table: symtable.SymbolTable) -> tuple[set[str], set[str], set[str]]:
    """The notebook's own names: (bound, read at once, read in functions). What is local to a function is not among them."""
    top = table.get_type() == "module"
    symbols = [symbol for symbol in table.get_symbols() if top or symbol.is_global()]
    made = {symbol.get_name() for symbol in symbols if symbol.is_assigned() or symbol.is_imported()}
    read = {symbol.get_name() for symbol in symbols if symbol.is_referenced()}
    kept: set[str] = set()
    for inner in table.get_children():
        bound, now, later = _bound_and_read(inner)
        # A comprehension is a function to Python, and runs at once.
        at_once = inner.get_type() == "class" or inner.get_name() in ("listcomp", "setcomp", "dictcomp", "genexpr")
        made, read, kept = made | bound, read | (now if at_once else set()), kept | later | (set() if at_once else now)
    return made, read, kept


def _base(node: ast.AST) -> set[str]:
    """The name that a chain such as ``model.fc.weight`` begins with."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def idle_cells(graded: NotebookNode, tests: Mapping[str, str], own: Iterable[str]) -> set[str]:
    """Ids of the code cells that no mark depends on.

    Args:
        graded: the released notebook with the learner's answers.
        tests: cell id -> source of the master's test cell.
        own: ids of the cells whose source is the learner's: answers and extra ones.
    """
    own, cells = set(own), [cell for cell in graded.cells if cell.cell_type == "code"]
    found = [(cell.id, names_in(tests.get(cell.id, cell.source))) for cell in cells]
    # What nobody changes: modules and functions, and Python's own names as long as no cell binds them.
    fixed = frozenset().union(*(names.fixed for _, names in found))
    fixed |= frozenset(dir(builtins)) - frozenset().union(*(names.made for _, names in found))
    busy = {name for name, _ in found if name in own or name in tests}
    while True:
        wanted = frozenset().union(*(names.kept for name, names in found if name in busy))
        before = len(busy)
        for name, names in reversed(found):
            if wanted & (names.made | (names.touched - fixed)):
                busy.add(name)
            if name in busy:
                wanted |= names.read
        if len(busy) == before:
            return {name for name, _ in found} - busy
