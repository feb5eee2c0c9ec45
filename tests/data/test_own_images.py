"""Is a data set of the learner's own checked with care, split sensibly, and shown at a glance?"""

from statistics import NormalDist

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from helpers.course.errors import CourseError
from helpers.data import own_images
from helpers.data.folders import load_folder
from helpers.data.images import ArrayImages, ImageSet
from helpers.data.named_sets import load_images
from helpers.data.splits import split
from helpers.models import backbones
from tests.support.image_folders import make_folder


def test_a_named_set_is_split_by_its_size_up_to_a_laptops_numbers(course_folder):
    chosen = own_images.choose("small_digits")
    assert [len(chosen.splits.train), len(chosen.splits.val), len(chosen.splits.test)] == [400, 300, 539]
    assert chosen.available == 1797 and chosen.class_names == tuple("0123456789") and chosen.sizes == ((8, 8), (8, 8))
    counts = chosen.counts()
    assert sum(part["test"] for part in counts.values()) == 539 and set(counts["7"]) == {"train", "val", "test"}
    assert chosen.notes == ()


def test_the_same_choice_is_the_same_split(course_folder):
    first, again, other = (own_images.choose("small_digits", seed=seed).splits.test.fingerprint() for seed in (0, 0, 1))
    assert first == again != other


def test_limits_may_be_given(course_folder):
    chosen = own_images.choose("digits", num_train=50, num_test=20)
    assert [len(chosen.splits.train), len(chosen.splits.val), len(chosen.splits.test)] == [50, 300, 20]
    with pytest.raises(CourseError, match="write num_train, num_val or num_test"):
        own_images.choose("digits", train=50)


def test_the_courses_settings_count_where_they_are_less(course_folder):
    path = course_folder / "course.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("num_val = 500", "num_val = 70", 1), encoding="utf-8")
    assert len(own_images.choose("digits").splits.val) == 70


def test_a_small_folder_gives_half_a_fifth_and_the_rest(course_folder, tmp_path):
    chosen = own_images.choose(make_folder(tmp_path / "leaves", {"oak": 30, "ash": 20}))
    assert chosen.counts() == {"ash": {"train": 10, "val": 4, "test": 6}, "oak": {"train": 15, "val": 6, "test": 9}}
    assert chosen.name == "leaves" and chosen.sizes == ((40, 30), (40, 30))
    assert "25 are to learn from, 10 to choose by and 15 to report on" in chosen.how


def test_guessing_is_measured_on_the_test_images(course_folder, tmp_path):
    assert own_images.choose(make_folder(tmp_path / "leaves", {"oak": 30, "ash": 20})).majority() == ("oak", 9 / 15)


def test_datasets_are_ready_for_a_model(course_folder):
    chosen = own_images.choose("small_digits", num_train=20, num_val=10, num_test=10)
    sets = chosen.datasets(backbones.get("efficientnet_lite0").transform(64))
    image, label = sets["val"][3]
    assert list(sets) == ["train", "val", "test"] and len(sets["train"]) == 20
    assert tuple(image.shape) == (3, 64, 64) and image.dtype == torch.float32 and type(label) is int


def test_uneven_classes_and_few_test_images_are_said(course_folder, tmp_path):
    uneven, few = own_images.choose(make_folder(tmp_path / "leaves", {"oak": 60, "ash": 12})).notes
    assert "30 training images of 'oak', 6 of 'ash'" in uneven and "look at each class" in uneven
    assert few.startswith("Few test images: an accuracy of 0.8 on 22 of them could be anything from 0.6")


def test_copies_are_left_out_so_that_no_image_is_in_two_splits(course_folder, tmp_path):
    folder = make_folder(tmp_path / "leaves", {"oak": 15, "ash": 15})
    for copy in ("a.png", "b.png"):
        (folder / "oak" / copy).write_bytes((folder / "oak" / "3.png").read_bytes())
    chosen = own_images.choose(folder)
    assert chosen.available == 30 and "Left out: 2 files that are exact copies of others" in chosen.notes[0]
    paths = [path for part in (chosen.splits.train, chosen.splits.val, chosen.splits.test) for path in part.images.paths]
    assert len({path.read_bytes() for path in paths}) == len(paths)


def test_an_image_in_two_classes_is_refused(course_folder, tmp_path):
    folder = make_folder(tmp_path / "leaves", {"oak": 12, "ash": 12})
    (folder / "oak" / "again.png").write_bytes((folder / "ash" / "0.png").read_bytes())
    with pytest.raises(CourseError, match=r"ash.0\.png and .*again\.png are the same image in two classes: delete one"):
        own_images.choose(folder)


