"""Image files -> RGB pictures, alike for all files of a set.

Files differ in more than their pixels: how many bits a value has, what can be seen through, how the camera was held. `Reading`
says what becomes of that, for all files of a set together; `FileImages` decodes each file when it is asked for.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from helpers.course.errors import CourseError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".ppm")
# Pillow's names for grey in more than eight bits: whole numbers of 16 or 32, and floats.
DEEP_GREY = {"I;16", "I;16B", "I;16L", "I;16N", "I", "F"}
# What else Pillow's readers hand out and it can make RGB of.
SHALLOW = {"1", "L", "La", "LA", "P", "PA", "RGB", "RGBX", "RGBa", "RGBA", "CMYK", "YCbCr", "HSV"}
# EXIF's orientations: https://www.cipa.jp/std/documents/download_e.html?DC-008-Translation-2023-E, section 4.6.5.1.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# First bytes of kinds that Pillow cannot read, or not always, behind whatever suffix: (where, what, its name).
SIGNS = (
    (4, b"ftyphei", "a HEIC photograph"),
    (4, b"ftyphev", "a HEIC photograph"),
    (4, b"ftypmif1", "a HEIC photograph"),
    (4, b"ftypavif", "an AVIF image"),
    (0, b"II*\0", "a TIFF of a kind that cannot be read here, or a camera's raw file"),
    (0, b"MM\0*", "a TIFF of a kind that cannot be read here, or a camera's raw file"),
    (0, b"%PDF", "a PDF"),
    (0, b"8BPS", "a Photoshop file"),
    (0, b"<svg", "a drawing in SVG"),
)


@dataclass(frozen=True)
class Reading:
    """What becomes of values that a screen cannot show as they are, alike for all files of a set.

    Attributes:
        grey: of grey in more than eight bits, the values that become black and white; what lies beyond is clipped. None: each
            image's own darkest and lightest.
        ground: what lies behind a picture that can be seen through, ``"white"`` or ``"black"``.
    """

    grey: tuple[float, float] | None = None
    ground: str = "white"

    def rgb(self, image: Image.Image) -> Image.Image:
        """The picture as RGB, 8 bits each, turned upright if its camera noted how it was held."""
        image.load()  # before anything is asked: some formats keep their notes behind the pixels
        turn = _turn(image)
        if image.mode in DEEP_GREY:
            image = self._eight_bits(image)
        if image.has_transparency_data:
            image = image.convert("LA").convert("RGBA") if image.mode == "La" else image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, self.ground), image)
        image = image.convert("RGB")
        return image if turn is None else image.transpose(turn)

    def _eight_bits(self, image: Image.Image) -> Image.Image:
        values = np.asarray(image, dtype=np.float64)
        low, high = self.grey or value_range(image)
        shares = np.nan_to_num((values - low) / ((high - low) or 1.0), nan=0.0, posinf=1.0, neginf=0.0)
        return Image.fromarray((255 * shares.clip(0, 1)).round().astype(np.uint8))


def value_range(image: Image.Image) -> tuple[float, float]:
    """(darkest, lightest) grey of the image, but for one value in a thousand at either end: dead and hot pixels.

    Where that leaves no range at all, as of a few stars on black, every value counts; (0, 0) if none is a finite number.
    """
    values = np.asarray(image, dtype=np.float64).ravel()
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 0.0
    low, high = np.percentile(values, (0.1, 99.9))
    return (float(low), float(high)) if low < high else (float(values.min()), float(values.max()))


def _turn(image: Image.Image) -> Image.Transpose | None:
    """How to turn the picture upright. `ImageOps.exif_transpose` would write all of EXIF anew and stumble over odd values."""
    try:
        return TURNS.get(image.getexif().get(ExifTags.Base.Orientation))
    except Exception:  # Pillow raises whatever its parsers meet in a damaged block; the picture itself is whole
        return None


class FileImages:
    """Images in files, decoded when asked for."""

    def __init__(self, paths: Sequence[str | Path], reading: Reading = Reading()):
        self.paths = [Path(path) for path in paths]
        self.reading = reading

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Image.Image:
        """The image as RGB, upright.

        Raises:
            CourseError: the file is missing, cut short, or no image at all.
        """
        with opened(self.paths[index]) as image:
            return self.reading.rgb(image)

    def size(self, index: int) -> tuple[int, int]:
        """(width, height) in pixels as the file says, before it is turned upright; the image itself is not decoded.

        Raises:
            CourseError: the file is missing, or no image at all.
        """
        with opened(self.paths[index]) as image:
            return image.size

    def subset(self, indices: Sequence[int]) -> FileImages:
        """These files, in this order, read as before."""
        return FileImages([self.paths[int(index)] for index in indices], self.reading)

    def add_to(self, digest: hashlib._Hash) -> None:
        """Feed the files' bytes, and how they are read, to a hash: what counts is the content, not where it lies."""
        digest.update(repr(self.reading).encode())
        for path in self.paths:
            try:
                content = path.read_bytes()
            except OSError as error:
                raise unreadable(path, error) from None
            digest.update(len(content).to_bytes(8, "little"))
            digest.update(content)


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """The image file, open; what Pillow raises inside becomes the learner's next step, odd notes in the file pass in silence."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Pillow warns from 89 megapixels on, which no camera in common use takes, and refuses twice as many.
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(path) as image:
                yield image
        except CourseError:
            raise
        except Exception as error:  # a damaged file makes Pillow's parsers raise nearly anything: struct.error, KeyError, ...
            raise unreadable(path, error) from None


def unreadable(path: Path, error: Exception) -> CourseError:
    """What to tell the learner when Pillow raised `error` on the file: one sentence that names it."""
    shown = legible(str(path))
    if isinstance(error, FileNotFoundError):
        return CourseError(f"The image {shown} is gone: put it back, or load the data again.")
    if isinstance(error, (Image.DecompressionBombWarning, Image.DecompressionBombError)):
        return CourseError(f"The image {shown} is huge, 89 megapixels or more: save a smaller copy of it in its place.")
    if isinstance(error, UnidentifiedImageError):
        kind = _kind(path)
        remedy = "save it as PNG or JPEG" if kind.startswith("a") else "replace or delete it"
        return CourseError(f"The file {shown} is {kind or 'not an image, or damaged'}: {remedy}.")
    words = " ".join(str(error).split()) or type(error).__name__
    return CourseError(f"The file {shown} cannot be read ({words}): replace or delete it.")


def _kind(path: Path) -> str:
    """What a file is that is no image to Pillow, as far as its first bytes say."""
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError:
        return ""
    if not start:
        return "empty"
    return next((name for place, sign, name in SIGNS if start[place:].startswith(sign)), "")


def legible(name: str) -> str:
    """A file's or folder's name as text that can be written anywhere: bytes that are no text become a sign for that."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
