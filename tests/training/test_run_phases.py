"""Does the engine hand on order, history and weights as its callers ask for, and stop where it was stopped?"""

from unittest.mock import DEFAULT, Mock

import pytest
import torch

from helpers.course.errors import CourseError
from helpers.data import batches
from helpers.data.named_sets import load_images
from helpers.data.splits import split
from helpers.models import backbones
from helpers.training import loop
from helpers.training.phases import HEAD, Phase, release
from helpers.training.run_phases import Interrupted, PhaseInputs, run_phases
from tests.support.small_backbone import SMALL, same

PHASES = (Phase("head", 2, HEAD, 0.02), Phase("blocks", 2, 2, 0.01))
SPOILING = Phase("too fast", 2, 1, 1e6)


@pytest.fixture(scope="module")
def datasets():
    splits = split(load_images("digits"), num_train=30, num_val=20, num_test=10, seed=0)
    return batches.to_datasets(splits, SMALL.transform(32))


@pytest.fixture
def inputs(datasets):
    """A maker of equal beginnings."""

    def make(*phases: Phase) -> PhaseInputs:
        model = backbones.with_new_head(SMALL, seed=3)
        return PhaseInputs(SMALL, model, datasets, phases or PHASES, batch_size=12, seed=0, on_disk=False)

    return make


def told(history) -> list[dict]:
    return [{key: value for key, value in record.items() if key != "seconds"} for record in history]


def test_are_two_calls_one_run_where_history_and_order_are_handed_on(inputs):
    one, two = inputs(), inputs()
    whole = run_phases(one, PHASES, keep_best=False)
    head = run_phases(two, PHASES[:1], keep_best=False)
    both = run_phases(two, PHASES[1:], keep_best=False, history=head.history, order=head.order)
    assert told(both.history) == told(whole.history) and same(one.model, two.model)
    assert [record["epoch"] for record in both.history] == [1, 2, 3, 4] and len(head.history) == 2
    assert torch.equal(both.order, whole.order) and both.trainable == whole.trainable > head.trainable


def test_does_another_call_begin_with_the_seeds_first_batches_unless_told_otherwise(inputs):
    first = run_phases(inputs(), PHASES[:1], keep_best=False)
    again, later = (run_phases(inputs(), PHASES[:1], keep_best=False, order=order) for order in (None, first.order))
    assert told(again.history) == told(first.history)
    assert [r["train_loss"] for r in later.history] != [r["train_loss"] for r in first.history]


@pytest.mark.parametrize("keep_best", [True, False])
def test_are_the_weights_those_of_the_best_epoch_or_of_the_last(inputs, datasets, keep_best):
    start = inputs(PHASES[0], SPOILING)
    run = run_phases(start, start.phases, keep_best=keep_best)
    assert run.history.best["epoch"] <= 2
    wanted = run.history.best if keep_best else run.history[-1]
    found = loop.measure(start.model, batches.make_loader(datasets["val"], batch_size=12))
    assert found["accuracy"] == wanted["val_accuracy"]


def test_do_earlier_epochs_take_no_part_in_the_choice_of_the_best(inputs):
    one, two = inputs(), inputs()
    perfect = [{**run_phases(inputs(), PHASES[:1]).history[0], "val_accuracy": 1.0, "val_loss": 0.0}]
    history = run_phases(one, PHASES, history=perfect).history
    assert history[0]["val_accuracy"] == 1.0 and [record["epoch"] for record in history] == [1, 2, 3, 4, 5]
    run_phases(two, PHASES)
    assert same(one.model, two.model)


def test_does_an_interruption_say_how_many_epochs_were_done(inputs, monkeypatch):
    stop = [DEFAULT] * 3 + [KeyboardInterrupt]
    monkeypatch.setattr(loop, "train_epoch", Mock(wraps=loop.train_epoch, side_effect=stop))
    with pytest.raises(Interrupted) as stopped:
        run_phases(inputs(), PHASES)
    assert stopped.value.done == 3 and isinstance(stopped.value, KeyboardInterrupt)


def test_are_inputs_of_what_is_not_frozen_refused(inputs):
    start = inputs()
    release(SMALL, start.model, PHASES[1])
    with pytest.raises(CourseError, match="freeze them first"):
        start.of(PHASES[0])