def test_files_of_another_kind_are_counted(course_folder, tmp_path):
    folder = make_folder(tmp_path / "leaves", {"oak": 12, "ash": 12})
    for name in ("1.heic", "2.heic", "notes.txt", ".hidden"):
        (folder / "oak" / name).write_text("x")
    assert "2 of kind .heic, 1 of kind .txt" in own_images.choose(folder).notes[0]


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"oak": 12, "ash": 3}, r"Too few images in mine: 'ash' has 3\. Collect 10 or more"),
        ({name: 2 for name in "abcdef"}, "'d' has 2, and 2 more classes are as small"),
        ({"oak": 30}, "has 1 sub-folders"),
        ({"oak": 12, "ash": 0}, "class folder .*ash holds no images"),
    ],
)
def test_a_folder_that_will_not_do_is_refused_in_a_sentence(course_folder, tmp_path, counts, words):
    with pytest.raises(CourseError, match=words) as error:
        own_images.choose(make_folder(tmp_path / "mine", counts))
    assert "\n" not in str(error.value)


def test_broken_and_huge_files_are_named(course_folder, tmp_path, recwarn):
    folder = make_folder(tmp_path / "mine", {"oak": 12, "ash": 12})
    (folder / "oak" / "bad.jpg").write_bytes(b"no image")
    with pytest.raises(CourseError, match=r"bad\.jpg is not an image, or damaged: replace or delete it"):
        own_images.choose(folder)
    (folder / "oak" / "bad.jpg").unlink()
    Image.new("1", (12_000, 9_000)).save(folder / "oak" / "poster.png")
    with pytest.raises(CourseError, match=r"poster\.png is huge, 89 megapixels or more: save a smaller copy"):
        own_images.choose(folder)
    assert not recwarn.list


def test_an_unknown_name_is_refused_with_the_known_ones(course_folder):
    with pytest.raises(CourseError, match="neither a data set nor a folder: write one of digits, small_digits"):
        own_images.choose("~/no such folder")


def test_the_choice_reads_well_in_a_terminal_and_in_a_notebook(course_folder, tmp_path):
    chosen = own_images.choose(make_folder(tmp_path / "a & b", {"oak <tree>": 40, "ash": 12}))
    text, html = repr(chosen), chosen._repr_html_()
    lines = text.splitlines()
    assert lines[0] == "a & b: 2 classes" and lines[1].split() == ["class", "train", "val", "test"]
    assert lines[4].split() == ["all", "26", "10", "16"] and "40 x 30 pixels each" in text
    assert "Always guessing 'oak <tree>', the commonest class" in text
    assert "oak &lt;tree&gt;" in html and "<tree>" not in html and "a &amp; b" in html and html.count("<tr>") == 4


def test_of_many_classes_the_first_are_shown(course_folder):
    labels = torch.arange(400) % 40
    images = ImageSet(ArrayImages(labels[:, None, None].numpy()), labels, tuple(map(str, range(40))), "many")
    splits = split(images, num_train=200, num_val=80, num_test=120)
    rows = own_images.ChosenImages("many", splits, 400, ((1, 1), (1, 1)), "", ()).table_rows()
    assert len(rows) == 1 + 15 + 1 + 1 and rows[-2][0] == "... 25 more classes" and rows[-1] == ("all", "200", "80", "120")


@pytest.mark.parametrize("source", ["array", "file"])
def test_an_images_size_is_known_without_its_pixels(tmp_path, source):
    if source == "array":
        images = load_images("digits").images
        assert images.size(7) == (28, 28)
    else:
        images = load_folder(make_folder(tmp_path / "mine", {"oak": 1, "ash": 1})).images
        assert images.size(1) == (40, 30)
        images.paths[1].unlink()
        with pytest.raises(CourseError, match="is gone"):
            images.size(1)


@pytest.mark.parametrize(("right", "total"), [(8, 10), (0, 10), (10, 10), (50, 100), (1, 1), (500, 539)])
def test_the_ends_are_the_shares_from_which_the_found_one_lies_z_deviations_away(right, total):
    """The definition, in place of the formula that solves it; 95 of 100 normal draws lie within z deviations."""
    z = NormalDist().inv_cdf(0.975)
    for end in own_images.wilson(right, total):
        deviation = (end * (1 - end) / total) ** 0.5
        assert abs(right / total - end) == pytest.approx(z * deviation, abs=1e-9)


def test_no_trial_says_nothing():
    assert own_images.wilson(0, 0) == (0.0, 1.0)


@given(st.integers(1, 2000).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_the_share_lies_inside_and_both_sides_are_alike(pair):
    right, total = pair
    low, high = own_images.wilson(right, total)
    assert 0 <= low <= right / total <= high <= 1
    assert own_images.wilson(total - right, total) == pytest.approx((1 - high, 1 - low), abs=1e-9)


def test_more_trials_narrow_it():
    widths = [high - low for low, high in (own_images.wilson(8 * n, 10 * n) for n in (1, 10, 100))]
    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize(("right", "total"), [(3, 2), (-1, 5), (0.5, 1), (1, 2.0), (None, 3), (1, 0)])
def test_what_is_no_count_is_refused(right, total):
    with pytest.raises((ValueError, TypeError)):
        own_images.wilson(right, total)
