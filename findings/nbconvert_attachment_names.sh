#!/usr/bin/env bash
# Packages: nbconvert 7.17.2, mistune 3.4.0, nbformat 5.11.1
#
# One would guess: a picture that JupyterLab keeps as a cell's attachment is found by nbconvert under the name that it has there,
# as JupyterLab finds it; and one that is not there is a gap in one cell's place, as in JupyterLab.
#
# What happens: nbconvert looks for the address as its Markdown parser hands it on, after percent-encoding. A name with a blank
# or with a letter that is not ASCII is looked for as `my%20plot.png` or `f%C3%BCr.png`, and the attachment has the plain name.
# Then the whole notebook is refused, as it is for one picture left behind in another notebook: no page, for one cell.
#
# Why it matters: learners paste screenshots into their reports, and systems name them in the learner's language ("Bildschirmfoto
# 2026-11-29.png"). nbgrader's feedback and formgrader render with nbconvert: these learners get no page and an error.
#
# Seen on 2026-11-29:
#   plot.png under its own name: shown
#   my%20plot.png for "my plot.png": InvalidNotebook
#   <my plot.png> for "my plot.png": InvalidNotebook
#   für.png under its own name: InvalidNotebook
#   lost.png, not attached: InvalidNotebook
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q nbconvert==7.17.2 mistune==3.4.0 nbformat==5.11.1

then=$(sed -n "s/^#   //p" "$0") # the lines above
now=$("$work/venv/bin/python" - <<'END'
import base64
import logging

from nbconvert import HTMLExporter
from nbformat.v4 import new_markdown_cell, new_notebook

logging.disable(logging.CRITICAL)
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
assert base64.b64decode(PIXEL)

for words, address, name in (
    ("plot.png under its own name", "plot.png", "plot.png"),
    ('my%20plot.png for "my plot.png"', "my%20plot.png", "my plot.png"),
    ('<my plot.png> for "my plot.png"', None, "my plot.png"),
    ("für.png under its own name", "für.png", "für.png"),
    ("lost.png, not attached", "lost.png", None),
):
    source = f"![a](attachment:{address})" if address else f"![a](<attachment:{name}>)"
    cell = new_markdown_cell(source, attachments={name: {"image/png": PIXEL}} if name else {})
    try:
        page, _ = HTMLExporter().from_notebook_node(new_notebook(cells=[cell]))
        print(f"{words}:", "shown" if PIXEL in page else "not shown")
    except Exception as error:
        print(f"{words}: {type(error).__name__}")
END
)

echo "$now"
diff <(echo "$then") <(echo "$now") || { echo "Changed since 2026-11-29: < then, > now." >&2; exit 1; }
