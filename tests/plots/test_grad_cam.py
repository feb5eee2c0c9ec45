"""Do the maps lie where the evidence is, in colours and in words? Artists are looked at, never pixels."""

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms.functional import normalize, to_tensor

from helpers.course.errors import CourseError
from helpers.models import backbones
from helpers.plots.grad_cam import plot_grad_cam
from helpers.plots.look import text_alternative
from tests.support.drawn import heat, pictures, texts


def test_is_every_picture_drawn_once_with_its_caption_in_rows():
    captions = [f"picture {i}\nline two" for i in range(8)]
    ax = plot_grad_cam(pictures(8), heat(8), captions)
    images = [image for image in ax.images if image.get_array().ndim == 3]
    corners = [image.get_extent() for image in images]
    assert len(images) == 8 and len({(left, top) for left, _, _, top in corners}) == 8
    assert len({top for *_, top in corners}) == 2, "two rows"
    upright = [image.origin == "upper" and bottom > top for image, (_, _, bottom, top) in zip(images, corners, strict=True)]
    assert all(upright) and ax.yaxis_inverted(), "the first row of pixels is on top"
    assert texts(ax)[:8] == captions and texts(ax)[8].startswith("no evidence to most")
    assert ax.get_figure().get_size_inches()[0] <= 11.5


def test_does_the_picture_glow_where_the_map_is_high():
    picture = Image.fromarray(np.repeat(np.array([[[255], [0]]], dtype=np.uint8), 3, axis=2).repeat(20, 0).repeat(15, 1))
    drawn = plot_grad_cam([picture], heat(1), ["a"]).images[0].get_array()
    yellow, blue = drawn[0, 29] / drawn[0, 29].max(), drawn[19, 0] / drawn[19, 0].max()
    assert yellow[0] > 0.9 and yellow[2] < 0.4, "cividis ends in yellow"
    assert blue[2] == 1.0 and blue[0] < 0.1, "and begins in dark blue"
    assert drawn[19, 0].sum() > drawn[19, 29].sum() > 0, "light and shade of the picture stay"


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
