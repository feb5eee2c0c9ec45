"""The check of `fix_frozen_still_moves`: a frozen block that still changes."""

from collections.abc import Callable, Iterator

from torch import nn

from helpers.checks.debug_clinic.repair import GONE, RATE, WORKS, kept_finding, repair, trained
from helpers.checks.report import Finding, failed, passed_if
from helpers.checks.small_models import Case, names_of, released, sgd
from helpers.checks.watching import Visit, visit
from helpers.inspection.snapshot import listed


@repair(
    hints=(
        "Zero and nothing are not the same: what has a gradient of zero still gets an update.",
        "optimizer.zero_grad() sets gradients to None unless it is told otherwise; tensors without a gradient are skipped.",
        "block.requires_grad_(False)\nfor images, labels in loader:\n    optimizer.zero_grad()\n    ...",
    ),
    gone="the frozen block is exactly as it was",
    works="the block is frozen, and the head learns on",
    kept="everything else is as it was",
)
def fix_frozen_still_moves(case: Case, answer: Callable) -> Iterator[Finding]:
    """Freeze a block that has learned for an epoch, with momentum and decay, and train for one more."""
    model = released(case, blocks=1)
    block, optimizer = case.blocks(model)[-1], sgd(model, lr=RATE, momentum=0.9, weight_decay=0.01)
    trained(model, case.loader(), optimizer)
    seen = visit(model, case.head(model), answer, model, block, case.loader(), optimizer)
    names = names_of(model, block)
    moved = names & seen.changes.parameters
    yield passed_if(
        GONE, not moved, "frozen_moved", found=f"{len(moved)} of the block's {len(names)} tensors have changed: {listed(moved)}",
        expected="a frozen block that stays exactly as it is",
        likely="Only a gradient of None is skipped. One of zero is a gradient: momentum and weight decay go on.",
    )  # fmt: skip
    yield _goes_on_finding(model, case, block, seen)
    yield kept_finding(seen, names)


def _goes_on_finding(model: nn.Module, case: Case, block: nn.Module, seen: Visit) -> Finding:
    """Whether the block is frozen and the head has gone on learning from every image."""
    if any(p.requires_grad for p in block.parameters()):
        return failed(WORKS, "not_frozen", found="the block can still learn", expected="the block frozen: requires_grad False")
    still = names_of(model, case.head(model)) - seen.changes.parameters
    if still:
        return failed(WORKS, "head_stays", found=f"{listed(still)} was not updated", expected="the head goes on learning")
    return passed_if(
        WORKS, seen.watch.samples == case.num_images, "not_an_epoch", found=f"{seen.watch.samples} images went through the head",
        expected=f"one epoch: each of the {case.num_images} images once",
    )  # fmt: skip
