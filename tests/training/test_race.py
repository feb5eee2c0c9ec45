"""Is a race fair, told in tables, and is the recorded one there, whole, and of the contestants that the lab shows?"""

import json
from dataclasses import asdict, replace
from statistics import median

import pytest

from helpers.course import live_view
from helpers.course.errors import CourseError
from helpers.training import race, recordings
from helpers.training.history import KEYS
from helpers.training.phases import HEAD, Phase
from helpers.training.strategies import CONTESTANTS, ON_PIXELS, Strategy
from tests.answers.compare_strategies import RIGHT
from tests.support.small_backbone import small_course

compare = RIGHT["two dicts"]
RECORDED = race.load_race()


@pytest.fixture(scope="module")
def course():
    with small_course(num_train=30, num_val=20, num_test=20, batch_size=16) as course:
        yield course


def short(key, lr=0.01):
    return Strategy(key, key, (Phase("head", 2, HEAD, lr),))


@pytest.fixture(scope="module")
def outcomes(course):
    return race.race([short("slow", 1e-6), short("fast")], seeds=(3, 1), course=course)


def test_does_everyone_run_with_every_seed_on_the_same_start(outcomes, course):
    assert [(o.strategy, o.seed) for o in outcomes] == [("slow", 3), ("fast", 3), ("slow", 1), ("fast", 1)]
    [alone] = race.race([short("fast")], seeds=(1,), course=course)
    assert alone.history[-1]["val_loss"] == outcomes[3].history[-1]["val_loss"], "who runs before changes nothing"
    twins = race.race([short("one"), short("two")], course=course)
    assert twins[0].history[-1]["train_loss"] == twins[1].history[-1]["train_loss"]


def test_can_contestants_be_named_and_are_unknown_ones_refused(course, capsys):
    [outcome] = race.race(["head_only"], course=course, progress=True)
    assert outcome.strategy == "head_only" and outcome.history[0]["lr"] == CONTESTANTS["head_only"].phases[0].lr
    assert capsys.readouterr().out.startswith("seed 0, head only: ")
    with pytest.raises(CourseError, match=r"no contestant .best.: write one of head_only, head_then_blocks"):
        race.race(["best"], course=course)


def test_is_a_race_the_same_after_saving_but_for_rounding(outcomes, tmp_path):
    path = tmp_path / "race.json"
    contestants = tuple(asdict(short(key)) for key in ("slow", "fast"))
    race.Race({"image_size": 32}, {"torch": "2"}, contestants, tuple(outcomes)).save(path)
    again = race.load_race(path)
    assert (again.settings, again.machine, again.seeds) == ({"image_size": 32}, {"torch": "2"}, (1, 3))
    for before, after in zip(outcomes, again.outcomes, strict=True):
        assert after.summary() == pytest.approx(before.summary(), abs=1e-6) or after.summary()["strategy"] == before.strategy
        assert [r["val_loss"] for r in after.history] == pytest.approx([r["val_loss"] for r in before.history], abs=1e-6)
        assert after.history.phase_starts == before.history.phase_starts and "seconds" not in after.history[0]
    again.save(path)
    assert race.load_race(path) == again


def test_is_each_epoch_seen_while_the_race_is_on(course, monkeypatch):
    drawn = []
    handle = type("Handle", (), {"update": lambda self, bundle, raw: None})
    monkeypatch.setattr(live_view, "has_page", lambda: True)
    monkeypatch.setattr(live_view.LiveView, "show", lambda self, plain, words: handle())
    monkeypatch.setattr(live_view.LiveView, "draw", lambda self, html, said="": drawn.append(html))
    [outcome] = race.race([short("fast")], course=course, progress=True)
    epochs = len(outcome.history)
    seen = [number for html in drawn for number in range(1, epochs + 1) if f">epoch {number} of {epochs}<" in html]
    assert seen == list(range(1, epochs + 1)) and f">{outcome.accuracy:.3f}<" in drawn[-1]


