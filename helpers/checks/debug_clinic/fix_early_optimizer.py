"""The check of `fix_early_optimizer`: an optimizer made before the head was swapped."""

from collections.abc import Callable, Iterator

import torch

from helpers.checks.debug_clinic.repair import GONE, RATE, WORKS, contents_finding, new_head_finding, one_step, repair
from helpers.checks.report import Finding, passed_if, wrong_type
from helpers.checks.small_models import Case, head_names
from helpers.inspection.snapshot import listed


@repair(
    hints=(
        "An optimizer is given its tensors when it is built. Which tensors existed at that moment?",
        "The order of three things: setattr(model, head_name, ...), requires_grad_(False), SGD(...).",
        "model.requires_grad_(False)\nsetattr(model, head_name, nn.Linear(...))\n"
        "return SGD(getattr(model, head_name).parameters(), lr=lr)",
    ),
    gone="one step with the optimizer updates the new head",
    works="a new head is in its place, and the base is frozen",
    holds="the optimizer holds the new head and nothing else, with the rate asked for",
)
def fix_early_optimizer(case: Case, answer: Callable) -> Iterator[Finding]:
    """Have the head swapped and an optimizer built for it, then try a step with that optimizer."""
    num_classes, lr = case.num_classes + 2, RATE / 2 * case.num_classes
    model = case.model().eval()
    old = case.head(model)
    optimizer = answer(model, case.head_name, num_classes, lr)
    if not isinstance(optimizer, torch.optim.Optimizer):
        yield wrong_type(WORKS, "not_an_optimizer", optimizer, "a torch.optim optimizer, returned")
        return
    step = one_step(model, case, optimizer)
    head = head_names(model, case.head_name)
    still = head - step.changes.parameters
    yield passed_if(
        GONE, not step.error and not still, "old_tensors_held" if step.foreign else "head_stays",
        found=step.error or f"one step with the optimizer leaves {listed(still)} where it was",
        expected="one step updates weight and bias of the new head",
        likely="It holds tensors that are in no layer of this model: the old head's." if step.foreign else "",
    )  # fmt: skip
    # With an optimizer that holds all of the model the flags alone decide: is the base frozen?
    yield new_head_finding(model, case, old, num_classes, step.changes.parameters | one_step(model, case).changes.parameters)
    yield contents_finding(model, optimizer, {name: p.requires_grad for name, p in model.named_parameters()}, lr)
