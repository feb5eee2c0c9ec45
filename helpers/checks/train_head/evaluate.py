"""The check of `evaluate`: exact means in eval mode, and no trace left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from helpers.checks.exercise import Exercise
from helpers.checks.means import expected_numbers, numbers
from helpers.checks.report import Aspect, Finding, passed_if
from helpers.checks.small_models import Case
from helpers.checks.train_head.make_optimizer import CASES, LESSON
from helpers.checks.watching import Watch
from helpers.inspection.snapshot import changes_since, take_snapshot


# ---------------------------------------------------------------- measuring
def examine_evaluate(case: Case, answer: Callable) -> Iterator[Finding]:
    """Findings on: measured, loss, accuracy, modes, intact, no_grad."""
    model = case.model()
    model.blocks[0].eval()  # a model of mixed modes, as after lesson 3: one flag cannot bring it back
    other = _train_mode_loss(case)
    before, watch = take_snapshot(model), Watch()
    case.head(model).register_forward_hook(watch)
    found = answer(model, case.loader())
    changes = changes_since(before, model)
    yield passed_if(
        "measured", isinstance(found, dict) and watch.samples == case.num_images, "not_measured",
        found=f"a {type(found).__name__} after {watch.samples} of {case.num_images} images",
        expected="a dict, after each image went through once",
    )  # fmt: skip
    losses, right = _measured(case)
    yield from numbers(found, *expected_numbers(losses, right, case), other=other)
    yield passed_if(
        "modes", not changes.modes, "mode_left",
        found=f"{len(changes.modes)} modules are in another mode than before",
        expected="every module in the mode it came in: here the first block in eval mode, all else in train mode",
        likely="model.train() at the end, even model.train(was_training), puts all modules in one mode: note each one's own.",
    )  # fmt: skip
    yield _intact_finding(model, changes)
    yield passed_if(
        "no_grad", watch.calls and not any(watch.graphs), "gradient_recorded",
        found="the logits carry a graph for backward()" if watch.calls else "the head was not called",
        expected="a forward pass under torch.no_grad()",
        likely="eval() switches layers' behaviour; it does not switch gradients off. That is no_grad()'s work.",
    )  # fmt: skip


def _intact_finding(model: nn.Module, changes) -> Finding:
    state = changes.parameters | changes.buffers | changes.flags | changes.modules
    clean = not state and all(p.grad is None for p in model.parameters())
    train_mode = "In train mode BatchNorm gathers statistics even under no_grad(): call model.eval() first."
    return passed_if(
        "intact", clean, "statistics_moved" if changes.buffers else "model_changed",
        found=f"{len(state)} tensors or flags have changed, such as {min(state)}" if state else "gradients lie in the model",
        expected="weights, buffers, flags and gradients as before",
        likely=train_mode if changes.buffers else "",
    )  # fmt: skip


def _forward(case: Case, model: nn.Module) -> tuple[list[float], list[int]]:
    with torch.no_grad():
        outputs = [(model(images), labels) for images, labels in case.loader()]
    return [cross_entropy(z, y).item() for z, y in outputs], [int((z.argmax(dim=1) == y).sum()) for z, y in outputs]


def _measured(case: Case) -> tuple[list[float], list[int]]:
    return _forward(case, case.model().eval())


def _train_mode_loss(case: Case) -> list[tuple[float, str, str]]:
    model = case.model()
    model.blocks[0].eval()
    losses, right = _forward(case, model)
    words = "These are the numbers of train mode, where BatchNorm looks at the batch: call model.eval() first."
    return [(expected_numbers(losses, right, case)[0]["loss"], "train_mode", words)]


evaluate = Exercise(
    name="evaluate",
    lesson=LESSON,
    aspects=(
        Aspect("measured", "each image goes through the model once, and a dict comes back", 0.5),
        Aspect("loss", "loss is the exact mean over all samples, in eval mode", 1.5),
        Aspect("accuracy", "accuracy is the exact share of correct samples", 1),
        Aspect("modes", "every module is back in the mode it came in", 1, requires=("measured",)),
        Aspect("intact", "weights, statistics, flags and gradients are as they were", 1, requires=("measured",)),
        Aspect("no_grad", "no gradient is recorded", 1, requires=("measured",)),
    ),
    examine=examine_evaluate,
    cases=CASES,
    hints=(
        "Measuring must leave no trace: note how each module stands, put all in eval mode, measure, put each back.",
        "model.modules() and module.training; model.eval(); with torch.no_grad():; the sums are those of train_one_epoch.",
        "modes = [(module, module.training) for module in model.modules()]\nmodel.eval()\nwith torch.no_grad():\n    ...\n"
        "for module, training in modes:\n    module.training = training",
    ),
)
