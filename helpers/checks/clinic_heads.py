"""The clinic's cases about head and flags: frozen too much, frozen nothing, renamed, and an optimizer that came too early."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import nn

from helpers.checks.cases import Case
from helpers.checks.clinic import GONE, WORKS, new_head_finding, repair
from helpers.checks.freeze_base import MISSPELT
from helpers.checks.outcome import Finding, held, look, missed
from helpers.checks.replace_head import examine_replace_head
from helpers.checks.starts import head_names, some
from helpers.probe import Probe, probe
from helpers.snapshot import changes_since, take_snapshot

RATE = 0.05


def one_step(model: nn.Module, case: Case, optimizer: torch.optim.Optimizer | None = None) -> Probe:
    """One step on a copy; by default with an optimizer that holds all, so that the flags alone decide what moves."""
    optimizer = optimizer or torch.optim.SGD(model.parameters(), lr=RATE)
    return probe(model, optimizer, next(iter(case.loader())))


# ---------------------------------------------------------------- the head was frozen with the rest
def examine_frozen_head(case: Case, answer: Callable) -> Iterator[Finding]:
    """Swap the head of the case's model for one with more outputs, then try a step."""
    num_classes = case.num_classes + 2
    model = case.model().eval()
    before, old = take_snapshot(model), case.head(model)
    returned = answer(model, case.head_name, num_classes)
    step = one_step(model, case)
    head = head_names(model, case.head_name)
    still = head - step.changes.parameters
    yield look(
        GONE, not step.error and not still, "head_frozen" if step.error or still == head else "head_partly_frozen",
        found=step.error or f"one step leaves {some(still)} where it was",
        expected="backward() runs, and a step moves weight and bias of the head",
        likely="model.parameters() yields the new head's parameters as well, once it is in the model.",
    )  # fmt: skip
    yield new_head_finding(model, case, old, num_classes, step.changes.parameters)
    changes = changes_since(before, model)
    touched = {name for name in changes.parameters | changes.buffers | changes.modules if name.split(".")[0] != case.head_name}
    yield look(
        "kept", not touched, "base_changed", found=f"changed as well: {some(touched)}",
        expected="weights, statistics and layers of the base as they were",
    )  # fmt: skip
    yield look(
        "returns", returned is model, "not_the_model", found=f"the function returned a {type(returned).__name__}",
        expected="the model that was passed in",
    )  # fmt: skip


fix_frozen_head = repair(
    "fix_frozen_head",
    examine_frozen_head,
    (
        "Who is in the room when the doors are locked? Either the head comes in afterwards, or one door is opened again.",
        "A new nn.Linear can learn by itself. module.requires_grad_(True) releases all parameters of a module.",
        "for parameter in model.parameters():\n    parameter.requires_grad = False\n"
        "setattr(model, head_name, nn.Linear(...))\nreturn model",
    ),
    gone="backward() runs, and a step moves the head",
    works="a new head is in its place, and the base is frozen",
    kept="the base is as it was",
    returns="the function returns the model",
)


# ---------------------------------------------------------------- the head was renamed, not replaced
fix_renamed_outputs = repair(
    "fix_renamed_outputs",
    examine_replace_head,
    (
        "A layer's out_features is a label on the box. What is in the box?",
        "getattr(model, head_name) is the old layer; nn.Linear(old.in_features, num_classes) a new one; setattr puts it in.",
        "old = getattr(model, head_name)\nsetattr(model, head_name, nn.Linear(old...., ...))\nreturn model",
    ),
    outputs="the model gives num_classes outputs",
    layer="a new linear layer stands under the head's name",
    fresh="its weights are freshly drawn",
    trainable="it can learn",
    rest="everything else is as it was",
    returns="the function returns the model",
)


# ---------------------------------------------------------------- a flag on the module
def examine_flag_on_module(case: Case, answer: Callable) -> Iterator[Finding]:
    """Have the base frozen and an optimizer built, then count and try a step."""
    model = case.model().eval()
    before, lr = take_snapshot(model), RATE * case.num_classes
    optimizer = answer(model, case.head_name, lr)
    flags = {name: p.requires_grad for name, p in model.named_parameters()}
    head = head_names(model, case.head_name)
    yield _base_finding({name for name, flag in flags.items() if flag} - head, model, len(flags))
    if not isinstance(optimizer, torch.optim.Optimizer):
        expected = "a torch.optim optimizer, returned"
        yield missed(WORKS, "not_an_optimizer", found=f"a {type(optimizer).__name__}", expected=expected)
        return
    moved = one_step(model, case, optimizer).changes.parameters
    yield look(
        WORKS, moved == head, "base_moves" if moved - head else "head_stays",
        found=f"one step moves {some(moved)}" if moved else "one step moves nothing",
        expected="one step with the optimizer moves the head, and nothing else",
        likely="" if moved - head else "After freezing everything the head has to be released again.",
    )  # fmt: skip
    yield contents_finding(model, optimizer, flags, lr)
    changes = changes_since(before, model)
    touched = changes.parameters | changes.buffers | changes.modules
    yield look(
        "kept", not touched, "model_changed", found=f"changed as well: {some(touched)}",
        expected="only flags change: no weight, no layer",
    )  # fmt: skip


