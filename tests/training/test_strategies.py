"""Does each strategy release what it says, at the rates it says, and is its run the same as the plain loop's?"""

import copy
import json
from dataclasses import replace
from unittest.mock import Mock

import pytest
import torch

from helpers.course.errors import CourseError
from helpers.data import batches
from helpers.data.named_sets import load_images
from helpers.data.splits import course_splits, split
from helpers.models import backbones
from helpers.parameters import count
from helpers.training import baselines, loop, lr_finder, recipe, run_phases
from helpers.training.phases import ALL, ALL_BUT_FIRST, HEAD, Phase, rate_groups, release
from helpers.training.strategies import CONTESTANTS, ON_PIXELS, Outcome, Strategy, prepare, run_on
from tests.support.small_backbone import NUM_BLOCKS, deeper, same, small_course

KEYS = (
    "head_only", "head_then_blocks", "head_then_stages", "all_at_once", "from_scratch", "first_frozen", "discriminative",
    "gradual", "found_rate",
)  # fmt: skip
DEPTH = NUM_BLOCKS + 2  # more than any contestant releases one by one
DEEP = deeper("deep", DEPTH)
SHORT = Strategy("short", "short", (Phase("head", 1, HEAD, 0.01),))


@pytest.fixture(scope="module")
def course():
    with small_course(DEEP, num_train=50, num_val=30, num_test=40, batch_size=16) as course:
        yield course


@pytest.fixture(scope="module")
def sets(course):
    return prepare(course)


@pytest.fixture
def built(monkeypatch):
    """Every model that is built while a test runs, as it is after the run."""
    made, build = [], backbones.Backbone.build
    monkeypatch.setattr(
        backbones.Backbone, "build", lambda self, *args, **options: made.append(build(self, *args, **options)) or made[-1]
    )
    return made


def expected(model, phase):
    """Names of what a phase releases, told independently of `release`."""
    everything = {name for name, _ in model.named_parameters()}
    if phase.released == ALL:
        return everything
    if phase.released == ALL_BUT_FIRST:
        return everything - {"stem.weight", "stem.bias"}
    blocks = 0 if phase.released == HEAD else phase.released
    starts = ["fc.", *(["neck."] if blocks else []), *(f"blocks.{n}." for n in range(DEPTH - blocks, DEPTH))]
    return {name for name in everything if name.startswith(tuple(starts))}


def test_are_all_contestants_there_with_the_same_number_of_epochs():
    assert tuple(CONTESTANTS) == KEYS
    assert {strategy.num_epochs for strategy in CONTESTANTS.values()} == {10}
    assert [key for key, strategy in CONTESTANTS.items() if not strategy.pretrained] == ["from_scratch"]
    assert [key for key, strategy in CONTESTANTS.items() if strategy.find_lr] == ["found_rate"]
    assert len({strategy.title for strategy in CONTESTANTS.values()}) == len(KEYS)


def test_does_one_run_the_recipe_itself_in_half_the_epochs():
    head, blocks = CONTESTANTS["head_then_stages"].phases
    own = recipe.phases(backbones.get("efficientnet_lite0"))
    assert (head, replace(blocks, num_epochs=own[1].num_epochs)) == own


@pytest.mark.parametrize("key", ON_PIXELS)
def test_does_a_contestant_without_a_network_see_the_same_images(key, sets, course):
    outcome = run_on(sets, ON_PIXELS[key], course)
    expected = baselines.fit(course_splits(course), key)
    assert (outcome.accuracy, outcome.val_accuracy) == (expected.test_accuracy, expected.val_accuracy)
    assert (outcome.strategy, outcome.trainable, list(outcome.history)) == (key, 0, []) and outcome.seconds > 0
    assert outcome.majority == pytest.approx(0.1) and Outcome.of(json.loads(json.dumps(outcome.to_dict()))) == outcome
    assert str(ON_PIXELS[key]).startswith(f"{key}: ") and "no network" in str(ON_PIXELS[key])


def test_has_the_courses_own_strategy_the_lessons_rates():
    head, blocks = CONTESTANTS["head_then_blocks"].phases
    assert (head.num_epochs, head.released, head.lr) == (5, HEAD, 1e-3)
    assert (blocks.num_epochs, blocks.released, blocks.lr, blocks.block_rate(0), blocks.block_rate(1)) == (5, 2, 1e-4, 1e-4, 1e-4)


@pytest.mark.parametrize("key", KEYS)
def test_does_each_phase_release_what_it_says_and_hold_each_parameter_once(key):
    model = DEEP.build(10)
    for phase in CONTESTANTS[key].phases:
        release(DEEP, model, phase)
        learning = {name for name, p in model.named_parameters() if p.requires_grad}
        assert learning == expected(model, phase)
        held = [id(p) for group in rate_groups(DEEP, model, phase) for p in group["params"]]
        assert len(held) == len(set(held))
        assert {name for name, p in model.named_parameters() if id(p) in held} == learning


