#!/usr/bin/env bash
# Packages: nbconvert 7.17.2, nbformat 5.11.1
#
# One would guess: `optimistic_validation`, which validates a notebook after the last preprocessor and not after each, makes an export
# without preprocessors quicker, or changes nothing there.
#
# What happens: where there is none to run, it raises UnboundLocalError, which names a variable of nbconvert's own. An exporter that
# brings preprocessors of its own, as HTMLExporter does, goes on to work.
#
# Why it matters: pipelines that empty a list of steps for speed, and set this for speed, fail only together. Leave one step in the list.
#
# Seen on 2026-11-30:
#   NotebookExporter, 0 further steps, validated after each: exported
#   NotebookExporter, 1 further steps, validated after each: exported
#   NotebookExporter, 0 further steps, validated once: UnboundLocalError
#   NotebookExporter, 1 further steps, validated once: exported
#   HTMLExporter, 0 further steps, validated after each: exported
#   HTMLExporter, 1 further steps, validated after each: exported
#   HTMLExporter, 0 further steps, validated once: exported
#   HTMLExporter, 1 further steps, validated once: exported
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q nbconvert==7.17.2 nbformat==5.11.1

then=$(sed -n "s/^#   //p" "$0") # the lines above
now=$("$work/venv/bin/python" -W ignore - 2>"$work/progress" <<'END'
import nbformat
from nbconvert.exporters import HTMLExporter, NotebookExporter

notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("text")])
own = {"NotebookExporter": NotebookExporter, "HTMLExporter": HTMLExporter}
for title, exporter in own.items():
    for once in (False, True):
        for steps in ([], ["nbconvert.preprocessors.TagRemovePreprocessor"]):
            try:
                exporter(default_preprocessors=[], preprocessors=steps, optimistic_validation=once).from_notebook_node(notebook)
                came = "exported"
            except Exception as error:
                came = type(error).__name__
            print(f"{title}, {len(steps)} further steps, validated {'once' if once else 'after each'}: {came}")
END
)

echo "$now"
diff <(echo "$then") <(echo "$now") || { echo "Changed since 2026-11-30: < then, > now." >&2; exit 1; }
