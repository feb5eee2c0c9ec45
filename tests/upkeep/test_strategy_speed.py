"""Does the benchmark of training compare like with like?"""

import pytest
import torch

from helpers.course import machine
from helpers.training.phases import HEAD, Phase
from helpers.upkeep import strategy_run, strategy_speed
from helpers.upkeep.strategy_run import LIMIT, OURS, SAME, USUAL, Task
from helpers.upkeep.strategy_speed import Times

TASK = Task(USUAL, "efficientnet_lite0", 32, 32, 16)


@pytest.fixture
def few_epochs(monkeypatch, tmp_path):
    monkeypatch.setenv("FINETUNE_CACHE", str(tmp_path))
    monkeypatch.setattr(machine, "tune_allocator", lambda: True)
    monkeypatch.setattr(strategy_run, "PHASES", (Phase("head", 1, HEAD, 1e-3), Phase("fine-tune", 2, 2, 3e-4)))
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_in_one_layout_the_usual_loop_and_ours_end_in_the_same_weights(few_epochs):
    usual, same, cold, warm = (strategy_run.run(Task(way, *list(vars(TASK).values())[1:])) for way in (USUAL, SAME, OURS, OURS))
    assert usual["weights"] == same["weights"], "what is computed once changes no bit"
    assert cold["weights"] == warm["weights"], "nor does reading it from disk"
    assert abs(usual["val_accuracy"] - cold["val_accuracy"]) <= 1 / 6, "the layouts agree but for rounding: an image of six"


def test_a_limit_has_both_its_parts(few_epochs):
    found = strategy_run.run(Task(LIMIT, *list(vars(TASK).values())[1:]))
    assert found["front"] > 0 and found["tail"] > 0


def test_ratios_are_medians_of_rounds_and_an_unequal_run_is_not_hidden():
    large = Task(USUAL, "efficientnet_lite0", 224, 100, 32)
    entry = Times(large, [100.0, 90.0, 120.0], [10.0, 10.0, 10.0], [5.0, 5.0, 4.0], [8.0] * 3, [4.0] * 3, True, 0.0)
    assert entry.ratio("cold") == 10 and entry.ratio("warm") == 20
    assert entry.over_limit("cold") == 1.25 and entry.over_limit("warm") == 1.25
    said = strategy_speed.table([entry])
    assert "10.0 s = 10.0 x (9.0 to 12.0)" in said and "yes, to the last bit" in said
    other = Times(TASK, *[[1.0]] * 5, False, 0.0)
    assert "NO" in strategy_speed.table([other])
    found = strategy_speed.as_json([other, entry])
    assert (found["cold"], found["warm"], found["equal"]) == (10.0, 20.0, False)


def test_no_size_ends_in_a_batch_that_is_rounded_in_another_way():
    for images, batch_size in (*strategy_speed.SIZES.values(), *strategy_speed.QUICK.values()):
        assert images % batch_size == 0 or images % batch_size >= 16
