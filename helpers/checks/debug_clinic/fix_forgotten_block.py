"""The check of `fix_forgotten_block`: a released block that the optimizer does not hold."""

from collections.abc import Callable, Iterator
from functools import lru_cache

import torch
from torch import nn
from torch.optim import SGD

from helpers.checks.debug_clinic.repair import GONE, MOST_KEPT, RATE, kept_finding, learned_finding, repair, trained
from helpers.checks.report import Finding, passed_if
from helpers.checks.small_models import Case, head_only, names_of
from helpers.checks.watching import visit
from helpers.inspection.snapshot import listed


@repair(
    hints=(
        "Two have to agree before a tensor learns: its own flag, and the optimizer's list.",
        'optimizer.add_param_group({"params": ..., "lr": ...}), or a new SGD with two groups.',
        'block.requires_grad_(True)\noptimizer.add_param_group({"params": block.parameters(), ...})\n'
        "train_epoch(model, loader, optimizer)\nreturn optimizer",
    ),
    gone="the released block is updated",
    works="head and block have the weights that one epoch gives, each at its rate",
    holds="the optimizer that comes back holds head and block, each with its rate",
    kept="everything else is as it was",
)
def fix_forgotten_block(case: Case, answer: Callable) -> Iterator[Finding]:
    """Release the last block for one epoch; the optimizer that comes with the model holds the head alone."""
    model, lr = head_only(case), RATE / 2
    block, optimizer = case.blocks(model)[-1], SGD(case.head(model).parameters(), lr=RATE)
    names = names_of(model, block)
    seen = visit(model, case.head(model), answer, model, block, case.loader(), optimizer, lr)
    still = names - seen.changes.parameters
    yield passed_if(
        GONE, not still, "block_stays", found=f"{len(still)} of its {len(names)} tensors were not updated: {listed(still)}",
        expected="every tensor of the released block is updated",
        likely="requires_grad says what is trainable; the optimizer updates what it holds, and no more.",
    )  # fmt: skip
    words = "Gradients of earlier batches are still on the block: the zero_grad() of the optimizer in use has to reach them."
    slips = [("gradients_pile_up", lambda: _released_epoch(case, lr, pile=True), words)]
    yield learned_finding(model, _released_epoch(case, lr), seen, slips)
    yield _held_finding(model, case, seen.returned, lr)
    yield kept_finding(seen, names)


@lru_cache(MOST_KEPT)
def _released_epoch(case: Case, lr: float, pile: bool = False) -> nn.Module:
    """The model after an epoch in which head and block learn; with `pile` nobody clears the block's gradients. Read it, do not
    change it.
    """
    model = head_only(case)
    block = case.blocks(model)[-1].requires_grad_(True)
    head = SGD(case.head(model).parameters(), lr=RATE)
    also = SGD(block.parameters(), lr=lr)
    for batch in case.loader():
        if not pile:
            also.zero_grad()
        trained(model, [batch], head)
        also.step()
    return model


def _held_finding(model: nn.Module, case: Case, optimizer: object, lr: float) -> Finding:
    """Whether the optimizer that comes back holds head and block, each once and with its own rate."""
    wanted = {id(p): RATE if p in set(case.head(model).parameters()) else lr for p in model.parameters() if p.requires_grad}
    groups = optimizer.param_groups if isinstance(optimizer, torch.optim.Optimizer) else []
    found = [(id(p), float(group["lr"])) for group in groups for p in group["params"]]
    same = {i for i, _ in found} == set(wanted)
    return passed_if(
        "holds", sorted(found) == sorted(wanted.items()), "other_rate" if same else "not_all_held",
        found=f"it holds {len(found)} tensors, with rates {sorted({rate for _, rate in found})}" if groups
        else f"the function returned a {type(optimizer).__name__}",
        expected=f"the {len(wanted)} trainable tensors: the head with lr {RATE:g}, the block with lr {lr:g}",
    )  # fmt: skip
