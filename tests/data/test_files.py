"""Does a picture come out as one sees it elsewhere, whatever its file's kind, and is a file that will not do named in a sentence?

Inputs are made here, in the kinds that cameras, scanners, microscopes and drawing programs write.
"""

import hashlib
import struct
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from helpers.course.errors import CourseError
from helpers.data.files import TURNS, FileImages, Reading


def read(path) -> np.ndarray:
    """uint8 (H, W, 3), read with no warning on the way."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return np.asarray(FileImages([path])[0])


RAMP = np.linspace(0, 0.7, 64)[None].repeat(48, 0)
DEEP = {
    "16.png": lambda ramp: Image.fromarray((ramp * 65535).astype(np.uint16)),
    "16.tif": lambda ramp: Image.fromarray((ramp * 65535).astype(np.uint16)),
    "big-endian.tif": lambda ramp: Image.frombytes("I;16B", (64, 48), (ramp * 65535).astype(">u2").tobytes()),
    "12.png": lambda ramp: Image.fromarray((ramp * 4095).astype(np.uint16)),
    "32.tif": lambda ramp: Image.fromarray((ramp * 2e9).astype(np.int32)),
    "float.tif": lambda ramp: Image.fromarray(ramp.astype(np.float32)),
    "signed.tif": lambda ramp: Image.fromarray((ramp * 4000 - 1000).astype(np.int32)),
    "nan.tif": lambda ramp: Image.fromarray(np.where(ramp > 0.69, np.nan, ramp).astype(np.float32)),
}


@pytest.mark.parametrize("kind", DEEP)
def test_grey_in_more_than_eight_bits_keeps_its_shades(kind, tmp_path):
    DEEP[kind](RAMP).save(tmp_path / kind)
    grey = read(tmp_path / kind)
    assert (grey == grey[..., :1]).all() and len(np.unique(grey)) >= 63
    row = grey[0, :62, 0].astype(int)
    assert row[0] == 0 and row.max() >= 245 and (np.diff(row) > 0).all()


def test_one_range_for_all_shows_a_darker_image_darker(tmp_path):
    for name, share in (("dark", 0.5), ("light", 1.0)):
        Image.fromarray((RAMP * share * 40_000).astype(np.uint16)).save(tmp_path / f"{name}.png")
    images = FileImages([tmp_path / "dark.png", tmp_path / "light.png"], Reading(grey=(0.0, 28_000.0)))
    dark, light = (np.asarray(image)[..., 0].max() for image in images)
    assert (dark, light) == (128, 255) and np.asarray(images.subset([0])[0])[..., 0].max() == 128


def test_a_hot_pixel_does_not_darken_the_rest(tmp_path):
    values = (RAMP * 4095).astype(np.uint16)
    values[5, 5] = 65535
    Image.fromarray(values).save(tmp_path / "hot.png")
    assert np.median(read(tmp_path / "hot.png")) > 100
    Image.fromarray(np.where(RAMP + np.arange(48)[:, None] < 0.001, 60_000, 0).astype(np.uint16)).save(tmp_path / "star.png")
    assert read(tmp_path / "star.png").max() == 255, "one star on black is still seen"


def drawing(mode: str, ink: tuple[int, ...]) -> Image.Image:
    """A line on a ground that one sees through."""
    image = Image.new(mode, (32, 32), 0)
    ImageDraw.Draw(image).line((4, 4, 28, 28), fill=ink, width=5)
    return image


def palette(transparency: int | bytes, **_) -> tuple[Image.Image, dict]:
    image = Image.new("P", (32, 32), 0)
    image.putpalette([0, 0, 0] * 2)
    image.paste(1, mask=drawing("RGBA", (0, 0, 0, 255)).getchannel("A"))
    return image, {"transparency": transparency}


def keyed(mode: str) -> tuple[Image.Image, dict]:
    """Black on white, where white is the colour that one sees through."""
    image = Image.new(mode, (32, 32), "white")
    ImageDraw.Draw(image).line((4, 4, 28, 28), fill=0, width=5)
    return image, {"transparency": (255, 255, 255) if mode == "RGB" else 255}


BLACK = (0, 0, 0, 255)
CLEAR = {
    "rgba.png": lambda: (drawing("RGBA", BLACK), {}),
    "rgba.webp": lambda: (drawing("RGBA", BLACK), {"lossless": True, "exact": True}),
    "rgba.tif": lambda: (drawing("RGBA", BLACK), {}),
    "la.png": lambda: (drawing("LA", (0, 255)), {}),
    "palette.png": lambda: palette(0),
    "palette-bytes.png": lambda: palette(bytes([0, 255])),
    "palette.gif": lambda: palette(0),
    "rgb-key.png": lambda: keyed("RGB"),
    "grey-key.png": lambda: keyed("L"),
}


@pytest.mark.parametrize("kind", CLEAR)
def test_a_black_drawing_on_nothing_is_seen_on_white(kind, tmp_path):
    image, options = CLEAR[kind]()
    image.save(tmp_path / kind, **options)
    found = read(tmp_path / kind)
    assert found[16, 16].tolist() == [0, 0, 0] and found[2, 28].tolist() == [255, 255, 255]


def test_half_seen_through_is_half_white(tmp_path):
    Image.new("RGBA", (8, 8), (200, 0, 0, 128)).save(tmp_path / "veil.png")
    assert read(tmp_path / "veil.png")[0, 0] == pytest.approx([227, 127, 127], abs=2)


@pytest.mark.parametrize("kind", ["1.png", "cmyk.jpg", "cmyk.tif", "ycbcr.tif", "grey.jpg", "L.ppm", "progressive.jpg", "1.tif"])
def test_further_kinds_come_out_as_they_are(kind, tmp_path):
    picture = Image.new("RGB", (32, 32), "white")
    ImageDraw.Draw(picture).rectangle((0, 0, 15, 31), fill="black")
    mode = {"1": "1", "cmyk": "CMYK", "ycbcr": "YCbCr", "grey": "L", "L": "L"}.get(kind.split(".")[0], "RGB")
    picture.convert(mode).save(tmp_path / kind, **({"progressive": True} if "progressive" in kind else {}))
    found = read(tmp_path / kind)
    assert found[16, 2].max() < 30 and found[16, 29].min() > 225, "neither black nor turned into its negative"


def upright_and_stored(orientation: int) -> tuple[np.ndarray, Image.Image]:
    """A picture with a white corner at the top left, and as a camera stores it that was held so."""
    pixels = np.zeros((24, 40, 3), np.uint8)
    pixels[:8, :12] = 255
    upright = Image.fromarray(pixels)
    back = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}.get(orientation, TURNS.get(orientation))
    return pixels, upright if back is None else upright.transpose(back)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(10))
def test_a_picture_is_turned_upright_in_every_format(suffix, orientation, tmp_path):
    pixels, stored = upright_and_stored(orientation)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if suffix == "webp" else {"quality": 95} if suffix == "jpg" else {}
    stored.save(tmp_path / f"photo.{suffix}", exif=exif, **options)
    found = read(tmp_path / f"photo.{suffix}")
    assert found.shape == pixels.shape and np.abs(found.astype(int) - pixels).mean() < 5


def exif_block(*entries: tuple[int, int, int, bytes]) -> bytes:
    """An EXIF block as a camera writes it: tag, type, count, value; long values stand behind the table."""
    rows, rest, start = b"", b"", 8 + 2 + 12 * len(entries) + 4
    for tag, kind, count, value in sorted(entries):
        rest += b"" if len(value) <= 4 else value
        rows += struct.pack("<HHI", tag, kind, count)
        rows += value.ljust(4, b"\0") if len(value) <= 4 else struct.pack("<I", start + len(rest) - len(value))
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + rows + b"\0\0\0\0" + rest


ON_ITS_SIDE = (0x0112, 3, 1, struct.pack("<H", 6))
ODD = {
    "resolution of -1/0": (0x011A, 10, 1, struct.pack("<ii", -1, 0)),
    "maker as a number": (0x010F, 5, 1, struct.pack("<II", 1, 0)),
    "date as a float": (0x0132, 12, 1, struct.pack("<d", float("nan"))),
    "type that there is not": (0x010E, 99, 1, b"ab"),
    "value behind the end": (0x010E, 2, 5000, struct.pack("<Q", 1 << 30)),
    "pointer into nothing": (0x8769, 4, 1, struct.pack("<I", 0xFFFFFF)),
    "pointer as text": (0x8825, 2, 4, b"abc\0"),
    "no values": (0x010F, 2, 0, b""),
}


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
@pytest.mark.parametrize("odd", ODD)
def test_one_odd_value_among_the_cameras_notes_is_ignored(odd, suffix, tmp_path):
    pixels, stored = upright_and_stored(6)
    stored.save(tmp_path / f"phone.{suffix}", exif=exif_block(ON_ITS_SIDE, ODD[odd]), lossless=True, quality=95)
    found = read(tmp_path / f"phone.{suffix}")
    assert found.shape == pixels.shape and np.abs(found.astype(int) - pixels).mean() < 5


@pytest.mark.parametrize(
    "kind, value", [(3, struct.pack("<H", 77)), (2, b"up\0\0"), (5, struct.pack("<II", 6, 0)), (12, b"\xff" * 8)]
)
def test_an_orientation_that_is_none_leaves_the_picture_as_it_is(kind, value, tmp_path):
    Image.new("RGB", (40, 24)).save(tmp_path / "odd.jpg", exif=exif_block((0x0112, kind, 1, value)))
    assert read(tmp_path / "odd.jpg").shape == (24, 40, 3)


@given(st.binary(max_size=120), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_no_block_of_notes_stops_a_picture(tmp_path_factory, block, start):
    path = tmp_path_factory.mktemp("fuzz") / "photo.jpg"
    head = (b"Exif\0\0", b"Exif\0\0II*\0\x08\0\0\0", b"Exif\0\0MM\0*\0\0\0\x08", b"Exif\0\0II*\0\x08\0\0\0\x02\0")[start]
    Image.new("RGB", (20, 20)).save(path, exif=head + block)
    assert read(path).shape == (20, 20, 3)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty: replace or delete it"),
        (b"no image", "is not an image, or damaged: replace or delete it"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "is a HEIC photograph: save it as PNG or JPEG"),
        (b"II*\0\x08\0\0\0", "is a TIFF of a kind that cannot be read here, or a camera's raw file: save it as PNG"),
        (b"%PDF-1.7\n%", "is a PDF: save it as PNG or JPEG"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "cannot be read|not an image"),
        (b"GIF89a\x01\0\x01\0", "cannot be read|not an image"),
    ],
)
def test_a_file_that_is_no_image_is_named_with_its_kind(content, words, tmp_path):
    (tmp_path / "photo.jpg").write_bytes(content)
    with pytest.raises(CourseError, match=rf"photo\.jpg .*({words})") as error:
        FileImages([tmp_path / "photo.jpg"])[0]
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "gif", "bmp", "ppm"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_a_file_that_is_cut_short_is_named(suffix, kept, tmp_path):
    path = tmp_path / f"photo.{suffix}"
    Image.effect_noise((64, 64), 90).convert("RGB").save(path)
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    with pytest.raises(CourseError, match=rf"photo\.{suffix} "):
        FileImages([path])[0]


def test_a_name_that_is_no_text_can_be_said(tmp_path):
    path = tmp_path / "caf\udce9.png"
    try:
        path.write_bytes(b"no image")
    except (OSError, UnicodeError):
        pytest.skip("this system has no such names")
    with pytest.raises(CourseError) as error:
        FileImages([path])[0]
    assert str(error.value).encode("utf-8").decode() and "caf\N{REPLACEMENT CHARACTER}.png" in str(error.value)


def test_how_files_are_read_is_part_of_what_they_are(tmp_path):
    Image.new("RGBA", (4, 4)).save(tmp_path / "a.png")
    digests = [hashlib.sha256() for _ in range(2)]
    for digest, ground in zip(digests, ("white", "black"), strict=True):
        FileImages([tmp_path / "a.png"], Reading(ground=ground)).add_to(digest)
    assert digests[0].digest() != digests[1].digest()
