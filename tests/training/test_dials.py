"""Are augmented images new each time, is a way run whole, and is what the page says of the dials what was recorded?"""

import json
from dataclasses import replace
from statistics import median

import pytest
import torch

from helpers.course import settings
from helpers.course.errors import CourseError
from helpers.data.splits import course_splits
from helpers.models import backbones
from helpers.training import dials, features, race
from helpers.training.strategies import prepare


@pytest.fixture
def few(course_folder):
    """The race's course with a handful of small images."""
    sizes = {"image_size": 32, "num_train": 20, "num_val": 10, "num_test": 10, "batch_size": 8}
    return replace(settings.load(), **(race.SETTINGS | sizes))


def test_an_image_is_another_one_each_time_and_a_run_can_be_made_again(few):
    images, transform = course_splits(few).train, backbones.get(few.backbone).transform(32)
    first, again, other = (dials.FreshShots(images, transform, seed) for seed in (0, 0, 1))
    seen = [first[3][0] for _ in range(3)]
    assert all(torch.equal(image, again[3][0]) for image in seen) and first[3][1] == int(images.labels[3])
    assert len({image.numpy().tobytes() for image in (*seen, other[3][0])}) == 4


def test_what_is_new_in_each_epoch_cannot_be_computed_once(few):
    backbone = backbones.get(few.backbone)
    front, _ = features.split_model(backbone, backbone.build(10, True, 0).requires_grad_(False).eval(), 0)
    fresh = dials.FreshShots(course_splits(few).train, backbone.transform(32), 0)
    with pytest.raises(CourseError, match="no fingerprint"):
        features.compute_once(front, fresh, progress=False)


def test_the_rate_warms_up_and_then_only_falls():
    assert dials.SCHEDULE[0] < 0.5 and dials.SCHEDULE[1] == 1
    assert list(dials.SCHEDULE[1:]) == sorted(dials.SCHEDULE[1:], reverse=True) and len(dials.SCHEDULE) == 10


def test_every_dial_is_turned(few, monkeypatch):
    turned, made = [], torch.optim.AdamW
    monkeypatch.setattr(torch.optim, "AdamW", lambda groups, weight_decay: turned.append(weight_decay) or made(
        groups, weight_decay=weight_decay))  # fmt: skip
    monkeypatch.setattr(dials, "fit", lambda part, train, *_, scheduler, **__: turned.append(
        (type(train.dataset).__name__, scheduler.get_last_lr()[0])))  # fmt: skip
    sets = prepare(few)
    found = [dials.run(way, sets, few) for way in dials.WAYS]
    kinds, rates = zip(*turned[1::2], strict=True)
    assert turned[::2] == [0, dials.WEIGHT_DECAY, 0, 0] and kinds == (*3 * ("TensorDataset",), "FreshShots")
    assert rates == pytest.approx([3e-4, 3e-4, 3e-4 * dials.SCHEDULE[0], 3e-4])
    assert [one.way for one in found] == [*dials.TITLES] and all(0 <= one.accuracy <= 1 for one in found)


def test_what_the_page_says_of_the_dials_is_what_was_recorded():
    found, kept = dials.recorded(), json.loads(dials.RECORDED.read_text(encoding="utf-8"))
    assert kept["settings"] == race.SETTINGS and kept["command"] == dials.COMMAND.format(5)
    of = {(one.way, one.seed): one for one in found}
    assert [*of] == [(way, seed) for seed in range(5) for way in dials.TITLES]
    for way in [*dials.TITLES][1:]:
        leads = [of[way, seed].accuracy - of["recipe", seed].accuracy for seed in range(5)]
        assert min(leads) < 0 < max(leads), way
    cost = {way: median(one.seconds for one in found if one.way == way) for way in dials.TITLES}
    assert cost["augment"] / cost["recipe"] == pytest.approx(1.6, abs=0.05)


def test_the_table_has_the_seconds_as_well():
    rows = dials.table(dials.recorded()).splitlines()
    assert rows[0].endswith("| median | CPU seconds, median |") and len(rows) == 2 + len(dials.WAYS)
    assert {row.count("|") for row in rows} == {9}
