"""Is the distance that each place has moved the true one, and is nothing else counted?"""

import copy
import math

import pytest
import torch

from helpers.course.errors import CourseError
from helpers.inspection.drift import movement
from helpers.inspection.snapshot import changes_since, take_snapshot
from helpers.models import backbones
from tests.support.small_backbone import PLACES, SMALL


@pytest.fixture
def pair():
    """(a model, its copy): change the copy."""
    before = SMALL.build(10)
    return before, copy.deepcopy(before)


def rows(pair) -> dict:
    found = movement(SMALL, *pair)
    assert [row.name for row in found] == PLACES, "from the image to the answer"
    return {row.name: row for row in found}


@torch.no_grad()
def grow(module, factor: float) -> None:
    for parameter in module.parameters():
        parameter.mul_(factor)


@pytest.mark.parametrize("name", list(backbones.BACKBONES))
def test_do_the_places_make_up_the_whole_chain(name):
    backbone = backbones.get(name)
    with torch.device("meta"):
        model = backbone.build(10, pretrained=False)
    places = backbone.places(model)
    assert [part for parts in places.values() for part in parts] == [part for part, _ in backbone.chain(model)]
    assert len(places) == 18 and next(iter(places)) == "stem" and list(places)[-1] == backbone.head_name


def test_has_nothing_moved_in_a_copy(pair):
    for name, row in rows(pair).items():
        assert (row.weights, row.released) == (0.0, False)
        assert row.statistics is None if name == "fc" else row.statistics == 0.0


def test_is_the_change_relative_to_the_length_before(pair):
    grow(pair[1].blocks[2], 1.25)
    grow(pair[1].fc, -1.0)
    found = rows(pair)
    assert found["blocks.2"].weights == pytest.approx(0.25, rel=1e-6) and found["fc"].weights == pytest.approx(2.0, rel=1e-6)
    assert {name for name, row in found.items() if row.released} == {"blocks.2", "fc"}
    assert {row.statistics for row in found.values()} == {0.0, None}


def test_is_it_one_length_over_all_tensors_of_a_place(pair):
    before, after = pair
    with torch.no_grad():
        after.stem.weight[0, 0, 0, 0] += 3.0
        after.stem_norm.bias[2] -= 4.0
    length = math.sqrt(sum(p.double().square().sum().item() for m in (before.stem, before.stem_norm) for p in m.parameters()))
    assert rows(pair)["stem"].weights == pytest.approx(5.0 / length, rel=1e-6)


def test_does_the_neck_belong_to_the_last_block(pair):
    grow(pair[1].neck, 2.0)
    assert {name for name, row in rows(pair).items() if row.released} == {"blocks.3"}


def test_are_statistics_told_apart_from_weights(pair):
    pair[1].blocks[0].norm.running_mean += 1.0
    pair[1].blocks[1].norm.num_batches_tracked += 5  # a count, and no statistic
    norm = pair[0].blocks[0].norm
    length = math.sqrt(sum(t.double().square().sum().item() for t in (norm.running_mean, norm.running_var)))
    found = rows(pair)
    assert found["blocks.0"].statistics == pytest.approx(math.sqrt(8) / length, rel=1e-6) and not found["blocks.0"].released
    assert found["blocks.1"].statistics == 0.0


def test_is_a_single_bit_enough_to_count_as_released(pair):
    weight = pair[1].blocks[1].conv.weight.data
    weight[0, 0, 0, 0] = torch.nextafter(weight[0, 0, 0, 0], torch.tensor(9.0))
    row = rows(pair)["blocks.1"]
    assert row.released and 0 < row.weights < 1e-6


def test_does_a_place_that_was_zero_before_move_infinitely_far(pair):
    with torch.no_grad():
        for parameter in pair[0].fc.parameters():
            parameter.zero_()
    assert rows(pair)["fc"].weights == math.inf
    assert rows((pair[0], copy.deepcopy(pair[0])))["fc"].weights == 0.0


def test_are_both_models_only_read(pair):
    snapshots = [take_snapshot(model) for model in pair]
    rows(pair)
    assert not any(changes_since(snapshot, model) for snapshot, model in zip(snapshots, pair, strict=True))


def test_are_models_of_another_structure_refused(pair):
    with pytest.raises(CourseError, match=r"fc\.weight and 1 more tensors.*after the head was replaced"):
        movement(SMALL, SMALL.build(5), pair[1])
    other = copy.deepcopy(pair[1])
    del other.stem_norm
    with pytest.raises(CourseError, match="not of one shape"):
        movement(SMALL, pair[0], other)
