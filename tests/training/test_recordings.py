"""Are the recorded histories what the course's loop gives, and enough to tell every misreading from the truth?"""

import json
from dataclasses import replace
from itertools import combinations

import pytest

from helpers.__main__ import main
from helpers.checks.read_traces.misreadings import MISREADINGS, RISE, TRUTH, fair, falls, gap, overfits, told_apart
from helpers.checks.read_traces.traces import RUNS as SHOWN
from helpers.checks.read_traces.traces import Traces
from helpers.course.errors import CourseError
from helpers.grading.hidden import problems
from helpers.training import recordings
from helpers.training.history import KEYS, History
from helpers.training.phases import HEAD, Phase
from helpers.training.recordings import HIDDEN, VISIBLE, Recording, load, make, remake

RUNS = [(path, name) for path in (VISIBLE, HIDDEN) for name in load(path)]
EVERY_PAIR = {(key, *pair) for key, misread in MISREADINGS.items() for pair in combinations(["truth", *misread], 2)}


def flat(lrs, train=None, val=None, accuracy=None) -> list[dict]:
    """A history with these rates; losses fall and accuracies rise unless given."""
    count = len(lrs)
    train, val = train or [1 / (n + 1) for n in range(count)], val or [2 / (n + 1) for n in range(count)]
    accuracy = accuracy or [n / count for n in range(count)]
    rows = zip(range(1, count + 1), lrs, train, [1.0] * count, val, accuracy, strict=True)
    return [dict(zip(KEYS, row, strict=True)) for row in rows]


class TestFiles:
    @pytest.mark.parametrize(("path", "name"), RUNS)
    def test_records_are_whole_and_follow_the_settings(self, path, name):
        run = load(path)[name]
        assert [record["epoch"] for record in run.history] == list(range(1, len(run.history) + 1))
        assert [record["lr"] for record in run.history] == [p.lr for p in run.phases for _ in range(p.num_epochs)]
        for record in run.history:
            assert tuple(record) == KEYS, "no phase: the rate is what tells"
            assert all(type(record[key]) is float and record[key] == round(record[key], 6) for key in KEYS[1:])
            for split, images in (("train", run.num_train), ("val", run.num_val)):
                right = record[f"{split}_accuracy"] * images
                assert abs(right - round(right)) < 1e-3, "an accuracy counts whole images"

    def test_every_situation_is_among_them(self):
        for path in (VISIBLE, HIDDEN):
            histories = [run.history for run in load(path).values()]
            assert {bool(falls(history)) for history in histories} == {True, False}
            assert {overfits(history) for history in histories} == {True, False}
            last_is_best = {TRUTH["best_epoch"](history) == len(history) for history in histories}
            assert last_is_best == {True, False}
        hidden = load(HIDDEN).values()
        assert any(run.phases[0].released != HEAD for run in hidden)
        assert any({phase.released for phase in run.phases} == {HEAD} for run in hidden)
        assert any(run.train_batchnorm for run in hidden)

    def test_hidden_runs_are_others_than_the_visible_ones(self):
        settings = [(run.settings, run.seed) for path in (VISIBLE, HIDDEN) for run in load(path).values()]
        assert len(set(settings)) == len(settings) >= 14

    def test_a_missing_or_broken_file_gives_one_sentence(self, tmp_path):
        for content in (None, "[{", '[{"name": "A"}]', '{"name": 1}'):
            path = tmp_path / "histories.json"
            path.unlink(missing_ok=True)
            if content is not None:
                path.write_text(content)
            with pytest.raises(CourseError, match="put the original file back"):
                load(path)

    def test_settings_are_told_in_words(self):
        phases = (Phase("head", 1, HEAD, 1e-3), Phase("fine-tune", 2, 1, 3e-4), Phase("fine-tune", 8, 4, 1e-4))
        words = Recording("x", 20, 10, phases, 0, train_batchnorm=True).settings
        assert words == (
            "20 training images: 1 epoch of the head alone at 0.001, then 2 epochs of the last block and the head at 0.0003, "
            "then 8 epochs of the last 4 blocks and the head at 0.0001. BatchNorm in train mode."
        )


@pytest.fixture(scope="module")
def remade():
    """Run D, the smallest, made again: once is enough for all tests."""
    recording = load()["D"]
    return recording, make(recording)


