"""The notebook's own names in one cell's source, by Python's `symtable`: which ones it binds, and which it takes from elsewhere.

What is local to a function is not among them. Of what is not Python (a magic, an unfinished line) every word counts.
"""

import ast
import re
import symtable

BY_TEXT = {"eval", "exec", "get_ipython", "globals", "locals", "vars"}  # these read names that stand in no code
BINDING = (ast.Assign, ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)  # they bind whatever happens
BLOCKS = (ast.For, ast.If, ast.While, ast.With)


def bound(source: str) -> set[str]:
    """Names that the cell binds: by assigning, importing or defining, as a loop's or by ``global`` in a function."""
    try:
        return _uses(_parsed(source))[0]
    except Exception:  # no Python, or too deep for this reading of it
        return _words(source)


def taken(source: str) -> set[str]:
    """Names that the cell may read as another one left them.

    These are the names that it reads, changes or deletes before it has surely bound them itself, and all globals of its
    functions: when these are called, a later cell may have bound the name anew. A comprehension is a function here.
    """
    try:
        names = _taken(_parsed(source).body, set())
    except Exception:  # no Python, or too deep for this reading of it
        return _words(source)
    return _words(source) if names & BY_TEXT else names


def _taken(body: list[ast.stmt], sure: set[str]) -> set[str]:
    """The same for statements in their order, where `sure` has been bound before."""
    names, sure = set(), set(sure)
    for statement in body:
        blocks = []
        if isinstance(statement, BLOCKS):  # only the first line of it is looked at here
            blocks = [statement.body, getattr(statement, "orelse", [])]
            statement.body, statement.orelse = [ast.Pass()], []
        binds, reads, later = _uses(statement)
        if not isinstance(statement, BINDING + BLOCKS):  # such as ``n += 1``, ``del n`` or ``try``
            reads |= binds
        names |= later | (reads - sure)
        if isinstance(statement, BINDING):
            sure |= binds
        names = names.union(*(_taken(block, sure | binds) for block in blocks))
    return names


class _Generators(ast.NodeTransformer):
    """Comprehensions as generators, which have the same names.

    From Python 3.12 on `symtable` counts a comprehension's own names among those of the code around it, and forgets that it read
    a name which that code binds (https://peps.python.org/pep-0709/).
    """

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp) -> ast.GeneratorExp:
        self.generic_visit(node)
        return ast.GeneratorExp(node.elt, node.generators)

    visit_SetComp = visit_ListComp

    def visit_DictComp(self, node: ast.DictComp) -> ast.GeneratorExp:
        self.generic_visit(node)
        return ast.GeneratorExp(ast.Tuple([node.key, node.value], ast.Load()), node.generators)


def _parsed(source: str) -> ast.Module:
    return _Generators().visit(ast.parse(source))


def _uses(code: ast.AST) -> tuple[set[str], set[str], set[str]]:
    """Names (bound, read at once, global in functions)."""
    top = symtable.symtable(ast.unparse(code), "<cell>", "exec")
    symbols, within = top.get_symbols(), _globals(top)
    binds = {symbol.get_name() for symbol in [*symbols, *within] if symbol.is_assigned() or symbol.is_imported()}
    reads = {symbol.get_name() for symbol in symbols if symbol.is_referenced()}
    return binds, reads, {symbol.get_name() for symbol in within}


def _globals(table: symtable.SymbolTable) -> list[symtable.Symbol]:
    """The globals of all functions and classes in it."""
    found = []
    for inner in table.get_children():
        found += [symbol for symbol in inner.get_symbols() if symbol.is_global()] + _globals(inner)
    return found


def _words(source: str) -> set[str]:
    return set(re.findall(r"[^\W\d]\w*", source))
