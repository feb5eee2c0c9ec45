#!/usr/bin/env bash
# Packages: traitlets 5.16.1
#
# One would guess: `Config.copy()`, of the configuration that Jupyter's programs share, gives a configuration of one's own: what is set
# in a section of the copy stays there.
#
# What happens: the copy has the same sections as the original. A setting that is changed in one is changed in both; only a section that
# the original lacks is the copy's alone. `copy.copy` does the same, `copy.deepcopy` separates them.
#
# Why it matters: whoever grades or exports with "the usual settings, but for one" by way of `copy()` has changed the usual settings for
# all that follows in that process, and sees it with the second notebook. Use `copy.deepcopy`.
#
# Seen on 2026-11-30:
#   copy(): the original says 'own', and lacks the new section
#   copy.copy: the original says 'own', and lacks the new section
#   copy.deepcopy: the original says 'usual', and lacks the new section
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q traitlets==5.16.1

then=$(sed -n "s/^#   //p" "$0") # the lines above
now=$("$work/venv/bin/python" -W ignore - 2>"$work/progress" <<'END'
import copy

from traitlets.config import Config

for title, way in {"copy()": Config.copy, "copy.copy": copy.copy, "copy.deepcopy": copy.deepcopy}.items():
    usual = Config()
    usual.Exporter.template_name = "usual"
    own = way(usual)
    own.Exporter.template_name = "own"
    own.Application.log_level = 10
    print(f"{title}: the original says {usual.Exporter.template_name!r}, and {'has' if 'Application' in usual else 'lacks'} the new section")
END
)

echo "$now"
diff <(echo "$then") <(echo "$now") || { echo "Changed since 2026-11-30: < then, > now." >&2; exit 1; }
