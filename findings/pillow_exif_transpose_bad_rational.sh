#!/usr/bin/env bash
# Packages: Pillow 13.0.0
#
# One would guess: `ImageOps.exif_transpose` needs the orientation alone. A photograph whose orientation can be read is
# turned upright, whatever else its camera has noted; what cannot be understood is left as it is.
#
# What happens: it writes the whole EXIF block anew, without the orientation. One odd value in any other field, that
# `getexif()` reads without complaint, is then refused by the writer: a resolution of -1/0 raises struct.error, a maker
# noted as a fraction AttributeError. Neither names the field or the file. The same photograph without the odd value is
# turned, and `getexif().get(0x0112)` gives the orientation of all three.
#
# Why it matters: a folder of a learner's own photographs is read with this call by most loaders. One picture of a camera
# with a careless program ends the reading of all of them, in the middle of an epoch, with an error that speaks of no image.
#
# Seen on 2026-11-29:
#   as cameras write it:   orientation 6, (20, 40) from (40, 20)
#   resolution of -1/0:    orientation 6, error: argument out of range
#   maker as a fraction:   orientation 6, AttributeError: 'IFDRational' object has no attribute 'encode'
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q Pillow==13.0.0

then=$(sed -n "s/^#   //p" "$0") # the lines above
now=$("$work/venv/bin/python" - <<'END'
import io
import struct

from PIL import Image, ImageOps


def photograph(tag, kind, value):
    """A JPEG, 40 wide and 20 high, with two fields in its EXIF: the orientation 6 and one more."""
    fields = [struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0), struct.pack("<HHI", tag, kind, len(value) // (8 if kind in (5, 10) else 1))]
    after = 8 + 2 + 12 * 2 + 4  # where values that do not fit into a field stand
    fields[1] += struct.pack("<I", after)
    fields.sort(key=lambda field: field[:2][::-1])
    block = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + b"".join(fields) + struct.pack("<I", 0) + value
    file = io.BytesIO()
    Image.new("RGB", (40, 20), "white").save(file, "JPEG", exif=block)
    return file


for words, field in {
    "as cameras write it:": (0x010F, 2, b"maker of cameras\0"),
    "resolution of -1/0:": (0x011A, 10, struct.pack("<ii", -1, 0)),
    "maker as a fraction:": (0x010F, 5, struct.pack("<II", 3, 2)),
}.items():
    image = Image.open(photograph(*field))
    print(f"{words:22} orientation {image.getexif().get(0x0112)},", end=" ")
    try:
        print(ImageOps.exif_transpose(image).size, "from", image.size)
    except Exception as error:
        print(f"{type(error).__name__}: {error}")
END
)

echo "$now"
diff <(echo "$then") <(echo "$now") || { echo "Changed since 2026-11-29: < then, > now." >&2; exit 1; }
