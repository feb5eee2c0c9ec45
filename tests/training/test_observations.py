"""What a History says is to be seen: each rule on numbers made for it, and on runs that were recorded."""

import copy

import pytest

from helpers.checks.read_traces.misreadings import TRUTH
from helpers.training import observations, recordings
from helpers.training.history import KEYS, History
from helpers.training.observations import observe

NAN = float("nan")


def run(*epochs: tuple, phases: str = "", rates: tuple = ()) -> list[dict]:
    """Records from (train loss, train accuracy, val loss, val accuracy); `phases`: the first letter of each one's phase."""
    made = [dict(zip(KEYS, (n, 1e-3, *numbers), strict=True)) for n, numbers in enumerate(epochs, start=1)]
    for record, letter in zip(made, phases, strict=False):
        record["phase"] = {"h": "head", "f": "fine-tune", "a": "all"}[letter]
    for record, rate in zip(made, rates, strict=False):
        record["lr"] = rate
    return made


def second(after: tuple, before: tuple = (1.0, 0.7, 1.0, 0.70), **options) -> str:
    """What is said of the second of two epochs."""
    return observe(run(before, after, **options))[1]


@pytest.mark.parametrize(
    ("val_loss", "val_accuracy", "said"),
    [
        (0.80, 0.75, "learns"),
        (0.90, 0.70, "learns"),  # exactly a tenth
        (1.00, 0.73, "learns"),  # exactly three points
        (0.98, 0.70, "learns a little"),
        (1.00, 0.71, "learns a little"),
        (0.99, 0.705, "flat"),
        (1.01, 0.695, "flat"),
        (1.02, 0.70, "dip"),  # exactly 2 %
        (1.00, 0.69, "dip"),
        (0.90, 0.68, "loss better, accuracy worse"),
        (1.04, 0.72, "loss worse, accuracy better"),
        (0.80, 0.698, "loss better, accuracy a little worse"),  # no gain: one more image in 500 is wrong
        (1.001, 0.75, "loss a little worse, accuracy better"),
        (1.04, 0.702, "loss worse, accuracy a little better"),  # and no dip
        (0.999, 0.65, "loss a little better, accuracy worse"),
        (NAN, 0.70, "not a number"),
        (float("inf"), 0.70, "not a number"),
    ],
)
def test_does_each_step_have_its_word(val_loss, val_accuracy, said):
    assert second((0.9, 0.8, val_loss, val_accuracy)) == said


@pytest.mark.parametrize(
    ("phases", "rates", "said"),
    [
        ("hh", (), "head learns"),
        ("hf", (), "released: fine-tuning improves"),
        ("fa", (), "next phase: learns"),  # no head's phase before it
        ("ff", (), "learns"),
        ("", (1e-3, 1e-4), "lower rate: learns"),
        ("", (3e-4, 1e-4), "lower rate: learns"),
        ("hh", (1e-4, 1e-3), "higher rate: head learns"),
        ("", (1e-3, 5e-4), "learns"),  # a schedule
        ("", (0.0, 0.0), "learns"),
    ],
)
def test_is_the_beginning_of_a_phase_told_by_what_the_records_say(phases, rates, said):
    assert second((0.9, 0.8, 0.8, 0.75), phases=phases, rates=rates) == said


def test_does_a_curve_flatten_only_after_it_was_steep_and_anew_in_each_phase():
    steep, small = (0.8, 0.8, 0.8, 0.75), (0.75, 0.8, 0.77, 0.76)
    assert observe(run((1.0, 0.7, 1.0, 0.7), steep, small, phases="hhh")) == ["start", "head learns", "flattens"]
    assert observe(run((1.0, 0.7, 1.0, 0.7), steep, small, phases="hhf"))[-1] == "released: fine-tuning improves a little"


def test_is_nothing_called_a_gain_or_a_dip_while_loss_and_accuracy_part():
    for history in recorded().values():
        for before, after, said in zip(history, history[1:], history.observations[1:], strict=False):
            loss, accuracy = (after[key] - before[key] for key in ("val_loss", "val_accuracy"))
            if loss * accuracy > 1e-12:  # both fell, or both rose: one is better and the other worse
                assert not any(word in said for word in ("learns", "improves", "flattens", "recovers", "dip")), (before, after)


