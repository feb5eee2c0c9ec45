"""Are shots of one thing alike but not equal, the same each time, and labelled as what they show?"""

import numpy as np
import pytest
import torch

from helpers.course.errors import CourseError
from helpers.data.images import ArrayImages, ImageSet
from helpers.data.shots import DEGREES, SHIFT, several_shots

PIXELS = np.zeros((4, 28, 28), dtype=np.uint8)
PIXELS[:, 10:18, 12:16] = np.array([60, 120, 180, 240])[:, None, None]
THINGS = ImageSet(ArrayImages(PIXELS), torch.tensor([2, 0, 1, 0]), ("a", "b", "c"), "bars")


def pixels(images, index):
    return np.asarray(images.images[index])


def test_each_image_has_its_shots_one_after_the_other_with_its_label():
    shots, groups = several_shots(THINGS, each=3)
    assert groups.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3] and groups.dtype == torch.int64
    assert shots.labels.tolist() == [2, 2, 2, 0, 0, 0, 1, 1, 1, 0, 0, 0] and shots.class_names == THINGS.class_names
    brightest = [int(pixels(shots, index).max()) for index in range(12)]
    assert brightest == [60] * 3 + [120] * 3 + [180] * 3 + [240] * 3, "each shows its own thing"


def test_shots_differ_from_each_other_and_are_the_same_each_time():
    shots, again = (several_shots(THINGS, each=3)[0] for _ in range(2))
    assert len({pixels(shots, index).tobytes() for index in range(3)}) == 3
    assert all(np.array_equal(pixels(shots, index), pixels(again, index)) for index in range(12))
    assert shots.fingerprint() == again.fingerprint()
    others = several_shots(THINGS, each=3, seed=1)[0]
    assert shots.fingerprint() != others.fingerprint() and not np.array_equal(pixels(shots, 0), pixels(others, 0))


def test_the_camera_moves_a_little_and_no_further():
    shots, _ = several_shots(THINGS, each=40)
    for index in range(0, 160, 7):
        bright = np.argwhere(pixels(shots, index)[..., 0] > 20)
        moved = np.abs(bright.mean(axis=0) - (13.5, 13.5))
        assert moved.max() <= SHIFT * 28 + 1 and len(bright) < 60
    assert DEGREES <= 10, "a 6 stays a 6"


def test_a_part_of_the_shots_is_those_shots():
    shots, _ = several_shots(THINGS, each=3)
    part = shots.subset([7, 2])
    assert np.array_equal(pixels(part, 0), pixels(shots, 7)) and part.images.size(0) == (28, 28) and len(part.images) == 2


@pytest.mark.parametrize("each", [0, 1.5, True])
def test_what_is_no_number_of_shots_is_one_sentence(each):
    with pytest.raises(CourseError, match="give a whole number of shots"):
        several_shots(THINGS, each=each)
