#!/usr/bin/env bash
# Packages: elpv-dataset 1.0.0.post1
#
# One would guess: `labels.csv` of this data set of solar cells is a CSV file, and its label says sound or defective.
#
# What happens: the file has no comma and no header; its columns are lined up with blanks. A CSV reader takes each line for one
# field, and a reader that expects a header loses the first cell without a word. The label is a probability of being
# defective that experts gave, with four values: 295 pictures have 1/3 and 106 have 2/3, to sixteen digits. A loader that
# casts labels to whole numbers counts all of these as sound; one that asks `label > 0` as defective.
#
# Why it matters: a seventh of the pictures changes sides by a cast, silently, and accuracies measured after different casts
# do not compare.
#
# Seen on 2026-11-29:
#   lines 2624, commas 0, fields of a CSV reader's first row: 1
#   labels: 0 1508, 1/3 295, 2/3 106, 1 715
#   defective by int(label) 715, by label > 0 1116, by label > 0.5 821
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-deps elpv-dataset==1.0.0.post1

then=$(sed -n "s/^#   //p" "$0") # the lines above
now=$("$work/venv/bin/python" - <<'END'
import csv
import io
from collections import Counter
from fractions import Fraction
from importlib import metadata

[path] = [file.locate() for file in metadata.files("elpv-dataset") if file.name == "labels.csv"]
text = path.read_text()
rows = list(csv.reader(io.StringIO(text)))
print(f"lines {len(rows)}, commas {text.count(',')}, fields of a CSV reader's first row: {len(rows[0])}")

labels = [float(line.split()[1]) for line in text.splitlines() if line.strip()]
found = Counter(str(Fraction(label).limit_denominator(9)) for label in labels)
print("labels:", ", ".join(f"{label} {found[label]}" for label in ("0", "1/3", "2/3", "1")))
ways = {"int(label)": int, "label > 0": lambda label: label > 0, "label > 0.5": lambda label: label > 0.5}
print("defective", ", ".join(f"by {words} {sum(map(way, labels))}" for words, way in ways.items()))
END
)

echo "$now"
diff <(echo "$then") <(echo "$now") || { echo "Changed since 2026-11-29: < then, > now." >&2; exit 1; }
