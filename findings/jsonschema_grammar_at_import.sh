#!/usr/bin/env bash
# Packages: nbformat 5.11.1, jsonschema 4.26.0, rfc3987-syntax 1.1.0, lark 1.3.1
#
# One would guess: reading a notebook with nbformat costs the same whatever else is installed. jsonschema checks formats (addresses,
# colours, dates) only where a FormatChecker is asked for, and nbformat asks for none.
#
# What happens: jsonschema takes rfc3987_syntax wherever it finds it, at its own import, and that builds a parser for
# internationalised web addresses at its import, with lark. The package comes with jsonschema's extra "format-nongpl", which
# jupyter-events, and so JupyterLab, asks for. From then on every process that imports nbformat builds that parser first.
#
# Why it matters: it was most of the time that importing nbformat took here, over a second of the processor, and a grader, a self-check
# or a converter pays it in each process that it starts. `sys.modules.setdefault("rfc3987_syntax", None)` before the import spares it.
#
# Seen on 2026-11-29:
#   nbformat alone:            notebook valid, parser built at import: False
#   with the extra:            notebook valid, parser built at import: True
#   extra there, kept away:    notebook valid, parser built at import: False
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
cat >"$work/look.py" <<'END'
import sys

if sys.argv[2:]:
    sys.modules.setdefault(sys.argv[2], None)
import nbformat

nbformat.validate(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")]))
print(f"{sys.argv[1]:26} notebook valid, parser built at import: {'lark' in sys.modules}")
END
look() { "$work/venv/bin/python" "$work/look.py" "$@"; }

then=$(sed -n "s/^#   //p" "$0") # the lines above
"$work/venv/bin/pip" install -q nbformat==5.11.1 jsonschema==4.26.0
now=$(look "nbformat alone:")
"$work/venv/bin/pip" install -q "jsonschema[format-nongpl]==4.26.0" rfc3987-syntax==1.1.0 lark==1.3.1
now="$now
$(look "with the extra:")
$(look "extra there, kept away:" rfc3987_syntax)"

echo "$now"
diff <(echo "$then") <(echo "$now") || { echo "Changed since 2026-11-29: < then, > now." >&2; exit 1; }