def test_do_rates_fall_from_the_head_to_the_first_layers():
    model = DEEP.build(10)
    phase = CONTESTANTS["discriminative"].phases[-1]
    release(DEEP, model, phase)
    groups = rate_groups(DEEP, model, phase)
    assert [group["lr"] for group in groups] == pytest.approx([phase.lr / phase.fall**n for n in range(DEPTH + 2)])
    assert {id(p) for p in groups[0]["params"]} == {id(p) for p in model.fc.parameters()}
    assert {id(p) for p in groups[-1]["params"]} == {id(p) for part in (model.stem, model.stem_norm) for p in part.parameters()}
    # fastai's span over the course's 16 blocks
    assert phase.fall**16 == pytest.approx(100, rel=0.01)


def test_can_the_blocks_have_a_rate_of_their_own():
    model, phase = DEEP.build(10), Phase("fine-tune", 1, 2, 1e-3, block_lr=1e-4)
    release(DEEP, model, phase)
    head, blocks = rate_groups(DEEP, model, phase)
    assert (head["lr"], blocks["lr"], len(head["params"])) == (1e-3, 1e-4, 2)
    assert [group["lr"] for group in rate_groups(DEEP, model, Phase("fine-tune", 1, 2, 1e-3))] == [1e-3]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"released": "tail"}, "cannot release 'tail'"),
        ({"released": 0}, "cannot release 0"),
        ({"released": True}, "cannot release True"),
        ({"num_epochs": 0}, "num_epochs from 1 on"),
        ({"lr": 0.0}, "above 0"),
        ({"block_lr": 0.0}, "above 0"),
        ({"fall": -1.0}, "above 0"),
        ({"lr": float("nan")}, "above 0"),
    ],
)
def test_is_a_phase_that_cannot_be_refused(change, said):
    with pytest.raises(CourseError, match=said):
        Phase(**{"name": "x", "num_epochs": 1, "released": HEAD, "lr": 0.1, **change})


def test_is_a_strategy_without_phases_or_with_too_many_blocks_refused(sets, course):
    with pytest.raises(CourseError, match="no phase"):
        Strategy("x", "x", ())
    with pytest.raises(CourseError, match="has 6"):
        run_on(sets, Strategy("x", "x", (Phase("x", 1, 7, 0.1),)), course)


@pytest.mark.parametrize("key", KEYS)
def test_does_a_run_move_what_was_released_and_nothing_else(key, sets, course, built):
    strategy = CONTESTANTS[key]
    outcome = run_on(sets, strategy, course)
    model, start = built[0], DEEP.build(10, strategy.pretrained)
    moved = {name for (name, a), b in zip(model.named_parameters(), start.parameters(), strict=True) if not torch.equal(a, b)}
    allowed = set().union(*(expected(model, phase) for phase in strategy.phases))
    assert {"fc.weight", "fc.bias"} <= moved <= allowed
    if len(strategy.phases) == 1:
        # ReLU can leave a small network's weight without a gradient; a whole frozen tensor moves never.
        assert len(moved) > 0.8 * len(allowed)
    statistics = [name for (name, a), b in zip(model.named_buffers(), start.buffers(), strict=True) if not torch.equal(a, b)]
    assert bool(statistics) == (not strategy.pretrained)
    sizes = {name: p.numel() for name, p in model.named_parameters()}
    assert outcome.trainable == max(sum(map(sizes.get, expected(model, phase))) for phase in strategy.phases)
    assert [r["epoch"] for r in outcome.history] == list(range(1, 11))
    assert list(outcome.history.phase_starts) == [phase.name for phase in strategy.phases]
    assert 0 <= outcome.accuracy <= 1 and outcome.seconds > 0 and outcome.strategy == key


def plain_loop(strategy, sets, course):
    """The same strategy on whole images, with nothing computed once: an independent oracle. (history, accuracy of the best)"""
    model = DEEP.build(10, strategy.pretrained, course.seed).eval()
    loader = batches.make_loader(sets["train"], batch_size=course.batch_size, shuffle=True, seed=course.seed)
    val = batches.make_loader(sets["val"], batch_size=course.batch_size)
    records, best = [], None
    for phase in strategy.phases:
        wanted = expected(model, phase)
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name in wanted)
        optimizer, kept = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=phase.lr), None
        for _ in range(phase.num_epochs):
            loop.set_modes(model, not strategy.pretrained)
            train, found = loop.train_epoch(model, loader, optimizer), loop.measure(model, val)
            records.append((train["loss"], found["loss"], found["accuracy"]))
            merit = found["accuracy"], -found["loss"]
            now = merit, copy.deepcopy(model.state_dict())
            kept = now if kept is None or merit > kept[0] else kept
            best = now if best is None or merit > best[0] else best
        model.load_state_dict(kept[1])
    model.load_state_dict(best[1])
    return records, loop.measure(model, batches.make_loader(sets["test"], batch_size=course.batch_size))["accuracy"]