def test_can_some_be_raced_alone_and_put_into_the_recorded_race(course, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(race, "RECORDED", tmp_path / "race.json")
    monkeypatch.setattr(race.Race.save, "__defaults__", (race.RECORDED,))
    monkeypatch.setattr(race.load_race, "__defaults__", (race.RECORDED,))
    monkeypatch.setattr(race, "SETTINGS", {key: getattr(course, key) for key in race.SETTINGS})
    Race = race.Race
    old = {"key": "head_only", "title": "as it was"}
    runs = tuple(o for o in RECORDED.outcomes if o.strategy == "head_only")
    here = race.SETTINGS, recordings.machine()
    for settings, machine in ((RECORDED.settings, here[1]), (here[0], {"threads": 9})):
        Race(settings, machine, (old,), runs).save()
        with pytest.raises(CourseError, match=r"had other images or another machine .*: leave out --only"):
            race.main(2, ["svm"])
    Race(*here, (old,), runs).save()
    race.main(2, ["svm"])
    found = race.load_race()
    assert [(o.strategy, o.seed) for o in found.outcomes] == [("head_only", n) for n in range(5)] + [("svm", 0), ("svm", 1)]
    assert [entry["key"] for entry in found.contestants] == ["head_only", "svm"] and found.contestants[0] == old
    assert "SVM on pixels" in capsys.readouterr().out


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"settings": {}, "outcomes": [{}]}'])
def test_is_a_file_without_a_race_refused(content, tmp_path):
    path = tmp_path / "race.json"
    path.write_text(content)
    with pytest.raises(CourseError, match="holds no race"):
        race.load_race(path)
    with pytest.raises(CourseError, match="holds no race"):
        race.load_race(tmp_path / "none.json")


def told(strategy, seed, accuracy):
    [outcome, *_] = RECORDED.outcomes
    return replace(outcome, strategy=strategy, seed=seed, accuracy=accuracy, seconds=2.0 + seed)


ACCURACIES = {"a": (0.80, 0.81, 0.82), "b": (0.78, 0.79, 0.80), "c": (0.70, 0.82, 0.83)}
RUNS = [told(key, seed, accuracy) for key, found in ACCURACIES.items() for seed, accuracy in enumerate(found)]


def test_are_tables_in_the_order_of_the_medians_with_titles_where_there_are_any():
    assert race.ranking(RUNS) == ["c", "a", "b"]
    rows = race.table([*RUNS, told("gradual", 0, 0.5)]).splitlines()
    assert [row.split(" | ")[0].strip("| ") for row in rows[2:]] == ["c", "a", "b", "head then one more block each epoch"]
    assert rows[3] == "| a | 0.810 | 0.800 | 0.820 | 3.0 | 12,810 |"


def test_does_the_table_of_pairs_say_what_the_comparison_concluded():
    rows = race.pairs_table(RUNS, compare).splitlines()[2:]
    assert rows == ["| 1. c | · |  |  |", "| 2. a |  | · | + |", "| 3. b |  | - | · |"]
    assert race.pairs_table(RUNS, lambda *_: None).splitlines()[2] == "| 1. c | · | ? | ? |"


def test_has_every_contestant_run_with_each_of_five_seeds():
    assert RECORDED.seeds == (0, 1, 2, 3, 4)
    assert {(o.strategy, o.seed) for o in RECORDED.outcomes} == {(key, seed) for key in race.EVERYONE for seed in range(5)}
    assert len(RECORDED.outcomes) == 5 * len(race.EVERYONE)


def test_was_it_run_with_todays_contestants_and_settings():
    """Whoever changes a contestant has to race again: `python -m helpers race`."""
    recorded = {entry["key"]: entry for entry in RECORDED.contestants}
    assert [recorded[key] for key in race.EVERYONE] == json.loads(json.dumps([asdict(entry) for entry in race.EVERYONE.values()]))
    assert RECORDED.settings == race.SETTINGS
    assert {"processor", "threads", "torch", "python"} == set(RECORDED.machine) and RECORDED.machine["threads"] == 1


