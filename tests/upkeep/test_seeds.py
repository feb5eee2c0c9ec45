"""Does the study train each way as the lessons do, go on where its recording stops, and document what it found?"""

import json
from dataclasses import replace
from statistics import median

import pytest

from helpers.checks.bars import LAPTOP
from helpers.course import settings
from helpers.course.errors import CourseError
from helpers.models import backbones
from helpers.training import baselines, recipe
from helpers.upkeep import seed_tables, seeds
from helpers.upkeep.seeds import RATES, STUDIED, TITLES, WAYS, SeedRun, Study
from tests.support.small_backbone import small_course

RECORDED = seeds.load_study()
SOME = ("control", "fine_tuned", baselines.NEAREST)


@pytest.fixture
def course(monkeypatch, tmp_path):
    with small_course(num_train=40, num_val=30, num_test=30, batch_size=16, cache_folder=tmp_path) as course:
        monkeypatch.setattr(settings, "load", lambda: course)
        yield course


def told(seed: int, **accuracies: float) -> SeedRun:
    """A run with these accuracies on the test images, 0.01 more on validation."""
    curves = {key: [value] * 15 for key, value in accuracies.items() if key in ("two_blocks", "fine_tuned", "train_mode")}
    values = {key: {"val": value + 0.01, "test": value} for key, value in accuracies.items()}
    return SeedRun(seed, values, curves, dict.fromkeys(curves, 30.0))


PIXELS = {"nearest_neighbour": 0.8, "logistic_regression": 0.7, "svm": 0.9}


def test_is_every_way_trained_from_the_same_head_and_only_what_was_asked_for(course, monkeypatch, tmp_path):
    monkeypatch.setenv("FINETUNE_CACHE", str(tmp_path))
    run = seeds.run_seed(3, (*TITLES, *RATES, baselines.NEAREST))
    assert set(run.accuracies) == {*TITLES, *RATES, baselines.NEAREST} < set(WAYS)
    assert set(run.curves) == set(run.seconds) == {"two_blocks", "fine_tuned", "train_mode", *RATES}
    assert len(run.curves.pop("untrained")) == recipe.FINE_TUNE_EPOCHS, "without the head's own epochs"
    assert all(0 <= value <= 1 for found in run.accuracies.values() for value in found.values())
    starts = {tuple(curve[: recipe.HEAD_EPOCHS]) for curve in run.curves.values()}
    assert len(starts) == 1 and {len(curve) for curve in run.curves.values()} == {recipe.NUM_EPOCHS}
    own = recipe.course_run(replace(course, seed=3), progress=False).history
    assert run.curves["fine_tuned"] == pytest.approx([record["val_accuracy"] for record in own])
    assert set(seeds.run_seed(3, [baselines.NEAREST]).accuracies) == {"head", baselines.NEAREST}


def test_does_each_way_of_fine_tuning_differ_from_the_recipe_in_one_thing():
    _, own = recipe.phases(backbones.get("efficientnet_lite0"))
    ways = {key: str(phase).removeprefix("10 epochs: ") for key, phase in seeds.fine_tunings(own).items()}
    assert ways.pop("two_blocks") == "head and last 2 blocks at 0.0001"
    assert {ways.pop(key) for key in ("fine_tuned", "train_mode", "untrained")} == {"head and last 5 blocks at 0.0003"}
    assert ways == {"two_rates": "head and last 5 blocks at 0.001, blocks 0.0003", "one_fast": "head and last 5 blocks at 0.001"}


def test_does_the_study_go_on_where_it_stopped(course, monkeypatch, tmp_path, capsys):
    asked, path = [], tmp_path / "seeds.json"
    monkeypatch.setattr(
        seeds, "run_seed", lambda seed, ways: asked.append((seed, tuple(ways))) or told(seed, **dict.fromkeys(ways, 0.5))
    )
    found = seeds.complete(Study.empty(), (0, 1), SOME, path)
    assert asked == [(0, SOME), (1, SOME)] and seeds.load_study(path) == found and "seed 1" in capsys.readouterr().err
    found = seeds.complete(seeds.load_study(path), (0, 1, 2), (*SOME, "svm"), path)
    assert asked[2:] == [(0, ("svm",)), (1, ("svm",)), (2, (*SOME, "svm"))]
    assert [run.seed for run in found.runs] == [0, 1, 2] and all(run.has(*SOME, "svm") for run in found.runs)


def test_is_an_unknown_way_refused_before_anything_is_trained(tmp_path):
    with pytest.raises(CourseError, match="no way 'fine_tune': write some of nearest_neighbour"):
        seeds.complete(Study.empty(), (0,), ("fine_tune",), tmp_path / "seeds.json")


@pytest.mark.parametrize("content", ["", "[]", '{"runs": [{}]}'])
def test_is_a_file_without_a_study_refused(content, tmp_path):
    path = tmp_path / "seeds.json"
    path.write_text(content)
    with pytest.raises(CourseError, match="holds no study"):
        seeds.load_study(path)


