"""Does the X-ray of a step show what it did, part by part, and say what is wrong?"""

from collections import OrderedDict

import pytest
import torch
from bs4 import BeautifulSoup
from torch import nn
from torchvision.models.feature_extraction import create_feature_extractor

from helpers.course import live_view
from helpers.course.palette import FAULT
from helpers.inspection.step_probe import probe
from helpers.models import backbones
from helpers.plots.blocks import block_of
from helpers.plots.freeze_xray import SOUND, xray, xray_rows
from tests.support.drawn import small_probe


def test_does_the_xray_say_what_the_step_did():
    rows = xray_rows(small_probe())
    words = {row.name: [word for _, word, _ in row.cells] for row in rows}
    assert words["fc"] == ["yes", "0.1", "train", "yes", "yes", ""]
    assert words["pre_fc_norm"] == ["frozen", "no", "eval", "no", "no", "no"]
    assert not any(wrong for row in rows for *_, wrong in row.cells)
    assert xray(small_probe()).diagnosis() == [SOUND]


def test_is_what_contradicts_the_freezing_filled_with_the_colour_of_faults_and_said_in_words():
    shown = xray(small_probe(train=True, optimizer_all=True))
    cells = BeautifulSoup(shown.html(), "html.parser").select("td")
    filled = [cell.get_text() for cell in cells if f"background:{FAULT}" in str(cell)]
    assert sorted(set(filled)) == ["✕ 0.1", "✕ train", "✕ yes"]
    assert [filled.count(words) for words in ("✕ 0.1", "✕ train", "✕ yes")] == [8, 4, 4]
    moved, held = shown.diagnosis()
    assert moved.startswith("4 parts") and "in train mode" in moved and "held by the optimizer" in held
    assert "statistics changed yes (contradiction)" in repr(shown)
    assert f"background:{FAULT}" not in xray(small_probe()).html().split("</table>")[0]


def test_is_a_batchnorm_that_a_mere_look_has_woken_named():
    """torchvision's tool puts back one mode for all layers: the model's own, which is train mode."""
    base = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten()).requires_grad_(False)
    model = nn.Sequential(OrderedDict(base=base, head=nn.Linear(4, 3)))
    base.eval()
    look = (torch.randn(4, 3, 8, 8), torch.arange(4) % 3)
    found = []
    for _ in range(2):
        found.append(xray(probe(model, torch.optim.SGD(model.head.parameters(), lr=0.1), look)).diagnosis())
        create_feature_extractor(model, {"base": "maps"})
    asleep, awake = found
    assert asleep == [SOUND] and awake[0].startswith("base.1: frozen, but in train mode") and len(awake) == 1


def test_is_resnet50_shown_by_block_and_does_each_block_open_to_its_layers(monkeypatch):
    model = backbones.with_new_head("resnet50", pretrained=False)
    report = probe(model, torch.optim.SGD(model.fc.parameters(), lr=0.1), (torch.randn(2, 3, 64, 64), torch.arange(2)))
    rows = xray_rows(report)
    assert len(report.layers) == 107 and len(rows) == 19
    assert [row.name for row in rows[:4]] == ["conv1", "bn1", "layer1.0", "layer1.1"] and rows[-1].name == "fc"
    assert sum(row.scalars for row in rows) == 23_528_522
    page = BeautifulSoup(xray(report).html(live=True), "html.parser")
    assert [one["data-opens"] for one in page.select("button")] == [row.name for row in rows]
    assert [one["data-panel"] for one in page.select("tr[hidden]")] == [row.name for row in rows]
    head = page.select("tr[data-panel=fc] tbody tr")[0].get_text(" ").replace("\N{NO-BREAK SPACE}", " ")
    assert "weight 10 × 2048, bias 10" in head and "20,490" in head and "group 1, rate 0.1" in head
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, **_: shown.append(data))
    for has_page in (False, True):
        monkeypatch.setattr(live_view, "has_page", lambda has_page=has_page: has_page)
        xray(report)._ipython_display_()
    plain, live = shown
    assert plain["text/html"] == live["text/html"] == xray(report).html() and "<button" not in plain["text/html"]
    assert live_view.VIEW_MIME in live and live_view.VIEW_MIME not in plain


BLOCKS = {"layer4.1.conv1": "layer4.1", "layer1.0.downsample.0": "layer1.0", "blocks.5.3.bn2": "blocks.5.3"}
BLOCKS |= {"conv1": "conv1", "": ""}  # a layer of its own, and the model itself


@pytest.mark.parametrize("name, block", BLOCKS.items())
def test_does_a_layer_know_its_block(name, block):
    assert block_of(name) == block
