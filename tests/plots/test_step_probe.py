"""Does the X-ray of a step show what it did, part by part? Artists are looked at, never pixels."""

import pytest
import torch
from matplotlib.colors import to_hex

from helpers.course.palette import FAULT
from helpers.inspection.step_probe import probe
from helpers.models import backbones
from helpers.plots.look import text_alternative
from helpers.plots.step_probe import block_of, plot_probe, xray_rows
from tests.support.drawn import small_probe, texts


def test_does_the_xray_say_what_the_step_did():
    rows = xray_rows(small_probe())
    words = {row.name: [word for _, word, _ in row.cells] for row in rows}
    assert words["fc"] == ["yes", "0.1", "train", "yes", "yes", ""]
    assert words["pre_fc_norm"] == ["frozen", "no", "eval", "no", "no", "no"]
    assert not any(wrong for row in rows for *_, wrong in row.cells)


def test_does_the_xray_fill_in_orange_what_contradicts_the_freezing():
    ax = plot_probe(small_probe(train=True, optimizer_all=True))
    filled = [patch for patch in ax.patches if patch.get_label() == "contradiction"]
    assert len(filled) == 8 + 4 and {to_hex(patch.get_facecolor()).upper() for patch in filled} == {FAULT}
    assert texts(ax).count("yes !") == 4 and texts(ax).count("0.1 !") == 8
    assert "statistics changed yes (contradiction)" in text_alternative(ax)
    assert not [patch for patch in plot_probe(small_probe()).patches if patch.get_label() == "contradiction"]


def test_is_resnet50_shown_by_block():
    model = backbones.with_new_head("resnet50", pretrained=False)
    report = probe(model, None, (torch.randn(2, 3, 64, 64), torch.arange(2)))
    rows = xray_rows(report)
    assert len(report.layers) == 107 and len(rows) == 19
    assert [row.name for row in rows[:4]] == ["conv1", "bn1", "layer1.0", "layer1.1"] and rows[-1].name == "fc"
    assert sum(row.scalars for row in rows) == 23_528_522
    ax = plot_probe(report)
    assert "layer4.2" in texts(ax) and ax.get_figure().get_size_inches()[1] < 8


BLOCKS = {"layer4.1.conv1": "layer4.1", "layer1.0.downsample.0": "layer1.0", "blocks.5.3.bn2": "blocks.5.3"}
BLOCKS |= {"conv1": "conv1", "": ""}  # a layer of its own, and the model itself


@pytest.mark.parametrize("name, block", BLOCKS.items())
def test_does_a_layer_know_its_block(name, block):
    assert block_of(name) == block
