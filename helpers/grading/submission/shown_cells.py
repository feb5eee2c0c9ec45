"""Which cells of a notebook any mark depends on: a teaching cell that only shows something need not be run to grade.

The learner's own cells always run. Of the cells that were handed out, those run that make, or may change, a name that an
answer, a test or another such cell reads later, before it is made anew. That errs on the safe side: what is handed to a call
counts as changed by it, and so does what its results may share memory with, unless the call is known to change nothing.
"""

from __future__ import annotations

import ast
import builtins
import re
import symtable
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from nbformat import NotebookNode

# Calls that change none of their arguments: some of Python's own, some of what lessons import.
CHANGE_NOTHING = frozenset(dir(builtins)) - {"delattr", "eval", "exec", "filter", "iter", "map", "next", "setattr", "vars"}
CHANGE_NOTHING |= {"copy.copy", "copy.deepcopy", "changes_since", "plots.show", "take_snapshot", "torch.equal", "torch.tensor"}
READING_MODULES = ("checks.", "data.make_", "data.to_", "models.", "nn.functional.", "parameters.", "plots.plot_", "settings.")
# The course's own functions that change some arguments only, at these places, and give back nothing of them.
CHANGE_ONLY = {"fit": (0, 3), "measure": (), "probe": (0, 1), "train_epoch": (0, 2)}
# The results of these share nothing with the arguments (a loader only reads its data); the second kind cannot be changed at all.
COPIES = frozenset({"copy.deepcopy", "take_snapshot", "changes_since", "data.make_loader"})
CONSTANTS = frozenset({"bool", "float", "format", "int", "len", "models.course_backbone", "models.get", "print", "repr", "round"})
CONSTANTS |= {"settings.load", "str", "sum", "time.perf_counter"}


@dataclass(frozen=True)
class Names:
    """What a cell does with names.

    Attributes:
        made: names that it binds.
        sure: those of them that it binds whatever happens, in a statement of its own.
        fixed: those of them that are imported or defined as functions or classes: no call changes these.
        touched: names that it may change in place: handed to a method's call, called a method of, or written into.
        handed: name of a function -> names that are handed to it and that it may change.
        read: names that it reads when it runs, before it has bound them itself.
        kept: names that its functions read when they are called, which may be at any time after.
        shares: name -> names that its value may share memory with.
        constant: names that it binds to nothing but what cannot be changed.
    """

    made: frozenset[str]
    sure: frozenset[str]
    fixed: frozenset[str]
    touched: frozenset[str]
    handed: Mapping[str, frozenset[str]]
    read: frozenset[str]
    kept: frozenset[str]
    shares: Mapping[str, frozenset[str]]
    constant: frozenset[str]


def names_in(source: str) -> Names:
    """The names in a cell's source. Of what is not Python every word counts as read and changed."""
    try:
        tree = ast.parse(source)
        made, _, kept = _bound_and_read(symtable.symtable(source, "<cell>", "exec"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        words = frozenset(re.findall(r"[^\W\d]\w*", source))
        return Names(words, frozenset(), frozenset(), words, {}, words, words, {}, frozenset())
    read, sure = _exposed(tree.body)
    fixed, touched, handed, shares, changeable = set(), set(), {}, {}, set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            fixed |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            fixed.add(node.name)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not _changes_nothing(node):
            handed[node.func.id] = handed.get(node.func.id, frozenset()) | _arguments(node)
        else:
            touched |= _changed_by(node)
        for name, value in _bindings(node):
            shares[name] = shares.get(name, frozenset()) | frozenset(_values(value))
            changeable |= set() if _is_constant(value) else {name}
    return Names(
        made=frozenset(made),
        sure=frozenset(sure),
        fixed=frozenset(fixed & made),
        touched=frozenset(touched),
        handed=handed,
        read=frozenset(read),
        kept=frozenset(kept),
        shares=shares,
        constant=frozenset(shares) - changeable,
    )


def _exposed(body: list[ast.stmt], sure: frozenset[str] = frozenset()) -> tuple[set[str], set[str]]:
    """(names read before they have been bound here, names that are surely bound), statement by statement."""
    read: set[str] = set()
    certain = set(sure)
    for statement in body:
        if isinstance(statement, (ast.For, ast.With)):  # what a loop binds first is its own in each round
            head = [statement.iter] if isinstance(statement, ast.For) else [item.context_expr for item in statement.items]
            heads = [ast.Expr(expression) for expression in head]
            targets = frozenset(name for piece in _heads(statement) for name, _ in _bindings(piece))
            read |= _exposed(heads)[0] - certain
            read |= _exposed(statement.body, frozenset(certain) | targets)[0]
            read |= _exposed(getattr(statement, "orelse", []), frozenset(certain))[0]
            continue
        bound, now, _ = _bound_and_read(symtable.symtable(ast.unparse(statement), "<statement>", "exec"))
        read |= now - certain
        if isinstance(statement, (ast.Assign, ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)):
            certain |= bound
    return read, certain


def _heads(statement: ast.For | ast.With) -> list[ast.AST]:
    """The pieces of a loop or a ``with`` that bind its own names."""
    return [statement] if isinstance(statement, ast.For) else list(statement.items)


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


def _changed_by(node: ast.AST) -> set[str]:
    """The names that one piece of a cell may change in place, whatever its names stand for."""
    if isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load):
        return _base(node)
    if isinstance(node, ast.For):
        return set(_values(node.iter))
    if not isinstance(node, ast.Call) or _changes_nothing(node):
        return set()
    return _base(node.func) | _arguments(node)


def _arguments(call: ast.Call) -> frozenset[str]:
    """The names whose values a call may change, if it changes what it is given."""
    given, named = list(call.args), list(call.keywords)
    places = CHANGE_ONLY.get(dotted(call.func))
    if places is not None:
        given = [argument for place, argument in enumerate(given) if place in places]
        named = [keyword for keyword in named if keyword.arg in ("model", "optimizer")]
    return frozenset().union(*map(_values, given), *(_values(keyword.value) for keyword in named))


def _values(node: ast.AST) -> Iterator[str]:
    """The names whose values an expression may hand on: not the functions that it calls, nor what they only read or copy."""
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Call):
        if dotted(node.func) in COPIES | CONSTANTS | CHANGE_ONLY.keys():
            return
        children = [*node.args, *(keyword.value for keyword in node.keywords)]
        if isinstance(node.func, ast.Attribute):
            children.append(node.func.value)
        elif not isinstance(node.func, ast.Name):
            children.append(node.func)
        for child in children:
            yield from _values(child)
    elif not isinstance(node, (ast.Compare, ast.JoinedStr)):  # these give something new
        for child in ast.iter_child_nodes(node):
            yield from _values(child)


