"""Does the slider say the same as counting a released model does?"""

import re

import pytest
import torch

from helpers.course import live_view
from helpers.models import backbones
from helpers.parameters import count
from helpers.plots import widgets


@pytest.fixture(scope="module")
def resnet():
    return widgets.released_blocks(backbones.get("resnet50"))


@pytest.mark.parametrize("name", ["resnet50", "efficientnet_lite0"])
@pytest.mark.parametrize("n", [0, 1, 2, 7, 16])
def test_counts_are_those_of_a_model_with_new_head(name, n):
    backbone = backbones.get(name)
    with torch.device("meta"):  # no numbers: only their count is asked for
        model = backbones.with_new_head(backbone, num_classes=10, released_blocks=n, pretrained=False)
    assert widgets.released_blocks(backbone).counts[n] == count(model)


def test_golden_numbers_are_in_the_words(resnet):
    assert "8,945,674 of 23,528,522" in resnet.words(2) and "20 of 161 tensors" in repr(resnet)
    assert resnet.num_blocks == 16


def test_picture_shows_released_blocks_and_says_so_in_words(resnet):
    html = resnet.html(3)
    assert re.findall(r"title='(\w+): trainable,", html) == ["14", "15", "16", "head"]
    assert len(re.findall(r": frozen,", html)) == 13
    assert resnet.words(3) in html.split("aria-label='")[1].split("'")[0]


def test_a_box_is_the_wider_the_more_parameters_it_has(resnet):
    found = re.findall(r"title='(\w+): \w+, ([\d,]+) parameters' style='flex:(\d+) 0", resnet.html(2))
    sizes = {name: int(count.replace(",", "")) for name, count, _ in found}
    assert sizes == {name: int(grows) for name, _, grows in found} and list(sizes)[-1] == "head"
    assert sizes["1"] == 75_008 and sizes["16"] == 4_462_592 and sizes["head"] == 20_490
    assert sizes["15"] + sizes["16"] + sizes["head"] == resnet.counts[2].trainable


def test_moving_the_slider_redraws(resnet, monkeypatch):
    monkeypatch.setattr(live_view, "has_page", lambda: True)
    resnet._ipython_display_()
    widget = resnet.views[-1].widget
    assert "min='0' max='16' value='2'" in widget.controls and f"for='released-{id(resnet)}'" in widget.controls
    resnet._moved("ready", "")
    assert widget.html == resnet.html(2)
    resnet._moved("n", "5")
    assert (widget.html, widget.said) == (resnet.html(5), resnet.words(5))


def test_without_a_page_it_is_plain_html(resnet, monkeypatch):
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda thing, **kwargs: shown.append(thing))
    resnet._ipython_display_()
    assert [thing.data for thing in shown] == [resnet.html(2)]
