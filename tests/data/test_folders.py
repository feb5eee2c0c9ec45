"""Is a folder of classes told from all that only looks like one, and read the same wherever it is named?"""

import os

import numpy as np
import pytest
from PIL import Image

from helpers.course import settings
from helpers.course.errors import CourseError
from helpers.data import own_images
from helpers.data.folders import load_folder
from helpers.data.splits import course_splits
from tests.support.image_folders import make_folder


def in_course_toml(folder, course_folder):
    """What the lessons get where course.toml names the folder."""
    toml = course_folder / "course.toml"
    text = toml.read_text(encoding="utf-8").replace('dataset = "digits"', f"dataset = '{folder}'")
    for number in ("num_train = 500", "num_val = 500", "num_test = 1000"):
        text = text.replace(number, f"{number.split()[0]} = 6", 1)
    toml.write_text(text, encoding="utf-8")
    return course_splits(settings.load())


SPLITS = [
    ("train", "val"),
    ("Train", "TEST", "Valid"),
    ("seg_train", "seg_test", "seg_pred"),
    ("train2017", "val2017"),
    ("train_set", "test_set"),
    ("TrainImages", "TestImages"),
    ("training", "validation"),
    ("1_train", "2_dev"),
    ("trainset", "testset"),
    ("val", "test"),
]


@pytest.mark.parametrize("names", SPLITS)
def test_splits_are_no_classes(names, tmp_path):
    folder = make_folder(tmp_path / "mine", dict.fromkeys(names, 12))
    with pytest.raises(CourseError, match=r"these are splits, not classes\. Give one of them, such as ") as error:
        load_folder(folder)
    first = next((name for name in names if "train" in name.lower()), None)
    assert first is None or str(folder / first) in str(error.value)
    assert all(name in str(error.value) for name in names)


@pytest.mark.parametrize("beside", ["__MACOSX", ".ipynb_checkpoints", ".git", "annotations", "@eaDir"])
def test_folders_beside_splits_do_not_hide_them(beside, tmp_path, course_folder):
    folder = make_folder(tmp_path / "mine", {"train": 12, "val": 12})
    (folder / beside).mkdir()
    for look in (own_images.choose, lambda folder: in_course_toml(folder, course_folder)):
        with pytest.raises(CourseError, match="called train, val: these are splits, not classes"):
            look(folder)


@pytest.mark.parametrize(
    "names",
    [
        ("test_positive", "test_negative"),
        ("train", "bus"),
        ("train_1", "train_2"),
        ("valid", "invalid"),
        ("train station", "test tube"),
        ("trained", "untrained"),
        ("value", "testimony"),
    ],
)
def test_classes_that_sound_like_splits_are_classes(names, tmp_path):
    assert load_folder(make_folder(tmp_path / "mine", dict.fromkeys(names, 2))).class_names == tuple(sorted(names))


def test_hidden_folders_never_count(tmp_path):
    folder = make_folder(tmp_path / ".data" / "mine", {"cat": 3, "dog": 3})  # one above does not matter
    for inside in (".ipynb_checkpoints", "__MACOSX", ".thumbnails", "@eaDir", "deeper/.git"):
        for where in (folder, folder / "cat"):
            (where / inside).mkdir(parents=True)
            Image.new("RGB", (9, 9), "red").save(where / inside / "x.png")
    Image.new("RGB", (9, 9), "blue").save(folder / "cat" / "._0.png")
    (folder / "deeper").joinpath("y.png").write_bytes((folder / "cat" / "0.png").read_bytes() + b"\0")
    found = load_folder(folder)
    assert found.class_names == ("cat", "deeper", "dog") and found.labels.tolist() == [0, 0, 0, 1, 2, 2, 2]


