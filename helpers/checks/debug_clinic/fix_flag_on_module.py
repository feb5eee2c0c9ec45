"""The check of `fix_flag_on_module`: a flag on the module, which nothing reads."""

from collections.abc import Callable, Iterator

import torch
from torch import nn

from helpers.checks.debug_clinic.repair import GONE, RATE, WORKS, contents_finding, one_step, repair
from helpers.checks.flags import flag_on_module, misspelt_flag
from helpers.checks.intact import intact
from helpers.checks.report import Finding, passed_if, wrong_type
from helpers.checks.small_models import Case, head_names
from helpers.inspection.snapshot import listed, take_snapshot


@repair(
    hints=(
        "The switch sits on each tensor, not on the box that holds them.",
        "model.parameters() yields the tensors; module.requires_grad_(False), with an underscore, sets the flag of each.",
        "for parameter in model.parameters():\n    parameter.requires_grad = ...\n"
        "for parameter in getattr(model, head_name).parameters():\n    ...\n"
        "return SGD([p for p in model.parameters() if p.requires_grad], lr=lr)",
    ),
    gone="no tensor of the base is trainable",
    works="one step with the optimizer updates the head, and nothing else",
    holds="the optimizer holds what is trainable and nothing else, with the rate asked for",
    kept="weights and layers are as they were",
)
def fix_flag_on_module(case: Case, answer: Callable) -> Iterator[Finding]:
    """Have the base frozen and an optimizer built, then count and try a step."""
    model = case.model().eval()
    before, lr = take_snapshot(model), RATE / 2 * case.num_classes
    optimizer = answer(model, case.head_name, lr)
    flags = {name: p.requires_grad for name, p in model.named_parameters()}
    head = head_names(model, case.head_name)
    yield _base_finding({name for name, flag in flags.items() if flag} - head, model, len(flags))
    if not isinstance(optimizer, torch.optim.Optimizer):
        yield wrong_type(WORKS, "not_an_optimizer", optimizer, "a torch.optim optimizer, returned")
        return
    moved = one_step(model, case, optimizer).changes.parameters
    yield passed_if(
        WORKS, moved == head, "base_moves" if moved - head else "head_stays",
        found=f"one step updates {listed(moved)}" if moved else "one step updates nothing",
        expected="one step with the optimizer updates the head, and nothing else",
        likely="" if moved - head else "After freezing everything the head has to be released again.",
    )  # fmt: skip
    yield contents_finding(model, optimizer, flags, lr)
    yield intact("kept", before, model, "model_changed", apart=("flags", "modes"))


def _base_finding(learning: set[str], model: nn.Module, tensors: int) -> Finding:
    """Whether no tensor of the base is trainable, and if one can, which slip that looks like."""
    reason, likely = "base_trainable", "Set the flag of each parameter of the base, whatever it was before."
    if flag_on_module(model):
        reason, likely = "flag_on_module", "A module has no flag of its own: model.requires_grad = False is a note nobody reads."
    elif misspelt_flag(model):
        reason, likely = "misspelt_flag", "Python lets you invent an attribute: the one that autograd reads is requires_grad."
    return passed_if(
        GONE, not learning, reason,
        found=f"{len(learning)} of {tensors} tensors are trainable without being the head's: {listed(learning)}",
        expected="only weight and bias of the head have requires_grad True", likely=likely,
    )  # fmt: skip