def test_are_its_outcomes_whole_and_possible():
    for outcome in RECORDED.outcomes:
        if outcome.strategy in ON_PIXELS:
            assert not outcome.history and not outcome.trainable and 0.5 < outcome.val_accuracy < 1
            continue
        phases = CONTESTANTS[outcome.strategy].phases
        assert outcome.val_accuracy == outcome.history.best["val_accuracy"]
        assert [record["epoch"] for record in outcome.history] == list(range(1, 11))
        assert [r["phase"] for r in outcome.history] == [phase.name for phase in phases for _ in range(phase.num_epochs)]
        assert set(outcome.history[0]) == {*KEYS, "phase"}
        assert outcome.majority == pytest.approx(0.1) and 0.1 < outcome.accuracy < 1 and outcome.seconds > 0


def test_were_as_many_parameters_trained_as_the_architecture_has():
    trained = {outcome.strategy: outcome.trainable for outcome in RECORDED.outcomes}
    assert {trained[key] for key in ("all_at_once", "from_scratch", "discriminative")} == {3_383_818}
    assert (trained["head_only"], trained["first_frozen"]) == (12_810, 3_383_818 - 32 * 3 * 3 * 3)
    assert trained["head_then_blocks"] == trained["found_rate"] == 1_506_570 < trained["gradual"] < 3_383_818


def test_is_what_lesson_10_and_its_page_say_of_the_race_what_was_recorded():
    """Who races again has to read both once more, and this test says what they claim."""
    found = {(o.strategy, o.seed): o.accuracy for o in RECORDED.outcomes}
    cost = {key: median(o.seconds for o in RECORDED.outcomes if o.strategy == key) for key in race.EVERYONE}

    def won(first, second):
        return sum(found[first, seed] > found[second, seed] for seed in RECORDED.seeds)

    reaches_all, few = ("first_frozen", "all_at_once", "discriminative"), ("head_then_stages", "head_only", "head_then_blocks")
    assert race.ranking(RECORDED.outcomes)[:5] == ["first_frozen", "all_at_once", "svm", "discriminative", "head_then_stages"]
    assert race.ranking(RECORDED.outcomes)[-1] == "from_scratch"
    assert all(won(high, low) == 5 for high in reaches_all for low in (*few, "gradual", "found_rate"))
    assert [won(key, "svm") for key in reaches_all[:2]] == [5, 5] and 0 < won("discriminative", "svm") < 5
    assert [won("svm", key) for key in ("head_only", "head_then_blocks", "gradual", "found_rate")] == 4 * [5]
    assert won("svm", "head_then_stages") == 4 and won("head_then_stages", "svm") == 1
    assert won("head_then_stages", "head_only") == 5 > won("head_then_blocks", "head_only")
    assert 25 < cost["all_at_once"] / cost["head_only"] < 40 and 8 < cost["all_at_once"] / cost["head_then_blocks"] < 10.5
    starts = [o.history[0]["val_accuracy"] for o in RECORDED.outcomes if o.strategy == "all_at_once"]
    assert round(min(starts), 2) == 0.21


def test_have_contestants_that_begin_alike_the_same_first_epochs():
    """Paired for real: with one seed the heads of all head-first strategies with one rate learn the very same."""
    for seed in RECORDED.seeds:
        starts: dict[float, set] = {}
        for outcome in (outcome for outcome in RECORDED.outcomes if outcome.history):
            first = CONTESTANTS[outcome.strategy].phases[0]
            if outcome.seed == seed and first.released == HEAD:
                starts.setdefault(first.lr, set()).add(tuple(record["val_loss"] for record in outcome.history[:5]))
        assert starts and all(max(curves)[0] - min(curves)[0] < 1e-4 for curves in starts.values())