def test_folders_inside_a_class_and_links_to_it_count(tmp_path):
    elsewhere = make_folder(tmp_path / "elsewhere", {"cat": 2, "dog": 3})
    folder = make_folder(tmp_path / "mine", {"bird": 2})
    (folder / "bird" / "deeper").mkdir()
    Image.new("RGB", (9, 9), "red").save(folder / "bird" / "deeper" / "x.png")
    (folder / "bird" / "photo.jpg").mkdir()  # a folder, whatever its name says
    try:
        (folder / "dog").symlink_to(elsewhere / "dog", target_is_directory=True)
        (folder / "bird" / "round").symlink_to(folder / "bird", target_is_directory=True)
    except OSError:
        pytest.skip("this system makes no links here")
    found = load_folder(folder)
    assert found.class_names == ("bird", "dog") and found.labels.tolist() == [0, 0, 0, 1, 1, 1]


def test_one_folder_too_high_is_said(tmp_path):
    make_folder(tmp_path / "download" / "leaves", {"oak": 2, "ash": 2})
    with pytest.raises(CourseError, match=r"has 1 sub-folders: .*or give .*leaves, which has 2\.$"):
        load_folder(tmp_path / "download")


def test_a_class_of_what_cannot_be_read_says_what_it_holds(tmp_path):
    folder = make_folder(tmp_path / "mine", {"oak": 2, "ash": 0})
    for number in range(3):
        (folder / "ash" / f"IMG_{number}.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    with pytest.raises(CourseError, match=r"ash holds no images, but 3 of kind \.heic, which cannot be read here: put some in"):
        load_folder(folder)


@pytest.mark.parametrize(
    "name", ["\u00e9t\u00e9", "a$_$b", "\u732b", "two words", "r\u00f6ntgen \U0001fac1", "\u0634\u062c\u0631\u0629"]
)
def test_class_names_of_any_script_are_kept(name, tmp_path):
    assert name in load_folder(make_folder(tmp_path / "mine", {name: 1, "plain": 1})).class_names


def test_names_are_spelled_in_one_way_and_stand_on_one_line(tmp_path):
    folder = make_folder(tmp_path / "mine", {"e\u0301te\u0301": 1, "plain": 1})
    assert "\u00e9t\u00e9" in load_folder(folder).class_names, "as macOS writes it, and as everybody else does"
    if os.name != "nt":
        (folder / "plain").rename(folder / "two\nlines\u202e")
        assert "two\ufffdlines\ufffd" in load_folder(folder).class_names
        make_folder(folder, {"\u00e9t\u00e9": 1})
        if len(list(folder.iterdir())) == 3:  # a file system that tells the two apart
            with pytest.raises(CourseError, match="Two class folders are called '\u00e9t\u00e9'"):
                load_folder(folder)


def grey(folder, name, top, kind, count=12, dtype=np.uint16):
    ramp = np.linspace(0, 0.7, 32)[None].repeat(32, 0)
    (folder / name).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        values = (ramp + 0.01 * number + (0.15 if name == "lighter" else 0)) * top
        Image.fromarray(values.astype(dtype)).save(folder / name / f"{number}.{kind}")


@pytest.mark.parametrize(("top", "kind", "dtype"), [(65535, "png", np.uint16), (4095, "png", np.uint16), (1, "tif", np.float32)])
def test_deep_grey_is_read_alike_in_the_whole_set_and_in_both_ways(top, kind, dtype, tmp_path, course_folder, capsys):
    for name in ("darker", "lighter"):
        grey(tmp_path / "scans", name, top, kind, dtype=dtype)
    chosen, lesson = own_images.choose(tmp_path / "scans"), in_course_toml(tmp_path / "scans", course_folder)
    note = "24 of 24 images have more than eight bits of grey: their values from "
    assert chosen.notes[0].startswith(note) and note in capsys.readouterr().out
    for splits in (chosen.splits, lesson):
        pictures = [(int(label), np.asarray(splits.train.images[i])) for i, label in enumerate(splits.train.labels)]
        darker, lighter = (np.mean([values.mean() for label, values in pictures if label == wanted]) for wanted in (0, 1))
        assert lighter - darker == pytest.approx(0.15 / 0.96 * 255, abs=12), "one scale for all: the lighter class stays lighter"
        assert all(len(np.unique(values)) >= 30 for _, values in pictures)
    assert chosen.splits.train.images.reading == lesson.train.images.reading


def test_floats_beside_whole_numbers_are_refused_by_name(tmp_path):
    grey(tmp_path / "scans", "darker", 60_000, "png", 1)
    grey(tmp_path / "scans", "lighter", 1, "tif", 1, np.float32)
    with pytest.raises(CourseError, match=r"lighter.0\.tif are floats, those of .*darker.0\.png whole numbers .* save all alike"):
        load_folder(tmp_path / "scans")


def wide_png(path, values: np.ndarray) -> None:
    """An RGB PNG of 16 bits a colour, which Pillow reads and cannot write."""
    import struct
    import zlib

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    height, width, _ = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def test_sixteen_bits_a_colour_are_shown_or_refused_by_name(tmp_path):
    folder = make_folder(tmp_path / "mine", {"a": 2, "b": 2})
    colours = np.linspace(0, 1, 32 * 32 * 3).reshape(32, 32, 3)
    wide_png(folder / "a" / "wide.png", colours * 65535)
    picture = np.asarray(load_folder(folder).images[2])
    assert picture.max() == 255 and len(np.unique(picture)) == 256
    wide_png(folder / "a" / "wide.png", colours * 4095)
    with pytest.raises(CourseError, match=r"wide\.png has 16 bits for each colour and uses the lower ones only"):
        load_folder(folder)


@pytest.mark.parametrize(("ink", "ground"), [((0, 0, 0), "white"), ((90, 20, 200), "white"), ((255, 255, 250), "black")])
def test_a_drawing_on_nothing_is_seen_whatever_its_ink(ink, ground, tmp_path):
    folder = make_folder(tmp_path / "mine", {"a": 2, "b": 2})
    for name in ("a", "b"):
        image = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
        image.paste((*ink, 255), (5, 5, 20, 20))
        image.save(folder / name / "drawing.png")
        (folder / name / "drawing.png").write_bytes((folder / name / "drawing.png").read_bytes() + name.encode())
    found = load_folder(folder)
    picture = np.asarray(found.images[2])
    assert picture[10, 10].tolist() == list(ink) and picture[39, 39].tolist() == [255 if ground == "white" else 0] * 3
    assert found.notes == (f"Some images can be seen through: {ground} lies behind them.",)


def test_pictures_that_might_be_seen_through_and_are_not_cause_no_note(tmp_path):
    folder = make_folder(tmp_path / "mine", {"a": 2, "b": 2})
    Image.new("RGBA", (40, 40), (9, 200, 9, 255)).save(folder / "a" / "screenshot.png")
    assert load_folder(folder).notes == ()


def test_of_several_pages_the_first_counts_and_that_is_said(tmp_path):
    folder = make_folder(tmp_path / "mine", {"a": 1, "b": 1})
    pages = [Image.new("RGB", (9, 9), colour) for colour in ("red", "blue")]
    for suffix in ("tif", "gif", "webp", "png"):
        pages[0].save(folder / "a" / f"pages.{suffix}", save_all=True, append_images=pages[1:], lossless=True)
    found = load_folder(folder)
    assert found.notes == (
        "Of files with several pages or frames the first one counts: pages.gif, pages.png, pages.tif and 1 more.",
    )
    assert all(found.images[i].getpixel((4, 4))[0] > 200 for i in range(1, 5))


def test_colours_that_no_screen_has_are_refused_by_name(tmp_path):
    folder = make_folder(tmp_path / "mine", {"a": 1, "b": 1})
    Image.new("LAB", (9, 9)).save(folder / "b" / "print.tif")
    with pytest.raises(
        CourseError, match=r"print\.tif is a TIFF with colours of the kind LAB, which cannot be shown: save it as RGB"
    ):
        load_folder(folder)
