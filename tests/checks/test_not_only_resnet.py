"""Do layers that an answer puts beside others reach the judge as they are, and nothing that would keep it busy?"""

import pytest
import torch
from torch import nn

from helpers.checks.not_only_resnet import add_lora, merge_lora
from helpers.checks.not_only_resnet.to_adapt import VISIBLE, around
from helpers.checks.report import RIGHT
from helpers.grading.judging.stand_ins import Unusable
from helpers.grading.judging.test_cell import Distant
from helpers.models.lora import LoRA
from tests.answers.add_lora import RIGHT as ADDED
from tests.answers.merge_lora import RIGHT as MERGED
from tests.support.lines import Loopback


def test_what_any_right_answer_adds_any_right_answer_merges_wherever_it_runs():
    problem = VISIBLE[0]
    for adds in ADDED.values():
        for merges in MERGED.values():
            line, model = Loopback({"add": adds, "merge": merges}), problem.model()
            names, plain = problem.layer_names(model), [*model.state_dict()]
            Distant(line, "add")(model, problem.head_name, names, problem.rank, problem.alpha)
            loras = [module for module in model.modules() if isinstance(module, LoRA)]
            assert len(loras) == len(names) and {lora.scale for lora in loras} == {problem.alpha / problem.rank}
            with torch.no_grad():
                for lora in loras:
                    nn.init.normal_(lora.down.weight, std=0.2)
                    nn.init.normal_(lora.up.weight, std=0.2)
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
    lora, images = around(layer, 2, 3.0), torch.randn(2, *((6,) if isinstance(layer, nn.Linear) else (6, 5, 5)))
    update = 1.5 * (lora.up.weight.flatten(1) @ lora.down.weight.flatten(1))
    with torch.no_grad():
        found = lora(images)
        layer.weight += update.view_as(layer.weight)
        assert torch.allclose(layer(images), found, atol=1e-6)
