"""Are parameters counted right, whatever the model looks like?"""

import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from helpers import parameters
from helpers.checks.small_models import Case
from helpers.models import backbones
from tests.support.cases import small_cases

CASES = small_cases()


@pytest.fixture(scope="module")
def resnet50():
    return backbones.get("resnet50").build(10, pretrained=False)


def release(model, *prefixes):
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith(prefixes))


def test_golden_numbers_of_resnet50_with_1000_classes():
    resnet50 = backbones.get("resnet50").build(pretrained=False)
    counts = parameters.count(resnet50)
    assert (counts.trainable_tensors, counts.trainable) == (161, 25_557_032)
    assert sum(isinstance(m, nn.BatchNorm2d) for m in resnet50.modules()) == 53 and len(list(resnet50.buffers())) == 159


@pytest.mark.parametrize(
    ("prefixes", "tensors", "scalars"),
    [
        (("",), 161, 23_528_522),
        (("fc.",), 2, 20_490),
        (("fc.", "layer4.1.", "layer4.2."), 20, 8_945_674),
        (("fc.", "layer4."), 32, 14_985_226),
        (("fc.", "layer3.", "layer4."), 89, 22_083_594),
    ],
)
def test_golden_numbers_of_resnet50_with_10_classes(resnet50, prefixes, tensors, scalars):
    release(resnet50, *prefixes)
    counts = parameters.count(resnet50)
    assert (counts.total, counts.tensors) == (23_528_522, 161)
    assert (counts.trainable_tensors, counts.trainable) == (tensors, scalars)
    assert (counts.frozen, counts.frozen_tensors) == (23_528_522 - scalars, 161 - tensors)


def test_golden_numbers_of_lite0():
    backbone = backbones.get("efficientnet_lite0")
    assert parameters.count(backbone.build(pretrained=False)).total == 4_652_008
    counts = [parameters.count(backbones.with_new_head(backbone, released_blocks=n, pretrained=False)) for n in (0, 2, 16)]
    assert [c.total for c in counts] == [3_383_818] * 3
    # The stem's 928 parameters belong to no block.
    assert [c.trainable for c in counts] == [12_810, 1_506_570, 3_383_818 - 928]


@given(case=CASES, part=st.sampled_from(("all", "none", "head", "blocks")))
@settings(max_examples=40, deadline=None)
def test_counts_equal_an_independent_count(case, part):
    model = case.model()
    release(model, *{"all": ("",), "none": ("no such name",), "head": (f"{case.head_name}.",), "blocks": ("blocks.",)}[part])
    counts = parameters.count(model)
    # By hand: walk the modules, note each tensor by its identity.
    seen = {id(p): p for module in model.modules() for p in module.parameters(recurse=False)}.values()
    free = [p for p in seen if p.requires_grad]
    assert (counts.total, counts.tensors) == (sum(p.numel() for p in seen), len(seen))
    assert (counts.trainable, counts.trainable_tensors) == (sum(p.numel() for p in free), len(free))
    assert counts.total == counts.trainable + counts.frozen
    assert type(counts.total) is type(counts.trainable) is type(counts.trainable_tensors) is int


@given(case=CASES, depth=st.integers(1, 6))
@settings(max_examples=30, deadline=None)
def test_the_rows_of_a_table_add_up_to_the_model(case, depth):
    model = case.model()
    assert parameters.parameter_table(model, depth).total == parameters.count(model)


def test_shared_weights_are_counted_once():
    plain, shared = Case(kind="residual").model(), Case(kind="shared").model()
    one_convolution = 8 * 8 * 3 * 3
    assert parameters.count(plain).total - parameters.count(shared).total == one_convolution


def test_a_table_names_blocks_and_their_state():
    model = backbones.with_new_head("resnet50", released_blocks=2, pretrained=False)
    states = {name: counts.state for name, counts in parameters.parameter_table(model).rows}
    assert {name: state for name, state in states.items() if state != "frozen"} == {"layer4": "mixed", "fc": "trainable"}
    deeper = {name: counts.state for name, counts in parameters.parameter_table(model, depth=2).rows}
    assert [name for name, state in deeper.items() if state == "trainable"] == ["layer4.1", "layer4.2", "fc"]
    assert "8,945,674 of 23,528,522" in repr(parameters.parameter_table(model))


def test_a_table_is_aligned_in_a_terminal_and_whole_in_a_notebook():
    table = parameters.parameter_table(backbones.with_new_head("resnet50", pretrained=False), depth=2)
    _title, *lines = repr(table).splitlines()
    ends = {match.end() for line in lines if (match := re.match(r"\S+\s+[\d,]+", line)) and line[0] != "-"}
    assert len(ends) == 1, "the numbers of the first column end at one place"
    html = table._repr_html_()
    assert html.count("<tr") == len(table.rows) + 2
    assert html.count("<td") == html.count("</td>") == 5 * (len(table.rows) + 1)


def test_parameters_of_the_model_itself_have_a_row():
    model = nn.Module()
    model.scale = nn.Parameter(torch.ones(3))
    assert [name for name, _ in parameters.parameter_table(model).rows] == [parameters.NO_MODULE]


def test_a_model_without_parameters_has_an_empty_table():
    table = parameters.parameter_table(nn.ReLU())
    assert table.total == parameters.Counts() and "no parameters" in repr(table)


def test_expected_counts_are_compared_in_words():
    model = Case(num_classes=4, width=8).model()
    release(model, "fc.")
    right = parameters.check_counts(model, trainable=36, trainable_tensors=2)
    assert right and right.sentences == ("36 trainable parameters, as expected.", "2 trainable tensors, as expected.")
    wrong = parameters.check_counts(model, total=1, trainable=36)
    assert not wrong.ok and "but 1 expected" in repr(wrong)
