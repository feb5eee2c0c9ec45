"""Are images, splits and batches what the lessons take them for, and are bad ones refused in words?"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from helpers.course.errors import CourseError
from helpers.data import batches as image_batches
from helpers.data import splits as image_splits
from helpers.data.folders import load_folder
from helpers.data.images import ArrayImages, ImageSet, photos
from helpers.data.named_sets import load_images
from helpers.models import backbones
from tests.support.image_folders import make_folder


@pytest.fixture(scope="module")
def digits():
    return load_images("digits")


def test_the_digits_are_5000_with_500_a_class(digits):
    assert len(digits) == 5000 and digits.labels.dtype == torch.int64
    assert torch.bincount(digits.labels).tolist() == [500] * 10 and digits.class_names == tuple("0123456789")
    image = digits.images[0]
    assert image.mode == "RGB" and image.size == (28, 28)


def test_a_grey_image_gets_three_equal_channels(digits):
    image = backbones.get("resnet50").transform(32)(digits.images[700])
    raw = image * torch.tensor([0.229, 0.224, 0.225])[:, None, None] + torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    assert torch.allclose(raw[0], raw[1], atol=1e-6) and torch.allclose(raw[0], raw[2], atol=1e-6) and raw.max() > 0.9


def pixels(image_set):
    return {image_set.images[index].tobytes() for index in range(len(image_set))}


def test_splits_are_disjoint_stratified_and_repeatable(digits):
    splits = image_splits.split(digits, num_train=500, num_val=500, num_test=1000, seed=3)
    parts = (splits.train, splits.val, splits.test)
    assert [torch.bincount(part.labels).tolist() for part in parts] == [[50] * 10, [50] * 10, [100] * 10]
    assert not pixels(splits.train) & pixels(splits.val) and not pixels(splits.train) & pixels(splits.test)
    again, other = (image_splits.split(digits, num_train=500, num_val=500, num_test=1000, seed=seed) for seed in (3, 4))
    assert again.train.fingerprint() == splits.train.fingerprint() != other.train.fingerprint()
    assert splits.train.labels.tolist() != sorted(splits.train.labels.tolist()), "a split is not ordered by class"


@given(st.lists(st.integers(1, 12), min_size=2, max_size=5), st.tuples(*[st.floats(0, 1)] * 3), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_any_split_has_the_sizes_asked_for_and_no_image_twice(counts, shares, seed):
    labels = torch.tensor([label for label, count in enumerate(counts) for _ in range(count)])
    array = torch.arange(len(labels), dtype=torch.uint8).reshape(-1, 1, 1).numpy()
    image_set = ImageSet(ArrayImages(array), labels, tuple(map(str, range(len(counts)))), "made up")
    sizes = [int(len(labels) * share / 3) for share in shares]
    try:
        splits = image_splits.split(image_set, num_train=sizes[0], num_val=sizes[1], num_test=sizes[2], seed=seed)
    except CourseError as error:
        assert "leave out class" in str(error)
        return
    parts = (splits.train, splits.val, splits.test)
    assert [len(part) for part in parts] == sizes
    ids = torch.cat([torch.from_numpy(part.images.array).flatten() for part in parts]).tolist()
    assert len(ids) == len(set(ids)) and torch.equal(torch.cat([part.labels for part in parts]), labels[ids])
    for label, count in enumerate(counts):
        assert abs(int((splits.train.labels == label).sum()) - sizes[0] * count / len(labels)) < 1


def test_more_images_than_there_are_is_refused(digits):
    with pytest.raises(CourseError, match=r"5000 images.*lower num_train"):
        image_splits.split(digits, num_train=4000, num_val=1000, num_test=1)
    with pytest.raises(CourseError, match="raise num_train"):
        image_splits.split(digits, num_train=5, num_val=0, num_test=0)


def test_the_course_splits_follow_the_settings():
    splits = image_splits.course_splits()
    assert [len(part) for part in (splits.train, splits.val, splits.test)] == [500, 500, 1000]
    assert len(splits.class_names) == 10


def test_a_folder_is_read_class_by_class(tmp_path):
    folder = make_folder(tmp_path / "pets", {"dog": 3, "cat": 2})
    (folder / "cat" / "notes.txt").write_text("not an image")
    (folder / "cat" / ".hidden.png").write_text("not an image either")
    (folder / ".git").mkdir()
    found = load_images(folder)
    assert found.class_names == ("cat", "dog") and found.labels.tolist() == [0, 0, 1, 1, 1] and found.name == "pets"
    assert found.images[2].getpixel((0, 0)) == (0, 0, 99)
    assert found.subset([4, 0]).labels.tolist() == [1, 0]


def test_a_fingerprint_follows_the_content_and_not_the_place(tmp_path):
    first, second = (load_folder(make_folder(tmp_path / name, {"a": 2, "b": 2})) for name in ("one", "two"))
    assert first.fingerprint() == second.fingerprint()
    Image.new("RGB", (40, 30), (1, 2, 3)).save(tmp_path / "two" / "b" / "1.png")
    assert load_folder(tmp_path / "two").fingerprint() != first.fingerprint()


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda folder: (folder / "cat" / "0.png").write_bytes(b"no image"), r"cat.0\.png is not an image"),
        (lambda folder: (folder / "empty").mkdir(), "class folder .*empty holds no images"),
        (lambda folder: [file.unlink() for file in (folder / "dog").iterdir()], "class folder .*dog holds no images"),
        (lambda folder: (folder / "dog").rename(folder.parent / "dog"), "has 1 sub-folders"),
    ],
)
def test_a_folder_that_will_not_do_is_refused_by_name(tmp_path, break_it, words):
    folder = make_folder(tmp_path / "mine", {"dog": 1, "cat": 2})
    break_it(folder)
    with pytest.raises(CourseError, match=words):
        load_folder(folder)


def test_an_image_that_is_cut_short_is_named_when_it_is_read(tmp_path):
    folder = make_folder(tmp_path / "mine", {"dog": 1, "cat": 1})
    path = folder / "dog" / "photo.jpg"
    Image.effect_noise((300, 300), 90).save(path)
    path.write_bytes(path.read_bytes()[:4000])
    found = load_folder(folder)
    with pytest.raises(CourseError, match=r"photo\.jpg cannot be read .*replace or delete it"):
        found.images[2]
    (folder / "cat" / "0.png").unlink()
    with pytest.raises(CourseError, match="is gone"):
        found.images[0]


def test_a_photograph_is_turned_upright(tmp_path):
    folder = make_folder(tmp_path / "mine", {"a": 1, "b": 1})
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (60, 30)).save(folder / "a" / "phone.jpg", exif=exif)
    assert load_folder(folder).images[1].size == (30, 60)


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(CourseError, match="digits, solar_cells, cifar10, imagenette, flowers102, pets"):
        load_images("mnist")


def test_a_dataset_gives_what_the_transform_gives(digits):
    transform = backbones.get("efficientnet_lite0").transform(64)
    dataset = image_batches.to_dataset(digits.subset([0, 600, 4999]), transform)
    image, label = dataset[1]
    assert (image.dtype, tuple(image.shape), label, type(label)) == (torch.float32, (3, 64, 64), 1, int)
    assert torch.equal(image, transform(digits.images[600])) and dataset[1][0] is image, "kept in memory"
    assert dataset.labels.tolist() == [0, 1, 9]


def test_a_large_set_is_not_kept_in_memory(digits, monkeypatch):
    monkeypatch.setattr(image_batches, "KEEP_MB", 0.01)
    dataset = image_batches.to_dataset(digits.subset(range(4)), backbones.get("resnet50").transform(32))
    assert dataset[0][0] is not dataset[0][0]


def test_a_datasets_fingerprint_depends_on_images_and_transform(digits):
    part, backbone = digits.subset(range(8)), backbones.get("efficientnet_lite0")
    same = [image_batches.to_dataset(digits.subset(range(8)), backbone.transform(64)).fingerprint for _ in range(2)]
    others = [
        image_batches.to_dataset(part, backbone.transform(96)).fingerprint,
        image_batches.to_dataset(part, backbones.get("resnet50").transform(64)).fingerprint,
        image_batches.to_dataset(digits.subset(range(1, 9)), backbone.transform(64)).fingerprint,
        image_batches.to_dataset(part, lambda image: torch.zeros(3, 8, 8)).fingerprint,
        image_batches.to_dataset(part, lambda image: torch.zeros(3, 8, 8)).fingerprint,
    ]
    assert len(set(same)) == 1 and len({*same, *others}) == 6


def test_an_empty_set_is_refused(digits):
    with pytest.raises(CourseError, match="no images"):
        image_batches.to_dataset(digits.subset([]), backbones.get("resnet50").transform(32))


def test_a_fresh_loader_with_the_same_seed_gives_the_same_batches(digits):
    dataset = image_batches.to_dataset(digits.subset(range(0, 5000, 300)), backbones.get("resnet50").transform(32))

    def batches(seed, noise):
        torch.manual_seed(noise)
        torch.rand(noise)
        loader = image_batches.make_loader(dataset, batch_size=5, shuffle=True, seed=seed)
        return [labels.tolist() for _ in range(2) for _, labels in loader]

    assert batches(0, 1) == batches(0, 7) != batches(1, 1)
    first, second = batches(0, 1)[:4], batches(0, 1)[4:]
    assert first != second
    for epoch in (first, second):
        assert sorted(label for batch in epoch for label in batch) == sorted(dataset.labels.tolist())
    ordered = [labels for _, labels in image_batches.make_loader(dataset, batch_size=5)]
    assert torch.equal(torch.cat(ordered), dataset.labels) and [len(labels) for labels in ordered] == [5, 5, 5, 2]
    assert ordered[0].dtype == torch.int64


@pytest.mark.parametrize("batch_size", [0, -1, 2.5, None])
def test_a_batch_size_that_is_none_is_refused(digits, batch_size):
    with pytest.raises(CourseError, match="batch_size"):
        dataset = image_batches.to_dataset(digits, backbones.get("resnet50").transform(32))
        image_batches.make_loader(dataset, batch_size=batch_size)


def test_the_photographs_are_there():
    pictures = photos()
    assert sorted(pictures) == ["china", "flower"]
    assert all(photo.mode == "RGB" and photo.size == (640, 427) for photo in pictures.values())