def test_is_what_was_lost_and_comes_back_no_progress():
    lost = run((1.0, 0.7, 1.0, 0.7), (9.0, 0.1, 9.0, 0.1), (2.0, 0.4, 2.0, 0.5), (0.9, 0.8, 0.9, 0.7), phases="hfff")
    assert observe(lost) == ["start", "released: training and validation worse", "recovers", "fine-tuning improves"]


@pytest.mark.parametrize(
    ("after", "said"),
    [
        ((0.1, 0.99, 0.9, 0.94), "learns; memorises"),
        ((0.1, 0.99, 0.9, 0.95), "learns"),  # validation is as good
        ((0.1, 0.98, 0.9, 0.80), "learns"),
        ((1.2, 0.6, 1.1, 0.6), "training and validation worse"),
        ((1.1, 0.6, 1.1, 0.6), "dip"),  # training lost no more than a tenth
        ((0.9, 0.8, 1.1, 0.6), "dip; overfits: loss 10 % above its lowest"),
    ],
)
def test_is_memorising_told_from_learning_and_a_loss_of_both_from_a_dip(after, said):
    assert second(after) == said


def test_are_few_epochs_and_numbers_that_are_none_read_without_an_error():
    assert observe([]) == [] and observe(run((1.0, 0.5, 1.0, 0.5))) == ["start"]
    gone = run((1.0, 0.5, 1.0, 0.5), (NAN, 0.1, NAN, 0.1), (1.0, 0.5, 1.0, 0.5))
    assert observe(gone) == ["start", "not a number", ""]
    assert second((0.0, 1.0, 0.0, 1.0), before=(0.0, 1.0, 0.0, 1.0)) == "flat"


def recorded() -> dict[str, History]:
    """The runs that are kept as data, with their phases."""
    runs = {}
    for path in (recordings.VISIBLE, recordings.HIDDEN):
        for name, one in recordings.load(path).items():
            phases = [phase.name for phase in one.phases for _ in range(phase.num_epochs)]
            runs[name] = History.of({**r, "phase": phase} for r, phase in zip(one.history, phases, strict=True))
    return runs


def test_is_overfitting_claimed_only_where_lesson_07_finds_it():
    ends = [history[:n] for history in recorded().values() for n in range(1, len(history) + 1)]
    for history in ends:
        said = observe(history)
        assert ("overfits" in said[-1]) == TRUTH["overfits"](history)
        assert "overfits" not in " ".join(said[:-1]), "what a run does shows at its end"
    assert 10 < sum(TRUTH["overfits"](history) for history in ends) < len(ends) / 2, "both are there"


def test_do_the_recorded_runs_read_as_lesson_07_tells_them():
    runs = recorded()
    said = {name: runs[name].observations for name in "ABCD"}
    assert said["A"][:5] == ["start", *3 * ["head learns"], "released: fine-tuning improves"]
    assert said["B"][-1].endswith("memorises; overfits: loss 14 % above its lowest")
    assert said["C"][4] == "released: training and validation worse" and "improves" not in " ".join(said["C"])
    assert all("memorises" in words for words in said["D"][6:]) and "overfits" not in " ".join(said["D"])


def test_does_the_same_run_without_phases_claim_no_more_than_its_numbers():
    plain = [{key: record[key] for key in KEYS} for record in recorded()["A"]]
    said = observe(plain)
    assert said[1] == "learns" and said[4] == "lower rate: learns"
    assert not any(word in " ".join(said) for word in ("head", "released", "fine-tuning"))


def test_is_nothing_that_is_read_changed():
    history = recorded()["B"]
    before = copy.deepcopy(list(history))
    assert len(history.observations) == len(history) and list(history) == before


def test_do_all_words_stand_in_the_rules():
    words = {part for history in recorded().values() for said in observe(history) for part in said.split("; ")}
    parts = {part.split(": ")[-1] for part in words if not part.startswith("overfits")} | {"overfits"}
    documented = {part.removesuffix(" a little") for part in parts if not part.startswith("loss ")}
    assert len(documented) > 8 and all(f"``{word}``" in observations.__doc__ for word in documented)