class TestMaking:
    def test_the_stored_history_is_what_the_settings_give(self, remade):
        recording, history = remade
        # Another processor rounds otherwise, and an image between two classes may tip: one or two of 20, or of 80.
        assert len(history) == len(recording.history)
        for new, stored in zip(history, recording.history, strict=True):
            assert (new["epoch"], new["lr"]) == (stored["epoch"], stored["lr"])
            assert new["train_loss"] == pytest.approx(stored["train_loss"], abs=0.02)
            assert new["val_loss"] == pytest.approx(stored["val_loss"], abs=0.02)
            assert new["train_accuracy"] == pytest.approx(stored["train_accuracy"], abs=0.101)
            assert new["val_accuracy"] == pytest.approx(stored["val_accuracy"], abs=0.026)

    def test_another_seed_gives_another_history(self, remade):
        recording, history = remade
        short = replace(recording, phases=(replace(recording.phases[0], num_epochs=1),))
        assert make(short) == history[:1]
        assert make(replace(short, seed=recording.seed + 1)) != history[:1]

    def test_the_command_writes_each_file_anew(self, tmp_path, monkeypatch, capsys):
        visible, absent = tmp_path / "histories.json", tmp_path / "none.json"
        stored = VISIBLE.read_text(encoding="utf-8")
        visible.write_text(stored, encoding="utf-8")
        monkeypatch.setattr(recordings, "VISIBLE", visible)
        monkeypatch.setattr(recordings, "HIDDEN", absent)
        monkeypatch.setattr(recordings, "make", lambda recording: load(VISIBLE)[recording.name].history)
        assert main(["histories"]) == 0
        assert visible.read_text(encoding="utf-8") == stored
        assert str(visible) in capsys.readouterr().out
        assert not absent.exists()

    def test_a_new_entry_needs_no_history(self, tmp_path, monkeypatch):
        path = tmp_path / "histories.json"
        phases = [{"released": HEAD, "num_epochs": 1, "lr": 1e-3}]
        path.write_text(json.dumps([{"name": "new", "num_train": 10, "num_val": 10, "phases": phases, "seed": 0}]))
        monkeypatch.setattr(recordings, "make", lambda recording: tuple(flat([1e-3])))
        remake(path)
        assert [len(run.history) for run in load(path).values()] == [1]


class TestTruth:
    def test_the_best_epoch_is_historys(self):
        for path, name in RUNS:
            history = load(path)[name].history
            for epochs in range(1, len(history) + 1):
                assert TRUTH["best_epoch"](history[:epochs]) == History.of(history[:epochs]).best["epoch"]

    def test_of_equal_epochs_the_loss_decides_then_the_earlier_one(self):
        assert TRUTH["best_epoch"](flat([1.0] * 3, accuracy=[0.5] * 3, val=[3.0, 1.0, 2.0])) == 2
        assert TRUTH["best_epoch"](flat([1.0] * 3, accuracy=[0.5] * 3, val=[2.0, 1.0, 1.0])) == 2

    def test_fine_tuning_begins_at_the_first_fall(self):
        began = TRUTH["fine_tuning_began"]
        assert began(flat([1e-3, 1e-3, 1e-4, 1e-5])) == 3
        assert began(flat([1e-4, 1e-3, 1e-3])) is None
        assert began(flat([1e-3])) is None

    def test_overfitting_needs_both_losses(self):
        assert overfits(flat([1.0] * 3, train=[3.0, 2.0, 1.0], val=[2.0, 1.0, 1.2]))
        assert not overfits(flat([1.0] * 3, train=[3.0, 1.0, 2.0], val=[2.0, 1.0, 1.2])), "training got worse as well"
        assert not overfits(flat([1.0] * 3, train=[3.0, 2.0, 1.0], val=[2.0, 1.0, 1.02])), "a little is noise"
        assert not overfits(flat([1.0] * 3, train=[3.0, 2.0, 1.0], val=[3.0, 2.0, 1.0]))

    def test_the_gap_is_positive_where_training_goes_better(self):
        assert gap({"train_accuracy": 0.9, "val_accuracy": 0.7}) == pytest.approx(0.2)

    def test_what_lies_on_a_border_is_not_fair(self):
        assert not fair(flat([1.0] * 3, train=[3.0, 2.0, 1.0], val=[2.0, 1.0, RISE]))
        assert not fair(flat([1.0] * 3, train=[3.0, 2.0, 2.0], val=[2.0, 1.0, 1.2]))
        assert not fair(flat([1.0] * 3, val=[2.0, 1.0, 1.0])), "two lowest losses"
        assert fair(flat([1.0] * 3, train=[3.0, 2.0, 1.0], val=[2.0, 1.0, 1.2]))


class TestProblems:
    def test_the_visible_problem_is_fair_and_tells_all_misreadings_apart(self):
        histories = SHOWN.histories()
        assert all(fair(history) for history in histories)
        assert set().union(*map(told_apart, histories)) == EVERY_PAIR

    @pytest.mark.parametrize("seed", range(25))
    def test_so_is_every_hidden_one(self, seed):
        [case] = problems.stopped_runs(seed, 5)
        histories = case.histories()
        assert all(fair(history) for history in histories)
        assert set().union(*map(told_apart, histories)) == EVERY_PAIR
        assert 5 <= len(histories) <= 30
        assert case == problems.stopped_runs(seed, 5)[0] != problems.stopped_runs(seed + 1, 5)[0]

    def test_whole_visible_runs_are_as_long_as_the_check_says(self):
        cuts = dict(reversed(SHOWN.cuts))
        assert {name: cuts[name] for name in load()} == {name: len(run.history) for name, run in load().items()}

    def test_a_problem_hands_out_copies(self):
        case = Traces(VISIBLE, (("A", 3),))
        case.histories()[0][0]["epoch"] = 99
        assert case.histories()[0][0]["epoch"] == 1
