#!/usr/bin/env bash
# Packages: webdataset 1.0.2, numpy 2.4.6
#
# One would guess: in a tar archive, where a sample is the files of one name with different endings, the name goes up to the last dot, as
# in `os.path.splitext`: scan.1.png with scan.1.cls is one sample, scan.2.png with scan.2.cls the next.
#
# What happens: it goes up to the first dot of the last part of the path. Both are one sample, "scan", whose fields are "1.png", "1.cls",
# "2.png", "2.cls": no field is called "png" any more, and four files have become one sample. Nothing is said, and no file is missing. A dot
# in a folder's name does no harm, and endings are put into lower case.
#
# Why it matters: images out of a video, a scanner or a hospital have names such as 2024.05.31_slice.png. All of one year become one
# sample; a loader that asks for "png" where it is there leaves them out, and the epoch has fewer images. Count samples after packing.
#
# Seen on 2026-11-30:
#   scan.1.png scan.1.cls scan.2.png scan.2.cls: 1 sample, scan: 1.cls 1.png 2.cls 2.png
#   scan_1.png scan_1.cls scan_2.png scan_2.cls: 2 samples, scan_1: cls png, scan_2: cls png
#   v1.0/one.png v1.0/one.cls: 1 sample, v1.0/one: cls png
#   one.PNG one.cls: 1 sample, one: cls png
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q webdataset==1.0.2 numpy==2.4.6

then=$(sed -n "s/^#   //p" "$0") # the lines above
now=$("$work/venv/bin/python" -W ignore - "$work/images.tar" <<'END'
import io
import sys
import tarfile

import webdataset

for group in ("scan.{}", "scan_{}", "v1.0/one", "one.PNG"):
    names = [f"{group.format(number)}.{end}" for number in (1, 2) for end in ("png", "cls")] if "{" in group else []
    names = names or (["one.PNG", "one.cls"] if group == "one.PNG" else [f"{group}.png", f"{group}.cls"])
    with tarfile.open(sys.argv[1], "w") as archive:
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.size = 3
            archive.addfile(entry, io.BytesIO(b"abc"))
    found = list(webdataset.WebDataset(sys.argv[1], shardshuffle=False))
    fields = [f"{one['__key__']}: {' '.join(sorted(key for key in one if key[:2] != '__'))}" for one in found]
    print(f"{' '.join(names)}: {len(found)} sample{'s' * (len(found) > 1)}, {', '.join(fields)}")
END
)

echo "$now"
diff <(echo "$then") <(echo "$now") || { echo "Changed since 2026-11-30: < then, > now." >&2; exit 1; }
