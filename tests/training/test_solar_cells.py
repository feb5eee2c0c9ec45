"""Does the record on solar cells hold what its command measures, and say what it shows?"""

import json
import sys

import pytest

from helpers.course.errors import CourseError
from helpers.training import solar_cells
from helpers.training.solar_cells import RECORDED, SETTINGS, TITLES, Measured


def test_the_record_holds_the_ways_in_order_under_these_settings():
    found, kept = solar_cells.recorded(), json.loads(RECORDED.read_text(encoding="utf-8"))
    seeds = sorted({one.seed for one in found})
    told = [(one.seed, one.way) for one in found]
    assert told == [pair for seed in seeds for way in TITLES if (pair := (seed, way)) in told]
    assert sum((seed, way) in told for seed in seeds for way in TITLES) >= 2 * len(TITLES)
    assert kept["settings"] == SETTINGS and kept["command"] == f"python -m helpers race --solar-cells --seeds {len(seeds)}"
    assert seeds == list(range(len(seeds))) and len(seeds) >= 2
    assert all(300 * one.accuracy == pytest.approx(round(300 * one.accuracy), abs=1e-3) for one in found), "shares of 300 images"


def test_fine_tuning_adds_little_to_what_the_head_has_at_once():
    """What lesson 06 says of this set, by the record; on digits fine-tuning adds far more."""
    of = {(one.way, one.seed): one.accuracy for one in solar_cells.recorded()}
    for seed in {seed for _, seed in of}:
        tuned = [of[way, seed] for way in ("blocks_2", "stages_2", "stages_2_fast") if (way, seed) in of]
        gains = [accuracy - of["head_15", seed] for accuracy in tuned]
        assert max(map(abs, gains)) <= 0.05


def test_the_table_has_a_row_for_each_way_and_the_median():
    found = [Measured("svm", 0, 0.5, 1.0), Measured("head_5", 0, 0.7, 1.0), Measured("svm", 1, 0.6, 1.0)]
    assert solar_cells.table(found).splitlines() == [
        "| test accuracy | seed 0 | seed 1 | median |",
        "|:---|---:|---:|---:|",
        "| SVM on pixels, no network | 0.500 | 0.600 | 0.550 |",
        "| head alone, 5 epochs | 0.700 |  | 0.700 |",
    ]


def test_what_is_saved_is_read_again(tmp_path):
    found = (Measured("svm", 0, 0.123457, 1.0), Measured("head_5", 0, 0.7, 1.25))
    solar_cells.save(found, tmp_path / "kept.json")
    assert solar_cells.recorded(tmp_path / "kept.json") == found


@pytest.mark.parametrize("content", ["", "{}", '{"measured": [{"way": "svm"}]}'])
def test_a_file_that_holds_something_else_is_refused(content, tmp_path):
    (tmp_path / "kept.json").write_text(content, encoding="utf-8")
    with pytest.raises(CourseError, match="put the original file back"):
        solar_cells.recorded(tmp_path / "kept.json")


def test_every_way_is_run_on_the_cells(monkeypatch, solar_package):
    """On a handful of stand-in images: one epoch each, and the smallest size."""
    few = {"image_size": 32, "num_train": 16, "num_val": 8, "num_test": 8, "batch_size": 8}
    monkeypatch.setattr(solar_cells, "SETTINGS", SETTINGS | few)
    monkeypatch.setattr(solar_cells, "STRATEGIES", solar_cells.STRATEGIES[:1])
    found = list(solar_cells.measure([3]))
    assert [(one.way, one.seed) for one in found] == [("svm", 3), ("head_5", 3)]
    assert all(0 <= one.accuracy <= 1 and one.seconds > 0 for one in found) and "sklearn.svm" in sys.modules