def _bindings(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """(name, the expression that gives its value) for an assignment, a loop or a ``with``."""
    if isinstance(node, ast.Assign):
        targets, value = node.targets, node.value
    elif isinstance(node, (ast.AnnAssign, ast.AugAssign, ast.NamedExpr)) and node.value is not None:
        targets, value = [node.target], node.value
    elif isinstance(node, (ast.For, ast.comprehension)):
        targets, value = [node.target], node.iter
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        targets, value = [node.optional_vars], node.context_expr
    else:
        return
    for target in targets:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            for part, its_value in zip(target.elts, value.elts, strict=True):
                yield from ((inner.id, its_value) for inner in ast.walk(part) if isinstance(inner, ast.Name))
            continue
        yield from ((inner.id, value) for inner in ast.walk(target) if isinstance(inner, ast.Name))


def _is_constant(value: ast.AST) -> bool:
    """Whether an expression gives a number, a text, or something else in which nothing can be changed."""
    if isinstance(value, (ast.Constant, ast.JoinedStr, ast.Compare)):
        return True
    return isinstance(value, ast.Call) and dotted(value.func) in CONSTANTS


def _changes_nothing(call: ast.Call) -> bool:
    name = dotted(call.func)
    return name in CHANGE_NOTHING | COPIES | CONSTANTS or name.startswith(READING_MODULES)


def dotted(node: ast.AST) -> str:
    """``"copy.deepcopy"`` for such a function; empty for anything that is not names and dots."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


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
    bound = frozenset(name for _, names in found for name in names.made - names.constant)
    constant = frozenset().union(*(names.constant for _, names in found)) - bound
    changes = {name: _reached(names, bound - fixed, found) - fixed - constant for name, names in found}
    busy = {name for name, _ in found if name in own or name in tests}
    while True:
        always = frozenset().union(*(names.kept for name, names in found if name in busy))
        live, before = frozenset(), len(busy)
        for name, names in reversed(found):
            if (live | always) & (names.made | changes[name]):
                busy.add(name)
            if name in busy:
                live = (live - names.sure) | names.read
        if len(busy) == before:
            return {name for name, _ in found} - busy


def _reached(names: Names, objects: frozenset[str], found: list[tuple[str, Names]]) -> frozenset[str]:
    """What a cell touches, and everything that these names' values may share memory with.

    A model that is called (one of `objects`, not of the functions) leaves its input alone; its own statistics may move.
    """
    touched = names.touched.union(*({name} if name in objects else handed for name, handed in names.handed.items()))
    reached, front = set(touched), set(touched)
    while front:
        makers = {name: [names] if name in names.made - names.read else [other for _, other in found] for name in front}
        front = {shared for name in front for maker in makers[name] for shared in maker.shares.get(name, ())} - reached
        reached |= front
    return frozenset(reached)
