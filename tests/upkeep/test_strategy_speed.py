"""Does the benchmark of training compare like with like, and does it say what it has found?"""

import importlib.util
import json
from dataclasses import replace

import pytest
import torch

from helpers.course import machine
from helpers.course.errors import CourseError
from helpers.training import frozen_part, loop
from helpers.training.phases import HEAD, Phase
from helpers.upkeep import other_caches, strategy_page, strategy_run, strategy_speed
from helpers.upkeep.strategy_run import LIMIT, OURS, SAME, USUAL, Task
from helpers.upkeep.strategy_speed import Times

TASK = Task(USUAL, "efficientnet_lite0", 32, 32, 16, epochs=(1, 2))
LARGE = Times(
    task=Task(USUAL, "efficientnet_lite0", 224, 100, 32),
    usual=[100.0, 90.0, 120.0],
    cold=[10.0, 10.0, 10.0],
    warm=[5.0, 5.0, 4.0],
    limit_cold=[8.0] * 3,
    limit_warm=[4.0] * 3,
    equal=True,
    gap=0.0,
    packages={
        "torchcache": {"cold": [20.0] * 3, "warm": [10.0] * 3, "equal": False},
        "torch-module-cache": {"failed": "AttributeError"},
    },
    ways={"folded": {"cold": [9.0] * 3, "off": 2e-6, "gap": 0.0}, "bfloat16": {"failed": "no bfloat16"}},
)
SECONDS = {"cold": 25.0, "warm": 20.0, "limit_cold": 24.0, "limit_warm": 19.0}
TEN_TIMES = {name: 10 * seconds for name, seconds in SECONDS.items()}
GROWTH = [
    {"images": 5000, "usual": 250.0, **SECONDS, "disk_mb": 40, "memory_mb": 500},
    {"images": 50000, "usual": None, **TEN_TIMES, "disk_mb": 400, "memory_mb": 510},
]


@pytest.fixture
def here(monkeypatch, tmp_path):
    """What a process of its own would have: one thread, a cache folder, an allocator that stays as it is."""
    monkeypatch.setenv("FINETUNE_CACHE", str(tmp_path))
    monkeypatch.setattr(machine, "tune_allocator", lambda: True)
    monkeypatch.setattr(loop, "CheapGradients", loop.CheapGradients)  # the usual loop puts something else there
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_in_one_layout_the_usual_loop_and_ours_end_in_the_same_weights(here):
    usual, same, cold, warm = (strategy_run.run(replace(TASK, way=way)) for way in (USUAL, SAME, OURS, OURS))
    assert usual["weights"] == same["weights"], "what is computed once changes no bit"
    assert cold["weights"] == warm["weights"], "nor does reading it from disk"
    assert abs(usual["val_accuracy"] - cold["val_accuracy"]) <= 1 / 6, "the layouts agree but for rounding: an image of six"
    assert len(cold["epochs"]) == 3 and sum(cold["epochs"]) <= cold["cpu"] and cold["disk_mb"] > 0 and cold["off"] == 0


def test_a_limit_has_both_its_parts(here, monkeypatch):
    monkeypatch.setattr(strategy_run, "PHASES", (Phase("head", 1, HEAD, 1e-3), Phase("fine-tune", 2, 2, 3e-4)))
    found = strategy_run.run(replace(TASK, way=LIMIT))
    assert found["front"] > 0 and found["tail"] > 0


@pytest.mark.parametrize("package", other_caches.PACKAGES)
def test_a_package_learns_from_the_same_batches(here, package):
    if package in other_caches.missing():
        pytest.skip(f"{package} is not installed, and need not be")
    ours, cold, warm = (strategy_run.run(replace(TASK, way=way)) for way in (OURS, package, package))
    assert ours["weights"] == cold["weights"] == warm["weights"]


def test_ratios_are_medians_of_rounds_and_an_unequal_run_is_not_hidden():
    assert LARGE.ratio("cold") == 10 and LARGE.ratio("warm") == 20
    assert LARGE.over_limit("cold") == 1.25 and LARGE.over_limit("warm") == 1.25
    said = strategy_page.strategy([LARGE])
    assert "10.0 s = 10.0 × (9.0 to 12.0)" in said and "yes, to the last bit" in said and "100 images at 224 px, batch 32" in said
    other = Times(TASK, *[[1.0]] * 5, False, 0.0)
    assert "NO" in strategy_page.strategy([other])
    found = strategy_page.content([other, LARGE], [], "none")
    assert (found["cold"], found["warm"], found["equal"]) == (10.0, 20.0, False)


