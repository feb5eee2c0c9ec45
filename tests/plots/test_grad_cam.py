"""Do the maps lie where the evidence is, in colours and in words? Artists are looked at, never pixels."""

import itertools

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms.functional import normalize, to_tensor

from helpers.course.errors import CourseError
from helpers.models import backbones
from helpers.plots.grad_cam import plot_grad_cam
from helpers.plots.look import text_alternative
from tests.support.drawn import boxes, heat, pictures, texts


def test_is_every_picture_drawn_once_with_its_caption_in_rows():
    captions = [f"picture {i}\nline two" for i in range(8)]
    ax = plot_grad_cam(pictures(8), heat(8), captions)
    images = ax.images[:-1]  # the last one is the key
    corners = [image.get_extent() for image in images]
    assert len(images) == 8 and len({(left, top) for left, _, _, top in corners}) == 8
    assert len({top for *_, top in corners}) == 2, "two rows"
    upright = [image.origin == "upper" and bottom > top for image, (_, _, bottom, top) in zip(images, corners, strict=True)]
    assert all(upright) and ax.yaxis_inverted(), "the first row of pixels is on top"
    assert texts(ax)[:8] == captions and texts(ax)[8].startswith("no evidence to most")
    assert ax.get_figure().get_size_inches()[0] <= 11.5


def luminance(colours: np.ndarray) -> np.ndarray:
    """Relative luminance of sRGB, https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("light", [0, 128, 255])
def test_does_the_hue_say_where_the_evidence_is_and_nothing_else(light):
    drawn = plot_grad_cam([Image.new("RGB", (30, 20), (light,) * 3)], heat(1), ["a"]).images[0].get_array()
    most, least = drawn[0, 29], drawn[19, 0]
    assert most[0] > most[1] > most[2] and least[2] > least[1] > least[0], "from blue to yellow"
    assert luminance(most) == pytest.approx(luminance(least), abs=0.04), "neither is lighter than the other"


def test_is_what_is_light_in_the_picture_lighter_than_what_is_dark_whatever_the_map_says():
    lights = [
        luminance(plot_grad_cam([Image.new("RGB", (30, 20), (light,) * 3)], heat(1), ["a"]).images[0].get_array())
        for light in (0, 100, 180, 255)
    ]
    assert all(darker.max() + 0.05 < lighter.min() for darker, lighter in itertools.pairwise(lights))


def test_do_pictures_that_belong_together_stand_below_one_bracket():
    ax = plot_grad_cam(pictures(8), heat(8), ["before: 1", "after: 2"] * 4, titles=[f"is {i}" for i in range(4)])
    spans = [(min(line.get_xdata()), max(line.get_xdata()), max(line.get_ydata())) for line in ax.lines]
    extents = [image.get_extent() for image in ax.images if image.get_array().shape[:2] == (20, 30)]
    assert len(spans) == 4 and len(extents) == 8
    for place, (left, right, bottom) in enumerate(spans):
        first, second = extents[2 * place : 2 * place + 2]
        assert (left, right) == (first[0], second[1]) and bottom < first[3] == second[3]
    assert extents[2][0] - extents[1][1] > extents[1][0] - extents[0][1] > 0, "further from the next pair than from one another"
    assert "is 3, after: 2: most evidence top right." in text_alternative(ax)
    boxes(ax, ax.texts)
    with pytest.raises(CourseError, match="8 pictures and 3 titles"):
        plot_grad_cam(pictures(8), heat(8), ["a"] * 8, titles=["x", "y", "z"])


def test_do_words_tell_where_the_evidence_lies():
    maps = torch.cat([heat(1), torch.zeros(1, 20, 30), heat(1).flip(1, 2)])
    words = text_alternative(plot_grad_cam(pictures(3), maps, ["a\nx", "b", "c"]))
    assert "a, x: most evidence top right; b: no evidence; c: most evidence bottom left." in words
    middle = torch.zeros(1, 20, 30)
    middle[:, 8:12, 12:18] = 1
    assert "most evidence centre" in text_alternative(plot_grad_cam(pictures(1), middle, ["m"]))


def test_is_a_map_of_another_size_or_a_missing_caption_refused():
    with pytest.raises(CourseError, match=r"30 x 20 and its map 20 x 20 pixels.*transform\.picture"):
        plot_grad_cam(pictures(1), torch.zeros(1, 20, 20), ["a"])
    for number, captions in ((2, ["a"]), (0, [])):
        with pytest.raises(CourseError, match="one of each"):
            plot_grad_cam(pictures(number), heat(number), captions)


def test_does_the_preprocessing_show_what_the_model_sees():
    """Normalising the picture gives the model's input: so picture and map lie on one another."""
    pixels = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    transform = backbones.get("efficientnet_lite0").transform(40)
    picture = transform.picture(Image.fromarray(pixels))
    assert picture.size == (40, 40) and picture.mode == "RGB"
    assert torch.equal(normalize(to_tensor(picture), transform.mean, transform.std), transform(Image.fromarray(pixels)))
