#!/usr/bin/env bash
# Packages: jupytext 1.19.6, nbformat 5.11.1
#
# One would guess: a notebook that goes through jupytext and back keeps what its author put in and loses what running it made: outputs go,
# the picture that was pasted into a text cell stays (the format documents only outputs and some metadata as left out).
#
# What happens: the picture goes. A text cell's attachments are in neither the script nor the Markdown formats, the cell still
# says ![...](attachment:...), and neither way says a word. nbgrader's metadata and tags survive.
#
# Why it matters: a course kept as text, or a learner whose notebook is paired with a script, hands in a hand-drawn answer that is a broken
# link. Written answers with pictures have to be checked for a name that no attachment bears, or kept as .ipynb.
#
# Seen on 2026-11-29:
#   py:percent  metadata kept: True, the text names the picture: True, the picture is there: False
#   md          metadata kept: True, the text names the picture: True, the picture is there: False
#   md:myst     metadata kept: True, the text names the picture: True, the picture is there: False
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q jupytext==1.19.6 nbformat==5.11.1

then=$(sed -n "s/^#   //p" "$0") # the lines above
now=$("$work/venv/bin/python" - <<'END'
import jupytext
from nbformat.v4 import new_markdown_cell, new_notebook

PICTURE = {"image/png": "iVBORw0KGgo="}
GRADED = {"grade": True, "grade_id": "why", "locked": False, "points": 2, "schema_version": 3, "solution": True, "task": False}
answer = new_markdown_cell("![my drawing](attachment:drawing.png)", metadata={"nbgrader": GRADED}, attachments={"drawing.png": PICTURE})
notebook = new_notebook(cells=[answer])
for form in ("py:percent", "md", "md:myst"):
    (cell,) = jupytext.reads(jupytext.writes(notebook, form), form).cells
    print(
        f"{form:11} metadata kept: {cell.metadata.get('nbgrader') == GRADED},",
        f"the text names the picture: {'attachment:drawing.png' in cell.source},",
        f"the picture is there: {cell.get('attachments') == answer.attachments}",
    )
END
)

echo "$now"
diff <(echo "$then") <(echo "$now") || { echo "Changed since 2026-11-29: < then, > now." >&2; exit 1; }
