"""The check of `train_one_epoch`: one step a batch, exact means, and nothing frozen moves."""

import math
from collections.abc import Callable, Iterator

from torch import nn
from torch.nn.functional import cross_entropy

from helpers.checks.exercise import exercise
from helpers.checks.intact import intact
from helpers.checks.means import expected_numbers, numbers
from helpers.checks.report import Aspect, Finding, failed, passed
from helpers.checks.small_models import TO_TRAIN, Case, head_only, sgd
from helpers.checks.tensors import same_weights
from helpers.inspection.snapshot import Changes, changes_since, take_snapshot
from helpers.training.one_step import explain

MODES = "model.train() reaches every module below it, the frozen BatchNorm layers as well: leave the modes as they are here."


@exercise(
    aspects=(
        Aspect("learns", "one step for each batch: the head ends where an epoch takes it", 2.5),
        Aspect("frozen", "frozen weights and BatchNorm statistics are as they were", 1.5, requires=("learns",)),
        Aspect("loss", "loss is the exact mean over all samples", 1.5, requires=("learns",)),
        Aspect("accuracy", "accuracy is the exact share of correct samples", 1.5, requires=("learns",)),
    ),
    cases=TO_TRAIN,
    hints=(
        "For each batch: forget old gradients, look, compare, go back, step. Keep three sums: loss, correct answers, samples.",
        "optimizer.zero_grad(), nn.functional.cross_entropy(logits, labels), loss.backward(), optimizer.step(); "
        "loss.item() * len(labels) is the batch's sum.",
        "for images, labels in loader:\n    optimizer.zero_grad()\n    logits = model(images)\n    loss = ...\n    ...\n"
        "    total += loss.item() * len(labels)\n"
        'return {"loss": total / samples, "accuracy": correct / samples}',
    ),
)
def train_one_epoch(case: Case, answer: Callable) -> Iterator[Finding]:
    """Findings on: learns, frozen, loss, accuracy."""
    model = head_only(case)
    before, optimizer = take_snapshot(model), sgd(model)
    try:
        found = answer(model, case.loader(), optimizer)
    except RuntimeError as problem:
        if "grad" not in str(problem):
            raise
        yield failed(
            "learns", "no_gradient", found=explain(problem, model),
            expected="a forward pass that records what backward() needs",
            likely="torch.no_grad() is for measuring. Around the training forward pass it leaves every gradient None.",
        )  # fmt: skip
        return
    changes = changes_since(before, model)
    yield _learns_finding(case, model, changes)
    yield intact("frozen", before, changes, "frozen_moved", "batchnorm_moved", likely={"batchnorm_moved": MODES})
    doubled, _ = expected_numbers(*_epoch(case, softmax=True)[1:], case)
    other = [(doubled["loss"], "softmax_before_loss", "cross_entropy takes logits, not probabilities.")]
    if changes.buffers:
        other.append((math.nan, "train_mode", MODES))
    yield from numbers(found, *expected_numbers(*_epoch(case)[1:], case), other=other)


def _epoch(case: Case, *, zero: bool = True, softmax: bool = False, batches: int | None = None) -> tuple[nn.Module, list, list]:
    """The head, losses () and correct answers per batch of one epoch, or of one with a usual mistake in it."""
    model = head_only(case)
    optimizer, losses, right = sgd(model), [], []
    for images, labels in list(case.loader())[:batches]:
        if zero:
            optimizer.zero_grad()
        logits = model(images)
        loss = cross_entropy(logits.softmax(dim=1) if softmax else logits, labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        right.append(int((logits.argmax(dim=1) == labels).sum()))
    return case.head(model), losses, right


def _learns_finding(case: Case, model: nn.Module, changes: Changes) -> Finding:
    head = case.head(model)
    if not any(name.startswith(f"{case.head_name}.") for name in changes.parameters):
        return failed(
            "learns", "nothing_moved", found="no weight of the head has changed after the epoch",
            expected="one optimizer step per batch",
            likely="Each batch needs all four: zero_grad(), the loss, backward(), step().",
        )  # fmt: skip
    # Moved statistics are named by the aspect "frozen"; no second mark is lost for them.
    if changes.buffers or same_weights(head, _epoch(case)[0]):
        return passed("learns")
    mistakes = (
        ("gradients_pile_up", {"zero": False}, "Without zero_grad() every batch adds its gradient to all earlier ones."),
        ("softmax_before_loss", {"softmax": True}, "cross_entropy applies the softmax itself: hand it the logits."),
        ("one_batch", {"batches": 1}, "The loop ends after its first batch: look for a return or break inside it."),
    )
    made = ((reason, likely) for reason, mistake, likely in mistakes if same_weights(head, _epoch(case, **mistake)[0]))
    reason, likely = next(made, ("other_steps", ""))
    return failed(
        "learns", reason, found="the head moved, but not as one epoch moves it",
        expected="for each batch of the loader, once: zero_grad(), cross entropy of the logits, backward(), step()",
        likely=likely,
    )  # fmt: skip
