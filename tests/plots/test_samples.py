"""Does the first look at a data set show each class, whole images, and how many there are?"""

import pytest
import torch
from PIL import Image

from helpers.course.errors import CourseError
from helpers.data.folders import load_folder
from helpers.data.images import ArrayImages, ImageSet
from helpers.data.named_sets import load_images
from helpers.plots.look import text_alternative
from helpers.plots.samples import plot_samples
from tests.support.drawn import boxes, texts


def test_each_class_has_a_row_with_its_first_images_and_its_count():
    ax = plot_samples(load_images("digits").subset([0, 500, 501, 502, 1000]), per_class=2)
    assert len(ax.images) == 4
    assert texts(ax)[:4] == ["0", "1", "1", "3"] and "0 (1), 1 (3), 2 (1), 3 (0)" in text_alternative(ax)


def test_an_image_keeps_its_proportions(tmp_path):
    for name, size in (("wide", (80, 20)), ("high", (10, 40))):
        (tmp_path / name).mkdir()
        Image.new("RGB", size).save(tmp_path / name / "0.png")
    ax = plot_samples(load_folder(tmp_path))
    shapes = [(right - left) / abs(top - bottom) for left, right, bottom, top in (image.get_extent() for image in ax.images)]
    assert shapes == pytest.approx([10 / 40, 80 / 20])


def test_of_many_classes_the_first_are_shown_and_the_rest_is_said():
    labels = torch.arange(30) % 15
    names = tuple(f"class {n}" for n in range(15))
    images = ImageSet(ArrayImages(torch.zeros(30, 8, 8).numpy()), labels, names, "many")
    ax = plot_samples(images)
    assert len(ax.images) == 20 and "and 5 more classes that are not shown" in text_alternative(ax)
    assert boxes(ax, ax.texts)


def test_an_empty_set_is_refused():
    with pytest.raises(CourseError, match="no image to show"):
        plot_samples(load_images("digits").subset([]))