def test_packages_and_ways_stand_beside_the_course_with_what_went_wrong():
    said = strategy_page.packages([LARGE])
    assert "| the course | 10.0 s = 10.0 ×" in said and "| torchcache | 20.0 s = 5.0 × (4.5 to 6.0)" in said and "| NO |" in said
    assert "did not run: AttributeError" in said and "pip install" not in said
    assert strategy_page.packages([replace(LARGE, packages={})]).endswith("`pip install torchcache torch-module-cache`.")
    said = strategy_page.ways([LARGE])
    assert "| folded | 9.0 s = 11.1 × (10.0 to 13.3) | 2e-06 | 0.000 |" in said and "no bfloat16" in said


def test_growth_says_what_was_measured_and_what_was_reckoned():
    rows = strategy_page.growth(GROWTH).splitlines()
    assert rows[2] == "| 5,000 | 4 min | 25 s | 20 s | 24 s | 5.0 ms | 40 MB | 500 MB |"
    assert rows[3].startswith("| 50,000 | about 42 min | 4 min |") and "| 400 MB | 510 MB |" in rows[3]
    assert rows[4].startswith("| 1,281,167 | about 18 h | about 107 min |") and "about 10.2 GB" in rows[4]


def test_all_tables_are_made_from_the_json():
    found = json.loads(json.dumps(strategy_page.content([LARGE], GROWTH, "No GPU.")))
    tables = strategy_page.tables(found, "2 cores")
    assert tables["strategy"] == strategy_page.strategy([LARGE]) and tables["growth"] == strategy_page.growth(GROWTH)
    assert set(tables) == {"strategy", "packages", "ways", "growth", "gpu", "machine"}


def test_rounds_are_joined_and_one_failure_is_a_failure(monkeypatch):
    weights = {"cold": "a", "warm": "a"}

    def run_one(task, way, cache):
        if way == "torchcache":
            raise CourseError(f"The run {{}} {strategy_speed.STOPPED} AttributeError: no such thing")
        found = {"cpu": 2.0, "weights": weights["cold"], "val_accuracy": 0.5, "front": 1.0, "tail": 1.0, "off": 0.01}
        return found if way != USUAL else {**found, "cpu": 20.0, "val_accuracy": 0.75}

    monkeypatch.setattr(strategy_speed, "run_one", run_one)
    monkeypatch.setattr(other_caches, "missing", list)
    monkeypatch.setattr(frozen_part, "has_bfloat16", lambda: False)
    found = strategy_speed.measure(TASK, 2, others=True)
    assert found.usual == [20.0, 20.0] and found.ratio("cold") == 10 and found.gap == 0.25
    assert found.packages["torchcache"] == {"failed": "AttributeError: no such thing"}
    assert found.packages["torch-module-cache"] == {"cold": [2.0, 2.0], "warm": [2.0, 2.0], "equal": True}
    assert found.ways["folded"] == {"cold": [2.0, 2.0], "off": 0.01, "gap": 0.25} and "failed" in found.ways["bfloat16"]


def test_a_run_that_stops_says_why(tmp_path):
    with pytest.raises(CourseError, match=r"stopped: .*CourseError: There is no backbone 'alexnet'"):
        strategy_speed.run_one(replace(TASK, backbone="alexnet"), OURS, str(tmp_path))


def test_growth_runs_the_usual_loop_only_where_that_ends(monkeypatch):
    asked = []

    def run_one(task, way, cache):
        asked.append((task.images, way))
        return {"cpu": 3.0, "epochs": [1.0, 2.0], "front": 1.0, "tail": 4.0, "disk_mb": 7.0, "memory_mb": 9.0}

    monkeypatch.setattr(strategy_speed, "run_one", run_one)
    few, many = strategy_speed.grow(TASK, (10, 10_000))
    assert (10, USUAL) in asked and (10_000, USUAL) not in asked and many["usual"] is None
    assert few["usual"] == 5 * 1.0 + 10 * 2.0 and few["cold"] == 3.0 + 4 * 1.0 + 9 * 2.0 and few["limit_cold"] == 5.0


def test_what_is_not_installed_is_left_out(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert other_caches.missing() == list(other_caches.PACKAGES)


def test_where_no_gpu_is_that_is_said(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "no GPU" in strategy_speed.gpu()


def test_more_images_than_there_are_digits_are_shifted_ones():
    digits = strategy_run._digits(5000)
    assert len(digits) == 10_000 and len(digits.labels) == 10_000 and len(strategy_run._digits(500)) == 5000
    first, again = (digits.images.array[index] for index in (0, 5000))
    assert (first != again).any() and sorted(first.ravel()) == sorted(again.ravel())


def test_no_size_ends_in_a_batch_that_is_rounded_in_another_way():
    for task in (*strategy_speed.TASKS, *strategy_speed.QUICK):
        assert task.images % task.batch_size == 0 or task.images % task.batch_size >= 16
