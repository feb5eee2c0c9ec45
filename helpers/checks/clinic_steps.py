"""The clinic's cases about training steps: two softmaxes, a block nobody moves, a graph cut off, a frozen block that moves."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import nn
from torch.optim import SGD, Adam

from helpers.checks import patients
from helpers.checks.cases import Case
from helpers.checks.clinic import (
    GONE,
    WORKS,
    Visit,
    kept_finding,
    learned_finding,
    losses_finding,
    repair,
    trained,
    visit,
)
from helpers.checks.epochs import head_only, sgd
from helpers.checks.outcome import Finding, held, look, missed
from helpers.checks.starts import some

RATE = 0.1


# ---------------------------------------------------------------- softmax, and cross entropy after it
def examine_double_softmax(case: Case, answer: Callable) -> Iterator[Finding]:
    """Train on samples that nothing could be easier to tell apart than, then on the case's model."""
    model, loader = patients.easy(case.num_classes)
    losses = answer(model, loader, Adam(model.parameters(), lr=1.0), 60)
    yield _floor_finding(losses, case.num_classes)
    model = head_only(case)
    seen = visit(model, case.head(model), answer, model, case.loader(), sgd(model), 3)
    reference, doubled = head_only(case), head_only(case)
    expected = trained(reference, case.loader(), sgd(reference), 3)
    trained(nn.Sequential(doubled, nn.Softmax(dim=1)), case.loader(), sgd(doubled), 3)
    words = "cross_entropy takes the softmax itself: hand it the logits."
    yield learned_finding(model, reference, seen, [("softmax_before_loss", doubled, words)])
    yield losses_finding(seen.returned, expected)
    yield kept_finding(seen)


def _floor_finding(losses: object, num_classes: int) -> Finding:
    # The best that softmax of a one-hot row can reach: -log(e / (e + C - 1)).
    floor = math.log(math.e + num_classes - 1) - 1
    if not isinstance(losses, list) or not losses or type(losses[-1]) is not float:
        return missed(GONE, "no_losses", found=f"{losses!r}"[:100], expected="a list of floats, one an epoch")
    return look(
        GONE, losses[-1] < 0.5 * floor, "loss_floor",
        found=f"with {num_classes} classes that are easy to tell apart, loss {losses[-1]:.4f} after 60 epochs",
        expected=f"a loss near 0; with two softmaxes it cannot fall under {floor:.4f}",
        likely="Somewhere on the way to cross_entropy the logits become probabilities.",
    )  # fmt: skip


fix_double_softmax = repair(
    "fix_double_softmax",
    examine_double_softmax,
    (
        "Probabilities are for reading. What does the loss want to be given?",
        "cross_entropy takes logits: train_epoch(model, loader, optimizer) on the model itself does it.",
        'return [train_epoch(..., loader, optimizer)["loss"] for _ in range(num_epochs)]',
    ),
    gone="the loss falls under the floor of a double softmax",
    works="training takes the weights where cross entropy of the logits takes them",
    returns="the mean loss of each epoch is returned",
    kept="frozen weights and statistics are as they were",
)


# ---------------------------------------------------------------- released, and not in the optimizer
def examine_forgotten_block(case: Case, answer: Callable) -> Iterator[Finding]:
    """Release the last block for one epoch; the optimizer that comes with the model holds the head alone."""
    model, lr = head_only(case), RATE / 2
    block, optimizer = case.blocks(model)[-1], SGD(case.head(model).parameters(), lr=RATE)
    names = _names(model, block)
    seen = visit(model, case.head(model), answer, model, block, case.loader(), optimizer, lr)
    still = names - seen.changes.parameters
    yield look(
        GONE, not still, "block_stays", found=f"{len(still)} of the block's {len(names)} tensors have not moved: {some(still)}",
        expected="every tensor of the released block moves",
        likely="requires_grad says who may learn; the optimizer moves what it holds, and no more.",
    )  # fmt: skip
    reference, piled = (_released_epoch(case, lr, pile) for pile in (False, True))
    words = "Gradients of earlier batches lie on the block: the zero_grad() of the optimizer in use has to reach them."
    yield learned_finding(model, reference, seen, [("gradients_pile_up", piled, words)])
    yield _held_finding(model, case, seen.returned, lr)
    yield kept_finding(seen, names)


def _names(model: nn.Module, part: nn.Module) -> set[str]:
    """The full names of a part's parameters."""
    inside = {id(p) for p in part.parameters()}
    return {name for name, p in model.named_parameters() if id(p) in inside}


def _released_epoch(case: Case, lr: float, pile: bool) -> nn.Module:
    """The model after an epoch in which head and block learn; with `pile` nobody clears the block's gradients."""
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
    return look(
        "holds", sorted(found) == sorted(wanted.items()), "other_rate" if same else "not_all_held",
        found=f"it holds {len(found)} tensors, with rates {sorted({rate for _, rate in found})}" if groups
        else f"the function returned a {type(optimizer).__name__}",
        expected=f"the {len(wanted)} tensors that can learn: the head with lr {RATE:g}, the block with lr {lr:g}",
    )  # fmt: skip