def _base_finding(learning: set[str], model: nn.Module, tensors: int) -> Finding:
    """Whether no tensor of the base can learn, and if one can, which slip that looks like."""
    if not learning:
        return held(GONE)
    reason, likely = "base_trainable", "Set the flag of each parameter of the base, whatever it was before."
    if any("requires_grad" in vars(module) for module in model.modules()):
        reason, likely = "flag_on_module", "A module has no flag of its own: model.requires_grad = False is a note nobody reads."
    elif any(name in vars(parameter) for parameter in model.parameters() for name in MISSPELT):
        reason, likely = "misspelt_flag", "Python lets you invent an attribute: the one that autograd reads is requires_grad."
    return missed(
        GONE, reason, found=f"{len(learning)} of {tensors} tensors can learn without being the head's: {some(learning)}",
        expected="only weight and bias of the head have requires_grad True", likely=likely,
    )  # fmt: skip


def contents_finding(model: nn.Module, optimizer: torch.optim.Optimizer, flags: dict[str, bool], lr: float) -> Finding:
    """Whether the optimizer holds what can learn in this model, nothing else, and with the rate `lr`."""
    names = {id(p): name for name, p in model.named_parameters()}
    found = [names.get(id(p), "a tensor of no layer in this model") for group in optimizer.param_groups for p in group["params"]]
    strays = {name for name in found if not flags.get(name, False)}
    if strays:
        return missed(
            "holds", "strays_held", found=f"it also holds {some(strays)}",
            expected="what can learn in this model, and nothing else",
        )  # fmt: skip
    rates = {float(group["lr"]) for group in optimizer.param_groups if group["params"]}
    return look("holds", rates <= {lr}, "other_rate", found=f"rates {sorted(rates)}", expected=f"lr {lr:g}, as asked for")


fix_flag_on_module = repair(
    "fix_flag_on_module",
    examine_flag_on_module,
    (
        "The switch sits on each tensor, not on the box that holds them.",
        "model.parameters() yields the tensors; module.requires_grad_(False), with an underscore, sets the flag of each.",
        "for parameter in model.parameters():\n    parameter.requires_grad = ...\n"
        "for parameter in getattr(model, head_name).parameters():\n    ...\n"
        "return SGD([p for p in model.parameters() if p.requires_grad], lr=lr)",
    ),
    gone="no tensor of the base can learn",
    works="one step with the optimizer moves the head, and nothing else",
    holds="the optimizer holds what can learn and nothing else, with the rate asked for",
    kept="weights and layers are as they were",
)


# ---------------------------------------------------------------- the optimizer was there before the head
def examine_early_optimizer(case: Case, answer: Callable) -> Iterator[Finding]:
    """Have the head swapped and an optimizer built for it, then try a step with that optimizer."""
    num_classes, lr = case.num_classes + 2, RATE * case.num_classes
    model = case.model().eval()
    old = case.head(model)
    optimizer = answer(model, case.head_name, num_classes, lr)
    if not isinstance(optimizer, torch.optim.Optimizer):
        expected = "a torch.optim optimizer, returned"
        yield missed(WORKS, "not_an_optimizer", found=f"a {type(optimizer).__name__}", expected=expected)
        return
    step = one_step(model, case, optimizer)
    head = head_names(model, case.head_name)
    still = head - step.changes.parameters
    yield look(
        GONE, not step.error and not still, "old_tensors_held" if step.foreign else "head_stays",
        found=step.error or f"one step with the optimizer leaves {some(still)} where it was",
        expected="one step moves weight and bias of the new head",
        likely="It holds tensors that are in no layer of this model: the old head's." if step.foreign else "",
    )  # fmt: skip
    # With an optimizer that holds all of the model the flags alone decide: is the base frozen?
    yield new_head_finding(model, case, old, num_classes, step.changes.parameters | one_step(model, case).changes.parameters)
    yield contents_finding(model, optimizer, {name: p.requires_grad for name, p in model.named_parameters()}, lr)


fix_early_optimizer = repair(
    "fix_early_optimizer",
    examine_early_optimizer,
    (
        "An optimizer is given its tensors when it is built. Which tensors existed at that moment?",
        "The order of three things: setattr(model, head_name, ...), requires_grad_(False), SGD(...).",
        "model.requires_grad_(False)\nsetattr(model, head_name, nn.Linear(...))\n"
        "return SGD(getattr(model, head_name).parameters(), lr=lr)",
    ),
    gone="one step with the optimizer moves the new head",
    works="a new head is in its place, and the base is frozen",
    holds="the optimizer holds the new head and nothing else, with the rate asked for",
)
