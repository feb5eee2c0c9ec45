"""The check of `make_optimizer`: the optimizer holds what is trainable, once, at the rate asked for."""

import inspect
import warnings
from collections.abc import Callable, Iterator

import torch
from torch import nn

from helpers.checks.exercise import exercise
from helpers.checks.flags import missed
from helpers.checks.intact import intact
from helpers.checks.report import Aspect, Finding, passed_if, wrong_type
from helpers.checks.small_models import TO_TRAIN, Case, head_names, released
from helpers.inspection.snapshot import listed, take_snapshot
from helpers.inspection.step_probe import probe
from helpers.training.one_step import foreign_tensors


@exercise(
    aspects=(
        Aspect("all", "the optimizer holds every parameter that is trainable", 2),
        Aspect("only", "it holds nothing else: no frozen tensor, none of another model", 1.5, requires=("all",)),
        Aspect("once", "it holds each of them once", 0.5, requires=("all",)),
        Aspect("rate", "every group has the rate asked for", 1, requires=("all",)),
        Aspect("moves", "one step updates what is trainable, and nothing else", 1, requires=("all",)),
        Aspect("intact", "the model is as it was", 0.5, requires=("all",)),
    ),
    cases=TO_TRAIN,
    hints=(
        "An optimizer is a list of tensors and a rule for changing them. Which tensors? Those that may change.",
        "model.parameters(), parameter.requires_grad, and torch.optim.Adam or torch.optim.SGD with lr=lr.",
        "trainable = [p for p in model.parameters() if ...]\nreturn torch.optim.Adam(..., lr=lr)",
    ),
)
def make_optimizer(case: Case, answer: Callable) -> Iterator[Finding]:
    """Call the answer on the model with the head alone released, with one block more, and with all of it."""
    for blocks, lr in ((0, 0.05), (1, 0.02), (case.num_blocks, 0.1)):
        model = released(case, blocks)
        before = take_snapshot(model)
        with warnings.catch_warnings(record=True):  # torch warns of a tensor that is twice in one group; we say it in words
            warnings.simplefilter("always")
            optimizer = answer(model, lr)
        if not isinstance(optimizer, torch.optim.Optimizer):
            likely = "Say return before it." if optimizer is None else ""
            yield wrong_type("all", "not_an_optimizer", optimizer, "a torch.optim optimizer, returned", likely)
            return
        yield from _held_findings(model, optimizer, before.flags, case, lr)
        step = probe(model, optimizer, case.batches()[0])
        stray = {name for name in step.changes.parameters if not before.flags.get(name)}
        head_moves = any(name.startswith(f"{case.head_name}.") for name in step.changes.parameters)
        yield passed_if(
            "moves", head_moves and not stray and not step.error, "step_moves_others",
            found=step.error or (f"one step updates {listed(stray)}" if stray else "one step does not update the head"),
            expected="one step updates what is trainable, and nothing else",
        )  # fmt: skip
        yield intact("intact", before, model, "model_changed")


def _held_findings(model: nn.Module, optimizer: torch.optim.Optimizer, flags: dict, case: Case, lr: float) -> Iterator[Finding]:
    """Findings on what the optimizer holds: all, only, once, rate."""
    held_ids = [id(p) for group in optimizer.param_groups for p in group["params"]]
    names = {id(p): name for name, p in model.named_parameters()}
    yield _all_finding(model, optimizer, set(held_ids), case)
    frozen = {names[i] for i in held_ids if i in names and not flags[names[i]]}
    reason, likely = "frozen_in_optimizer", "model.parameters() yields the frozen ones as well: filter by requires_grad."
    if not frozen:
        reason, likely = "foreign", ""
    elif frozen <= {name for name, p in model.named_parameters() if p.requires_grad}:
        reason, likely = "released_first", "They came frozen, and the answer has released them."
    yield passed_if(
        "only", not frozen and not foreign_tensors(model, optimizer), reason,
        found=f"{len(frozen)} frozen tensors in it: {listed(frozen)}" if frozen else "tensors in it that are not this model's",
        expected="no tensor beside those of this model whose requires_grad is True", likely=likely,
    )  # fmt: skip
    twice = {names.get(i, "?") for i in held_ids if held_ids.count(i) > 1}
    yield passed_if("once", not twice, "held_twice", found=f"more than once in it: {listed(twice)}", expected="each tensor once")
    rates = {float(group["lr"]) for group in optimizer.param_groups}
    own = rates == {getattr(inspect.signature(type(optimizer)).parameters.get("lr"), "default", None)}
    yield passed_if(
        "rate", rates == {lr}, "own_rate" if own else "other_rate", found=f"rates {sorted(rates)}",
        expected=f"{lr:g} everywhere, as asked for",
        likely=f"That is the rate of {type(optimizer).__name__} where no other is given: hand lr=lr on to it." if own else "",
    )  # fmt: skip


def _all_finding(model: nn.Module, optimizer: torch.optim.Optimizer, held_ids: set[int], case: Case) -> Finding:
    trainable = {name for name, p in model.named_parameters() if p.requires_grad}
    held = {name for name, p in model.named_parameters() if id(p) in held_ids}
    absent, frozen = trainable - held, {name for name, p in model.named_parameters() if not p.requires_grad}
    if foreign_tensors(model, optimizer):
        reason = "foreign"
        likely = "The optimizer holds tensors of another model, such as a copy or the head before it was swapped."
    elif held == frozen:
        reason, likely = (
            "flag_turned_round",
            "It holds the frozen tensors, and none of the others: the filter is the wrong way round.",
        )
    elif held - frozen == head_names(model, case.head_name):
        reason, likely = "blocks_missing", "More than the head is trainable here: ask requires_grad, not a name or a place."
    else:
        reason, likely = missed(model, absent, trainable)
    found = f"{len(absent)} of {len(trainable)} trainable tensors are not in the optimizer: {listed(absent)}"
    return passed_if("all", not absent, reason, found=found, expected="every tensor whose requires_grad is True", likely=likely)
