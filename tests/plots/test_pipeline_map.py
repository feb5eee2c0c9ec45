"""Does the map follow the learner's own model, cell by cell, and only where a page shows it?"""

from types import SimpleNamespace

import pytest
import torch
from bs4 import BeautifulSoup
from torch import nn

from helpers.course import live_view
from helpers.course.errors import CourseError
from helpers.models import backbones
from helpers.plots import pipeline_map as maps
from tests.support.drawn import COUNTS


@pytest.fixture(scope="module")
def resnet():
    return backbones.get("resnet50")


def small() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 2))


def block(html: str, name: str) -> str:
    return BeautifulSoup(html, "html.parser").select_one(f"button[data-opens='{name}']")["aria-label"]


def test_shows_the_architecture_at_a_stage_before_there_is_a_model(resnet):
    early, late = (maps.model_map(resnet, stage=stage) for stage in (1, 3))
    assert {n: (c.total, c.trainable) for n, c in late.counts.items()} == COUNTS
    assert block(late.html(live=True), "conv1") == "conv1, 9,408 parameters, frozen"
    assert block(late.html(live=True), "fc") == "fc, 20,490 parameters, trainable"
    assert block(early.html(live=True), "fc") == "fc, 2.0 M parameters, trainable"
    assert "layer4.2: 4.5 M parameters, frozen" in repr(late) and "<button" not in late.html()
    with pytest.raises(CourseError, match="no stage 7"):
        maps.model_map(resnet, stage=7)


def test_follows_flags_optimizer_weights_and_statistics(resnet):
    shown, model = maps.model_map(resnet, stage=4), small()
    names = {"model": model, "other": small()}
    assert shown.look(names) and shown.counts[4].total == 410 and not shown.look(names)
    model[0].requires_grad_(False)
    assert shown.look(names) and "0: 112 parameters, frozen" in shown.words() and "Your model" in shown.title
    optimizer = torch.optim.SGD([{"params": model[place].parameters()} for place in (1, 3)], lr=0.5)
    names["optimizer"] = optimizer
    names["foreign"] = torch.optim.SGD(names["other"].parameters(), lr=9.0)
    assert shown.look(names) and "group 2, rate 0.5" in shown.html(live=True) and "rate 9" not in shown.html(live=True)
    model(torch.randn(8, 3, 8, 8)).sum().backward()
    assert shown.look(names) and shown.changed == {"1"}, "BatchNorm's statistics alone"
    optimizer.step()
    assert shown.look(names) and shown.changed == {"1", "3"}
    assert block(shown.html(live=True), "3") == "3, 290 parameters, trainable, changed by the last cell"
    assert shown.look(names) and not shown.changed, "nothing moved in the cell after it"
    names["model"] = small()
    assert shown.look(names) and not shown.changed, "another model has not been changed"
    assert not shown.look({}) and not shown.look({"model": 3})


def test_is_redrawn_after_a_cell_where_a_page_shows_it_and_nowhere_else(resnet, monkeypatch):
    shell = SimpleNamespace(user_ns={}, events=SimpleNamespace(callbacks={"post_run_cell": []}))
    shell.events.register = lambda name, do: shell.events.callbacks[name].append(do)
    displayed = []
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    monkeypatch.setattr("IPython.display.display", lambda data, **_: displayed.append(data))
    monkeypatch.setattr(maps, "_shown", [])
    maps.model_map(resnet, stage=3)._ipython_display_()
    assert not shell.events.callbacks["post_run_cell"] and live_view.VIEW_MIME not in displayed[0]
    monkeypatch.setattr(live_view, "has_page", lambda: True)
    first, second = (maps.model_map(resnet, stage=3) for _ in range(2))
    first._ipython_display_()
    second._ipython_display_()
    [after_a_cell] = shell.events.callbacks["post_run_cell"]
    shell.user_ns["model"] = small()
    after_a_cell(None)
    assert "Your model" in second._view.widget.html and "Your model" not in first._view.widget.html
    turn = second._view.widget.turn
    after_a_cell(None)
    shell.user_ns["model"] = nn.Sequential(nn.LazyLinear(3))  # has no shapes yet, and says so by raising
    after_a_cell(None)
    assert second._view.widget.turn == turn, "nothing is new"