fix_forgotten_block = repair(
    "fix_forgotten_block",
    examine_forgotten_block,
    (
        "Two have to agree before a tensor learns: its own flag, and the optimizer's list.",
        'optimizer.add_param_group({"params": ..., "lr": ...}), or a new SGD with two groups.',
        'block.requires_grad_(True)\noptimizer.add_param_group({"params": block.parameters(), ...})\n'
        "train_epoch(model, loader, optimizer)\nreturn optimizer",
    ),
    gone="the released block moves",
    works="head and block end where one epoch takes them, each at its rate",
    holds="the optimizer that comes back holds head and block, each with its rate",
    kept="everything else is as it was",
)


# ---------------------------------------------------------------- no gradient for what can learn
def examine_no_gradient(case: Case, answer: Callable) -> Iterator[Finding]:
    """One epoch of a model in three parts, of which the last two can learn."""
    model, reference = patients.in_parts(case), patients.in_parts(case)
    front, block, head = model
    seen = visit(model, head, answer, front, block, head, case.loader(), _plain(model))
    names = _names(model, block)
    still = names - seen.changes.parameters
    bare = {name for name, p in model.named_parameters() if name in still and p.grad is None}
    yield look(
        GONE, not still, "no_gradient" if bare else "block_stays",
        found=f"{len(still)} of the block's {len(names)} tensors have not moved; {len(bare)} never got a gradient",
        expected="every tensor of the block gets a gradient and moves",
        likely="What runs under no_grad(), or goes through detach(), is where backward() stops.",
    )  # fmt: skip
    trained(reference, case.loader(), _plain(reference))
    yield learned_finding(model, reference, seen)
    yield kept_finding(seen)


def _plain(model: nn.Module) -> SGD:
    return SGD([p for p in model.parameters() if p.requires_grad], lr=RATE)


fix_no_gradient = repair(
    "fix_no_gradient",
    examine_no_gradient,
    (
        "Follow the way back from the loss. Where does it end, and who is waiting behind that point?",
        "with torch.no_grad(): belongs around what is frozen, and around nothing else.",
        "with torch.no_grad():\n    features = front(images)\ncross_entropy(head(block(features)), labels).backward()",
    ),
    gone="the block gets gradients and moves",
    works="block and head end where one epoch takes them",
    kept="the front is as it was: weights, flags, statistics",
)


# ---------------------------------------------------------------- frozen, and still it moves
def examine_frozen_still_moves(case: Case, answer: Callable) -> Iterator[Finding]:
    """Freeze a block that has learned for an epoch, with momentum and decay, and train for one more."""
    model = patients.released(case, blocks=1)
    block, learning = case.blocks(model)[-1], [p for p in model.parameters() if p.requires_grad]
    optimizer = SGD(learning, lr=RATE, momentum=0.9, weight_decay=0.01)
    trained(model, case.loader(), optimizer)
    seen = visit(model, case.head(model), answer, model, block, case.loader(), optimizer)
    names = _names(model, block)
    moved = names & seen.changes.parameters
    yield look(
        GONE, not moved, "frozen_moved", found=f"{len(moved)} of the block's {len(names)} tensors have moved: {some(moved)}",
        expected="a frozen block stays, to the last bit",
        likely="A gradient of zero is a gradient: momentum and weight decay go on. Only a gradient of None is skipped.",
    )  # fmt: skip
    yield _goes_on_finding(model, case, block, seen)
    yield kept_finding(seen, names)


def _goes_on_finding(model: nn.Module, case: Case, block: nn.Module, seen: Visit) -> Finding:
    """Whether the block is frozen and the head has gone on learning from every image."""
    if any(p.requires_grad for p in block.parameters()):
        return missed(WORKS, "not_frozen", found="the block can still learn", expected="the block frozen: requires_grad False")
    still = _names(model, case.head(model)) - seen.changes.parameters
    if still:
        return missed(WORKS, "head_stays", found=f"{some(still)} has not moved", expected="the head goes on learning")
    expected = f"one epoch: each of the {case.num_images} images once"
    found = f"{seen.images} images went through the head"
    return held(WORKS) if seen.images == case.num_images else missed(WORKS, "not_an_epoch", found=found, expected=expected)


fix_frozen_still_moves = repair(
    "fix_frozen_still_moves",
    examine_frozen_still_moves,
    (
        "Zero and nothing are not the same: who has a gradient of zero still gets a turn.",
        "optimizer.zero_grad() sets gradients to None unless it is told otherwise; tensors without a gradient are skipped.",
        "block.requires_grad_(False)\nfor images, labels in loader:\n    optimizer.zero_grad()\n    ...",
    ),
    gone="the frozen block stays where it was",
    works="the block is frozen, and the head learns on",
    kept="everything else is as it was",
)
