"""Do layers that an answer puts beside others reach the judge as they are, and nothing that would keep it busy?"""

import re

import pytest
import timm
import torch
from torch import nn

from helpers.checks.not_only_resnet import add_lora, merge_lora
from helpers.checks.not_only_resnet.to_adapt import VISIBLE, around
from helpers.checks.report import RIGHT
from helpers.grading.judging.stand_ins import Unusable
from helpers.grading.judging.test_cell import Distant
from helpers.models import backbones
from helpers.models.lora import LoRA
from helpers.training import features
from helpers.upkeep import lora
from tests.answers.add_lora import RIGHT as ADDED
from tests.answers.lora_summary import RIGHT as COUNTED
from tests.answers.merge_lora import RIGHT as MERGED
from tests.support.lines import Loopback
from tests.support.notebook_cells import ROOT, masters


def test_what_any_right_answer_adds_any_right_answer_merges_wherever_it_runs():
    problem = VISIBLE[0]
    for adds in ADDED.values():
        for merges in MERGED.values():
            line, model = Loopback({"add": adds, "merge": merges}), problem.model()
            names, plain = problem.layer_names(model), [*model.state_dict()]
            Distant(line, "add")(model, problem.head_name, names, problem.rank, problem.alpha)
            loras = [module for module in model.modules() if isinstance(module, LoRA)]
            assert len(loras) == len(names) and {added.scale for added in loras} == {problem.alpha / problem.rank}
            with torch.no_grad():
                for added in loras:
                    nn.init.normal_(added.down.weight, std=0.2)
                    nn.init.normal_(added.up.weight, std=0.2)
                before = model(problem.images())
                Distant(line, "merge")(model)
                assert torch.allclose(model(problem.images()), before, rtol=1e-3, atol=1e-4)
            assert [*model.state_dict()] == plain


def test_checks_of_answers_at_a_distance_find_them_right():
    for check, right in ((add_lora, ADDED), (merge_lora, MERGED)):
        name = check.name
        report = check.report(Distant(Loopback({name: next(iter(right.values()))}), name))
        assert report.status == RIGHT, report


def test_a_class_of_the_same_name_is_not_the_courses():
    class Stranger(LoRA):
        pass

    Stranger.__name__ = "LoRA"
    model = nn.Sequential(nn.Linear(3, 4))

    def puts(model):
        model[0] = Stranger(model[0], nn.Linear(3, 2), nn.Linear(2, 4), 1.0)

    Distant(Loopback({"f": puts}), "f")(model)
    assert not isinstance(model[0], LoRA)
    with pytest.raises(TypeError, match="only layers of the kinds that the exercise asks for"):
        model(torch.zeros(1, 3))


@pytest.mark.parametrize("setting", [{"padding": 10_000}, {"stride": 99}, {"dilation": 17}])
def test_a_convolution_that_would_fill_the_judges_memory_is_refused(setting):
    def puts(model):
        model[0] = nn.Conv2d(3, 4, 1, **setting)

    with pytest.raises(Unusable, match="a convolution with"):
        Distant(Loopback({"f": puts}), "f")(nn.Sequential(nn.Conv2d(3, 4, 1)))


@pytest.mark.parametrize("layer", [nn.Linear(6, 4), nn.Conv2d(6, 4, 1, stride=2)])
def test_an_update_is_a_product_of_two_matrices(layer):
    added, images = around(layer, 2, 3.0), torch.randn(2, *((6,) if isinstance(layer, nn.Linear) else (6, 5, 5)))
    update = 1.5 * (added.up.weight.flatten(1) @ added.down.weight.flatten(1))
    with torch.no_grad():
        found = added(images)
        layer.weight += update.view_as(layer.weight)
        assert torch.allclose(layer(images), found, atol=1e-6)


def test_after_merging_a_tail_that_is_cut_anew_answers_as_before_and_the_old_one_has_an_update_twice():
    """As lesson 12 says of the convolution behind the last block, which stands in the tail by itself."""
    backbone = backbones.get("efficientnet_lite0")
    model = backbone.build(num_classes=3, pretrained=False).eval()
    model.conv_head, model.blocks[6][0].conv_pwl = around(model.conv_head, 2, 4.0), around(model.blocks[6][0].conv_pwl, 2, 4.0)
    front, old = features.split_model(backbone, model, 1)
    with torch.no_grad():
        maps = front(torch.randn(2, 3, 32, 32))
        before = old(maps)
        next(iter(MERGED.values()))(model)
        assert torch.allclose(features.split_model(backbone, model, 1)[1](maps), before, atol=1e-5)
        assert not torch.allclose(old(maps), before, atol=1e-3)
    assert "cut anew" in source("merged-run", "12_not_only_resnet")


def test_what_lesson_12_says_of_the_vision_transformer_is_counted():
    with torch.device("meta"):
        vit = timm.create_model("vit_tiny_patch16_224", num_classes=10)
    names = [name for name, _ in vit.named_modules() if name.endswith("qkv")]
    assert len(names) == 12 and COUNTED["a sum"](vit, "head", names, 4) == {"tensors": 26, "scalars": 38_794}
    assert "26 tensors and 38,794 scalars" in source("try", "12_not_only_resnet")


def test_lessons_table_and_main_lines_are_those_that_were_recorded():
    table = source("table", "12_not_only_resnet")
    assert lora.table(lora.recorded()) in table and len({outcome.seed for outcome in lora.recorded()}) == 5
    page = (ROOT / "docs" / "other-libraries.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\|[^|]+\| (\d+ of \d+) \| (\d+ of \d+) \|$", source("elsewhere-table", "12_not_only_resnet"), re.MULTILINE
    )
    assert len(rows) == 8 and [row for row in rows if f"| {row[0]} | {row[1]} |" not in page] == []


def source(cell_id: str, lesson: str) -> str:
    """The source of a cell of one lesson: others have cells of the same name."""
    return next(cell.source for cell in masters()[lesson].cells if cell.id == cell_id)
