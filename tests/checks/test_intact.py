"""Does the one look at a model that was handed out see every difference, in its order, and nothing that may change?"""

import copy

import pytest
import torch

from helpers.checks.intact import DIFFERENCES, intact
from helpers.checks.small_models import Case, head_only
from helpers.inspection.snapshot import changes_since, take_snapshot


@torch.no_grad()
def _move(tensor):
    tensor.add_(1)


# What is done to a model -> the first reason of all that names it.
HARM = {
    "a hook": (lambda model: model.stem.register_forward_hook(lambda *given: None), "hook_left"),
    "another layer": (lambda model: setattr(model, "stem", copy.deepcopy(model.stem)), "head_replaced"),
    "a frozen weight": (lambda model: _move(model.stem.weight), "frozen_moved"),
    "a trainable weight": (lambda model: _move(model.fc.weight), "base_changed"),
    "a flag": (lambda model: model.stem.requires_grad_(True), "flags_changed"),
    "a statistic": (lambda model: _move(model.neck.running_mean), "base_changed"),
    "a mode": (lambda model: model.stem.train(), "mode_left"),
}


@pytest.mark.parametrize("title", HARM)
def test_every_difference_is_seen_and_named_by_the_first_reason_that_fits(title):
    model = head_only(Case())
    before = take_snapshot(model)
    assert intact("kept", before, model, *DIFFERENCES).passed
    harm, reason = HARM[title]
    harm(model)
    found = intact("kept", before, model, *reversed(DIFFERENCES))
    assert (found.aspect, found.passed, found.reason) == ("kept", False, reason)
    assert all((found.found, found.expected, found.likely)) and "{" not in found.found
    assert intact("kept", before, model, "model_changed").passed == (title == "a hook")


def test_what_is_free_or_another_aspects_may_change():
    model = head_only(Case())
    before = take_snapshot(model)
    _move(model.fc.weight)
    _move(model.blocks[0].norm.running_mean)
    model.stem.train()
    changes = changes_since(before, model)
    assert intact("kept", before, changes, "model_changed", free={"fc", "stem", "blocks.0.norm.running_mean"}).passed
    assert not intact("kept", before, changes, "model_changed", free={"f", "stem", "blocks.0"}).passed
    assert intact("kept", before, changes, "model_changed", apart=("parameters", "buffers", "modes")).passed
    assert intact("kept", before, changes, "frozen_moved").passed
    assert intact("kept", before, changes, "frozen_moved", frozen=["fc.weight"]).reason == "frozen_moved"


def test_an_exercise_may_say_more_than_the_table_and_moved_statistics_are_always_explained():
    model = head_only(Case())
    before = take_snapshot(model)
    _move(model.neck.running_mean)
    assert intact("kept", before, model, "statistics_moved", likely={"statistics_moved": "mine"}).likely == "mine"
    assert "train mode" in intact("kept", before, model, "model_changed").likely


def test_a_reason_that_is_not_in_the_table_is_no_reason():
    model = head_only(Case())
    with pytest.raises(ValueError):
        intact("kept", take_snapshot(model), model, "model_chnaged")
