#!/usr/bin/env bash
# Packages: nbstripout 0.9.1, nbformat 5.11.0
#
# One would guess: a filter that is there to keep outputs out of version control takes outputs and execution counts, and leaves what
# names a cell: an id is part of the notebook's format since 4.5, and its author may have chosen it.
#
# What happens: every id is replaced by the cell's number, also where ids are words and no output was there to strip; --keep-id
# turns that off. A cell that is put in before the others gives all that follow another id, so that links to cells, comments kept by
# id and tools that match cells by id find the wrong one without a word.
#
# Why it matters: who hands in a notebook from a repository with this filter hands in cells that no id tells apart from the handout's;
# what is graded has to be known by its nbgrader metadata, which the filter leaves.
#
# Seen on 2026-11-30 (a notebook without outputs):
#   before: ['title', 'answer', 'test_answer']
#   after: ['0', '1', '2'], grade_id of the last: test_answer
#   one cell put in first, with the ids before: ['0', '1', '2', '3'], so '1' is title
#   with --keep-id: ['title', 'answer', 'test_answer']
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q nbstripout==0.9.1 nbformat==5.11.0

then=$(sed -n "s/^#   //p" "$0") # the lines above
now=$(cd "$work" && PATH="$work/venv/bin:$PATH" python - 2>"$work/progress" <<'END'
import subprocess

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook


def notebook():
    cells = [new_markdown_cell("# Title", id="title"), new_code_cell("x = 1", id="answer"), new_code_cell("assert x", id="test_answer")]
    cells[-1].metadata["nbgrader"] = {"grade_id": "test_answer"}
    return new_notebook(cells=cells)


def stripped(content, *options):
    nbformat.write(content, "some.ipynb")
    subprocess.run(["nbstripout", *options, "some.ipynb"], check=True)
    return nbformat.read("some.ipynb", as_version=4)


def ids(content):
    return [cell.id for cell in content.cells]


print("before:", ids(notebook()))
after = stripped(notebook())
print(f"after: {ids(after)}, grade_id of the last: {after.cells[-1].metadata.nbgrader.grade_id}")
longer = notebook()
longer.cells.insert(0, new_markdown_cell("A note", id="note"))
after = stripped(longer)
title = next(cell.id for cell in after.cells if cell.source == "# Title")
print(f"one cell put in first, with the ids before: {ids(after)}, so {title!r} is title")
print("with --keep-id:", ids(stripped(notebook(), "--keep-id")))
END
)

echo "$now"
diff <(echo "$then") <(echo "$now") || { echo "Changed since 2026-11-30: < then, > now." >&2; exit 1; }
