"""Are the three baselines tuned on validation alone, kept on disk, and what scikit-learn itself gives?"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from helpers.course.errors import CourseError
from helpers.data.images import ArrayImages, ImageSet
from helpers.data.named_sets import load_images
from helpers.data.splits import split
from helpers.training import baselines, cache

SMALL = {"num_train": 60, "num_val": 40, "num_test": 30}


@pytest.fixture(scope="module")
def splits():
    return split(load_images("small_digits"), **SMALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def found(splits, folder):
    return baselines.on_pixels(splits, folder=folder, limit_mb=1, progress=False)


def test_are_all_three_there_better_than_chance_and_counted_from_their_answers(found, splits):
    assert list(found) == list(baselines.TITLES)
    for key, one in found.items():
        assert one.key == key and one.test_accuracy == pytest.approx(np.mean(np.array(one.answers) == splits.test.labels.numpy()))
        assert 0.4 < one.val_accuracy <= 1 and one.seconds > 0 and one.side in baselines.SIDES


def test_is_the_nearest_neighbour_the_nearest_one(found, splits):
    side = found[baselines.NEAREST].side
    train, test = (baselines.pixels(part, side) for part in (splits.train, splits.test))
    nearest = np.linalg.norm(test[:, None] - train[None], axis=2).argmin(axis=1)
    assert list(found[baselines.NEAREST].answers) == splits.train.labels[torch.from_numpy(nearest)].tolist()


@pytest.mark.parametrize("key", [baselines.LOGISTIC, baselines.SVM])
def test_did_no_other_setting_do_better_on_validation(found, splits, key, monkeypatch):
    tried = []
    for side in baselines.SIDES:
        for strength in baselines.STRENGTHS[key]:
            monkeypatch.setattr(baselines, "SIDES", (side,))
            monkeypatch.setitem(baselines.STRENGTHS, key, (strength,))
            tried.append(baselines.fit(splits, key).val_accuracy)
            monkeypatch.undo()
    assert found[key].val_accuracy == max(tried) and found[key].strength in baselines.STRENGTHS[key]


def test_do_test_images_play_no_part_in_the_choice(found, splits):
    wrong = replace(splits.test, labels=(splits.test.labels + 1) % 10)
    again = baselines.fit(replace(splits, test=wrong), baselines.SVM)
    svm = found[baselines.SVM]
    assert (again.side, again.strength, again.answers) == (svm.side, svm.strength, svm.answers)
    best = baselines.strongest(found)
    assert best.val_accuracy == max(one.val_accuracy for one in found.values())
    assert baselines.strongest({"a": replace(best, test_accuracy=0.0), "b": replace(best, val_accuracy=0.1)}).test_accuracy == 0.0


def test_is_a_later_call_read_from_disk_and_a_damaged_or_foreign_file_not_believed(found, splits, folder, monkeypatch, capsys):
    calls, fit = [], baselines.fit
    monkeypatch.setattr(baselines, "fit", lambda *args: calls.append(args) or fit(*args))
    assert baselines.on_pixels(splits, folder=folder, limit_mb=1) == found and not calls and capsys.readouterr().out == ""
    [file] = folder.glob("*.safetensors")
    assert cache.write(folder, file.stem, {"baselines": torch.tensor(list(b'[{"key": "svm"}]'), dtype=torch.uint8)}, 1)
    again = baselines.on_pixels(splits, folder=folder, limit_mb=1)
    assert len(calls) == 3 and "without a network" in capsys.readouterr().out
    assert [replace(one, seconds=0) for one in again.values()] == [replace(one, seconds=0) for one in found.values()]
    baselines.on_pixels(split(load_images("small_digits"), **SMALL, seed=1), folder=folder, limit_mb=1)
    assert len(calls) == 6


def test_has_colour_three_numbers_a_pixel_and_grey_one_whatever_the_shape():
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 256, (3, 20, 10), dtype=np.uint8)
    names = ("a", "b")
    rows = baselines.pixels(ImageSet(ArrayImages(grey), torch.tensor([0, 1, 0]), names, "grey"), 16)
    assert rows.shape == (3, 256) and rows.dtype == np.float32
    expected = np.asarray(Image.fromarray(grey[1]).resize((16, 16), Image.Resampling.BILINEAR)) / 255
    assert rows[1] == pytest.approx(expected.ravel(), abs=1e-6)
    colour = rng.integers(0, 256, (3, 20, 10, 3), dtype=np.uint8)
    assert baselines.pixels(ImageSet(ArrayImages(colour), torch.tensor([0, 1, 0]), names, "colour"), 8).shape == (3, 192)


@pytest.mark.parametrize(("change", "said"), [({"num_val": 0}, "val images"), ({"num_test": 0}, "test images")])
def test_is_a_split_without_images_refused(change, said, tmp_path):
    with pytest.raises(CourseError, match=said):
        baselines.on_pixels(split(load_images("small_digits"), **SMALL | change), folder=tmp_path, limit_mb=1, progress=False)


def test_is_a_single_class_refused(splits):
    one = splits.train.subset((splits.train.labels == 3).nonzero().flatten())
    with pytest.raises(CourseError, match="two classes at least"):
        baselines.fit(replace(splits, train=one), baselines.SVM)


def test_does_the_table_say_setting_and_both_accuracies(found):
    rows = baselines.table(found).splitlines()
    svm = found[baselines.SVM]
    assert rows[-1] == f"| SVM on pixels | {svm.setting} | {svm.val_accuracy:.3f} | {svm.test_accuracy:.3f} |" and len(rows) == 5
    assert svm.setting == f"{svm.side} x {svm.side} pixels, C = {svm.strength:g}"
    assert "C =" not in found[baselines.NEAREST].setting
