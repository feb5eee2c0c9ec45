"""Does the witness of a strategy note what was read and at which rate each step was made?"""

from unittest.mock import Mock

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

from helpers.checks import report as reports
from helpers.checks.architectures import OWN
from helpers.checks.capstone import run_strategy
from helpers.checks.capstone.watched_run import SIZES, StrategyProblem, watch
from helpers.checks.small_models import Case
from helpers.training.loop import train_epoch
from tests.answers import given
from tests.answers.run_strategy import RIGHT


def swap(model, config):
    setattr(model, config["head_name"], nn.Linear(getattr(model, config["head_name"]).in_features, config["num_classes"]))


@pytest.mark.parametrize("workers", [0, 2])
def test_looks_are_counted_also_in_worker_processes(workers):
    def answer(model, data, config):
        data = {name: DataLoader(one.dataset, batch_size=one.batch_size, num_workers=workers) for name, one in data.items()}
        first = next(iter(data["test"]))[0]
        for _ in range(2):
            list(data["train"])
        return first, torch.cat([images for images, _ in data["test"]])

    run = watch(StrategyProblem(), answer)
    assert (run.passes(), run.looks("val")) == (2, 0) and run.steps == []
    assert 16 <= int(run.early) <= SIZES["test"]  # workers read ahead
    first, last = run.result
    assert torch.equal(first, run.problem.test_images(0, 0)[0][: len(first)])
    assert torch.equal(last[: len(first)], run.problem.test_images(2, 1)[0][: len(first)])


def test_a_right_strategy_whose_loaders_have_workers_is_right():
    def with_workers(data):
        return {
            split: DataLoader(one.dataset, batch_size=one.batch_size, shuffle=split == "train", num_workers=1)
            for split, one in data.items()
        }

    right = given(next(iter(RIGHT.values())), data=with_workers)
    report = run_strategy.report(right, cases=run_strategy.cases[:1])
    assert report.status == reports.RIGHT, report


def test_steps_are_noted_with_their_rate():
    def answer(model, data, config):
        swap(model, config)
        for lr in (0.1, 0.2):
            train_epoch(model, data["train"], torch.optim.Adam(model.parameters(), lr=lr))
        return "done"

    run = watch(StrategyProblem(), answer)
    batches = -(-SIZES["train"] // Case().batch_size)
    assert run.steps == [0.1] * batches + [0.2] * batches
    assert run.result == "done"


def test_the_hook_is_gone_afterwards_even_where_the_answer_fails():
    answer = Mock(side_effect=ValueError("mine"))
    with pytest.raises(ValueError, match="mine"):
        watch(StrategyProblem(), answer)
    layer = nn.Linear(2, 2)
    layer(torch.ones(1, 2)).sum().backward()
    torch.optim.SGD(layer.parameters(), lr=0.1).step()
    answer.assert_called_once()


def test_equal_problems_are_equal_in_every_number_and_the_global_state_stays():
    def answer(model, data, config):
        swap(model, config)
        return torch.rand(3), next(iter(data["train"]))[0]

    state = torch.get_rng_state()
    first, second = (watch(StrategyProblem(), answer) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(first.result, second.result, strict=True))
    assert torch.equal(first.head().weight, second.head().weight)


def test_validation_labels_part_from_what_is_learned_and_test_labels_do_not():
    problem = StrategyProblem(num_classes=4)
    images, labels = problem.images("train")
    centres = torch.stack([images[labels == label].mean(dim=(0, 2, 3)) for label in range(4)])

    def nearest(split):
        found, truth = problem.images(split)
        return (torch.cdist(found.mean(dim=(2, 3)), centres).argmin(dim=1) == truth).float().mean()

    assert nearest("test") > 0.9 and nearest("val") < 0.4


def test_blocks_name_every_tensor_but_stem_and_head():
    for kind in OWN:
        problem = StrategyProblem(Case(kind=kind, head_name="fc"))
        model, config = problem.case.model(), problem.config()
        named = {id(p) for block in config["blocks"] for name in block for p in model.get_submodule(name).parameters()}
        rest = {name for name, p in model.named_parameters() if id(p) not in named}
        assert rest == {"stem.weight", "stem.bias", "fc.weight", "fc.bias"}
        assert problem.config() is not config and config["released_blocks"] == 1