MIXED = {
    "head, blocks": (Phase("head", 2, HEAD, 0.01), Phase("blocks", 2, 2, 0.003)),
    "block by block": tuple(Phase(f"{n}", 1, n, 0.003) for n in (1, 2, 4)),
    "all, then blocks, then head": (Phase("all", 1, ALL, 0.003), Phase("blocks", 1, 3, 0.003), Phase("head", 1, HEAD, 0.01)),
    "blocks, then all": (Phase("blocks", 1, 1, 0.003), Phase("all", 2, ALL_BUT_FIRST, 0.003)),
}


@pytest.mark.parametrize("title", MIXED)
def test_is_what_is_computed_once_the_same_as_the_plain_loop(title, sets, course):
    strategy = Strategy("mine", "mine", MIXED[title])
    outcome = run_on(sets, strategy, course)
    records, accuracy = plain_loop(strategy, sets, course)
    found = [(r["train_loss"], r["val_loss"], r["val_accuracy"]) for r in outcome.history]
    assert [value for record in found for value in record] == pytest.approx([v for r in records for v in r], abs=1e-5)
    assert outcome.accuracy == pytest.approx(accuracy)


def test_are_the_best_epochs_weights_tested_whichever_phase_it_lay_in(sets, course, built):
    good = Strategy("good", "good", (Phase("head", 3, HEAD, 0.02),))
    spoilt = Strategy("spoilt", "spoilt", (*good.phases, Phase("too fast", 2, 3, 1e6)))
    first, second = run_on(sets, good, course), run_on(sets, spoilt, course)
    assert second.history.best == first.history.best | {"seconds": second.history.best["seconds"]}
    assert not second.history[-1]["val_loss"] < 2 * first.history.best["val_loss"]  # not-a-number is bad, too
    assert second.accuracy == first.accuracy and same(built[0], built[1])


def test_is_the_last_phases_rate_found_not_given(sets, course, monkeypatch):
    asked = []

    def find(model, loader, **options):
        asked.append(count(model).trainable)
        return lr_finder.RateCurve((1.0,), (1.0,), 0.0123, False)

    monkeypatch.setattr(run_phases, "find_lr", find)
    outcome = run_on(sets, CONTESTANTS["found_rate"], course)
    assert [r["lr"] for r in outcome.history] == [CONTESTANTS["found_rate"].phases[0].lr] * 5 + [0.0123] * 5
    assert asked == [outcome.trainable]


def test_does_the_same_seed_give_the_same_run_and_another_one_another(sets, course):
    short = Strategy("short", "short", (Phase("head", 2, HEAD, 0.01),))
    first, again, other = (run_on(sets, short, replace(course, seed=seed)) for seed in (1, 1, 2))
    assert first.history[-1]["val_loss"] == again.history[-1]["val_loss"] != other.history[-1]["val_loss"]
    assert (first.accuracy, first.seed, other.seed) == (again.accuracy, 1, 2)


def test_can_the_images_be_the_callers(course):
    splits = split(load_images("digits"), num_train=20, num_val=10, num_test=10, seed=5)
    outcome = run_on(batches.to_datasets(splits, DEEP.transform(32)), SHORT, course)
    assert outcome.accuracy * 10 == pytest.approx(round(outcome.accuracy * 10))


def test_is_the_majority_that_of_the_training_images(sets, course):
    assert run_on(sets, SHORT, course).majority == pytest.approx(0.1)


def test_is_an_interrupted_run_no_outcome(sets, course, monkeypatch):
    monkeypatch.setattr(loop, "train_epoch", Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        run_on(sets, CONTESTANTS["head_only"], course)


def test_is_nothing_read_from_or_left_on_disk(sets, course, monkeypatch, tmp_path):
    monkeypatch.setenv("FINETUNE_CACHE", str(tmp_path / "cache"))
    run_on(sets, SHORT, course)
    assert not (tmp_path / "cache").exists()


def test_does_an_outcome_survive_json(sets, course):
    outcome = run_on(sets, SHORT, course)
    again = Outcome.of(json.loads(json.dumps(outcome.to_dict())))
    assert again == outcome and again.history.best == outcome.history.best
    assert set(outcome.summary()) == {"strategy", "seed", "accuracy", "seconds", "trainable"}
    with pytest.raises(CourseError, match="no outcome"):
        Outcome.of({"strategy": "x"})


def test_do_strategies_say_in_words_what_they_do():
    assert str(CONTESTANTS["head_then_blocks"]).splitlines() == [
        "head_then_blocks: head then last 2 blocks",
        "    5 epochs: head at 0.001",
        "    5 epochs: head and last 2 blocks at 0.0001",
    ]
    assert "random weights in all layers" in str(CONTESTANTS["from_scratch"])
    assert str(CONTESTANTS["found_rate"]).endswith("head and last 2 blocks at the rate that the range test suggests")
    assert str(Phase("x", 1, 1, 0.1, block_lr=0.01)) == "1 epoch: head and last block at 0.1, blocks 0.01"
    assert str(Phase("x", 2, ALL, 0.1, fall=2.6)) == "2 epochs: all layers at 0.1, each block before at 1/2.6 of the next"