def test_do_the_tables_count_what_was_measured_and_pair_what_is_compared():
    runs = (told(0, **PIXELS, head=0.8, fine_tuned=0.95), told(1, **PIXELS, head=0.9, fine_tuned=0.88, train_mode=0.9))
    leads = seed_tables.lead_table(runs).splitlines()
    assert "| the best of the three on pixels | test | +0.015 | -0.020 | +0.050 | 1 of 2 seeds |" in leads
    assert f"| {TITLES['train_mode']} | test | -0.020 | -0.020 | -0.020 | 0 of 1 seeds |" in leads
    assert not any(TITLES["control"] in row for row in leads)
    assert "| SVM on pixels | validation | 0.910 | 0.910 | 0.910 | 2 |" in seed_tables.accuracy_table(runs)
    assert seed_tables.seed_table(runs).splitlines()[2:] == [
        "| 0 | 0.900 | 0.800 | - | - | 0.950 | - |",
        "| 1 | 0.900 | 0.900 | - | - | 0.880 | 0.900 |",
    ]
    assert len(seed_tables.curve_table(runs).splitlines()) == 4 and len(seed_tables.SHORT) == len(TITLES)


def test_does_the_table_of_rates_pair_the_seeds_that_have_all_of_them():
    both = dict.fromkeys(RATES, 0.9)
    runs = (told(0, fine_tuned=0.8, **both), told(1, fine_tuned=0.7), told(2, fine_tuned=0.6, **both | {"untrained": 0.5}))
    assert seed_tables.rate_table(runs).splitlines()[2:] == [
        "| 0 | 0.800 | 0.900 | 0.900 | 0.900 |",
        "| 2 | 0.600 | 0.900 | 0.900 | 0.500 |",
        "| median | 0.700 | 0.900 | 0.900 | 0.700 |",
    ]
    assert len(seed_tables.rate_table(runs[1:2]).splitlines()) == 2 and not set(RATES) & set(STUDIED)


def test_is_the_recorded_study_todays_recipes():
    own = recipe.phases(backbones.get("efficientnet_lite0"))
    assert RECORDED.recipe == tuple(map(str, own)) and json.dumps(RECORDED.machine).count("torch") == 1


def test_does_the_page_say_in_words_what_the_tables_say():
    """The sentences under "What it says" and "The bars": the recipe leads with every seed, and by how much."""
    page = " ".join((settings.root() / "docs" / "training-results.md").read_text(encoding="utf-8").split())
    for over, place in (("baselines", "best of the three on pixels"), ("control", "head alone for as many epochs")):
        leads = [100 * run.lead("test", over) for run in RECORDED.runs if run.has(over, "fine_tuned")]
        assert min(leads) > 0 and f"{place}, by {min(leads):.1f} points or more (median {median(leads):.1f})" in page
    both = [run for run in RECORDED.runs if run.has("two_blocks", "baselines")]
    ahead = sum(run.accuracies["two_blocks"]["test"] > run.best_baseline("test") for run in both)
    assert f"they beat the best on pixels with {ahead} of {len(both)} seeds" in page
    for key in ("two_blocks", "fine_tuned"):
        worst = min(value for run in RECORDED.runs if run.has(key) for value in run.accuracies[key].values())
        assert f"{worst:.3f} |" in page


def test_does_the_page_say_of_one_rate_and_two_what_was_recorded():
    page = " ".join((settings.root() / "docs" / "training-results.md").read_text(encoding="utf-8").split())
    both = [run for run in RECORDED.runs if run.has("fine_tuned", *RATES)]
    said = {
        "two_rates": "Two rates are better than one with {} of {} seeds and worse with {}",
        "one_fast": "1e-3 for all is better with {} and worse with {}",
        "untrained": "A head that was not trained before is better with {} and worse with {}",
    }
    assert len(both) >= 5
    for key, words in said.items():
        leads = [round(-100 * run.lead("test", key), 3) for run in both]
        counts = [sum(lead > 0 for lead in leads), sum(lead < 0 for lead in leads)]
        counts[1:1] = [len(both)] if key == "two_rates" else []
        how_far = f" (median {median(leads) + 0.0:+.1f} points, {min(leads):+.1f} to {max(leads):+.1f})"
        assert words.format(*counts) + how_far in page
    falls = [run.curves["one_fast"][recipe.HEAD_EPOCHS] for run in both]
    assert f"falls to validation accuracies of {min(falls):.2f} to {max(falls):.2f}" in page


@pytest.mark.parametrize("split", seeds.MEASURED)
def test_do_marks_ask_for_less_than_any_seed_reached(split):
    """Correct work never fails by luck: neither the recipe's, nor two blocks at the cautious rate."""
    for run in RECORDED.runs:
        found = {key: values[split] for key, values in run.accuracies.items()}
        assert found["head"] >= LAPTOP.head + 0.03
        for way in {"fine_tuned", "two_blocks"} & found.keys():
            assert found[way] >= LAPTOP.fine_tuned + 0.03 and found[way] - found["head"] >= LAPTOP.gain + 0.015
