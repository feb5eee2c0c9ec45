"""Are the names found that a cell binds, and those that it may read as another cell left them?"""

import pytest

from helpers.notebooks.cell_names import bound, taken

# source -> (bound, taken)
CASES = {
    "a = b": ("a", "b"),
    "a += b": ("a", "a b"),
    "del a": ("a", "a"),
    "a = 1\na += 1\ndel a": ("a", ""),
    "a = a.b": ("a", "a"),
    "a.b = c[d] = e": ("", "a c d e"),
    "import a.b, c as d\nfrom e import f": ("a d f", ""),
    "def a(b, c=d):\n    e = b + f\n    return e": ("a", "d f"),
    "def a():\n    global b\n    b = 1": ("a b", "b"),
    "a = 1\ndef b():\n    return a": ("a b", "a"),
    "class A(B):\n    c = d": ("A", "B d"),
    "a = [b for b in c if d]": ("a", "c d"),
    "a = [a + b for b in {c: d for c in {d for d in e}}]": ("a", "a d e"),
    "a = {b: c for b in d}\nb": ("a", "b c d"),
    "a = b = 1\nc = [a for b in b]": ("a b c", "a"),
    "for a in b:\n    c = a\n    d = c": ("a c d", "b"),
    "for a in b:\n    c = c + a": ("a c", "b c"),
    "for a in b:\n    c = a\nc.d": ("a c", "b c"),
    "for a in b:\n    pass\nelse:\n    c": ("a", "b c"),
    "if a:\n    b = 1\nelif c:\n    d\nb": ("b", "a b c d"),
    "while a:\n    a = b\n    b = a": ("a b", "a b"),
    "with a as b:\n    b.c(d)": ("b", "a d"),
    "try:\n    a = b\nexcept C as d:\n    d": ("a d", "a b d C"),
    "if (a := b):\n    a.c": ("a", "b"),
    "a, (b, *c) = d": ("a b c", "d"),
    "a: int = 1": ("a", "a int"),
    "%time a = b": ("time a b", "time a b"),
    "a = ": ("a", "a"),
    "a = '\0'": ("a", "a"),
    "globals()['a'] = b": ("", "globals a b"),
    "": ("", ""),
}


@pytest.mark.parametrize("source", CASES)
def test_a_cells_names(source):
    assert [bound(source), taken(source)] == [set(names.split()) for names in CASES[source]]


def test_what_is_nested_too_deep_to_be_read_counts_by_its_words():
    source = f"a = {'(' * 1000}b{')' * 1000}"
    assert bound(source) == taken(source) == {"a", "b"}
    assert taken("a = " + "-" * 100_000 + "b") == {"a", "b"}
