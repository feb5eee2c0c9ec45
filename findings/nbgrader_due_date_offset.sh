#!/usr/bin/env bash
# Packages: nbgrader 0.9.6, python-dateutil 4.0.0
#
# One would guess: a due date "2026-11-28 23:59:00 +0300", the form in which nbgrader's own formgrader puts date and
# zone together, is 20:59 UTC; and a zone that nbgrader does not know (PST, MSK) is an error.
#
# What happens: nbgrader splits off the third word and turns "+0300" into the number 300, which dateutil takes for
# seconds: the offset is 5 minutes, not 3 hours; "-0800" is 13 minutes and 20 seconds. A word that is in no table of zones
# ("PST", even "+03:00") is dropped and the time taken for UTC, without a word. Right are an offset without the blank
# and names such as Europe/Moscow.
#
# Why it matters: the due date is wrong by hours, and with it who is late: below, work handed in 91 minutes late is in
# time. West of Greenwich it is the other way round, and a late-penalty plugin takes marks from work that was in time.
#
# Seen on 2026-11-28:
#   2026-11-28 23:59:00 +0300          = 2026-11-28 23:54:00 UTC
#   2026-11-28 23:59:00+0300           = 2026-11-28 20:59:00 UTC
#   2026-11-28 23:59:00 +03:00         = 2026-11-28 23:59:00 UTC
#   2026-11-28 23:59:00 Europe/Moscow  = 2026-11-28 20:59:00 UTC
#   2026-11-28 23:59:00 -0800          = 2026-11-29 00:12:20 UTC
#   2026-11-28 23:59:00 PST            = 2026-11-28 23:59:00 UTC
#   the formgrader's zone for Asia/Kolkata: +0530
#   due 23:59 +0300, handed in 22:30 UTC: 0 seconds late
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q nbgrader==0.9.6 python-dateutil==4.0.0
export PATH="$work/venv/bin:$PATH" # nbgrader starts alembic by its name

then=$(sed -n "s/^#   //p" "$0") # the lines above
now=$(python -W ignore - <<'END'
from nbgrader.api import Gradebook
from nbgrader.utils import parse_utc, to_numeric_tz

for zone in (" +0300", "+0300", " +03:00", " Europe/Moscow", " -0800", " PST"):
    written = f"2026-11-28 23:59:00{zone}"
    print(f"{written:34} = {parse_utc(written)} UTC")
print("the formgrader's zone for Asia/Kolkata:", to_numeric_tz("Asia/Kolkata"))

with Gradebook("sqlite://") as gradebook:
    gradebook.add_student("one")
    gradebook.update_or_create_assignment("ps1", duedate="2026-11-28 23:59:00 +0300")
    work = gradebook.update_or_create_submission("ps1", "one", timestamp="2026-11-28 22:30:00 UTC")
    print(f"due 23:59 +0300, handed in 22:30 UTC: {work.total_seconds_late:.0f} seconds late")
END
)

echo "$now"
diff <(echo "$then") <(echo "$now") || { echo "Changed since 2026-11-28: < then, > now." >&2; exit 1; }
