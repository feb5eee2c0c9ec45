"""The check of `train_one_epoch`: one step a batch, exact means, and nothing frozen changes."""

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
from helpers.checks.watching import Watch
from helpers.inspection.snapshot import Changes, changes_since, take_snapshot

MODES = "model.train() reaches every module below it, the frozen BatchNorm layers as well: leave the modes as they are here."


@exercise(
    aspects=(
        Aspect("learns", "one step for each batch: the head has the weights that an epoch gives", 2.5),
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
    model, watch = head_only(case), Watch()
    before, optimizer = take_snapshot(model), sgd(model)
    hook = case.head(model).register_forward_hook(watch)
    try:
        found = answer(model, case.loader(), optimizer)
    except RuntimeError as problem:
        if "does not require grad" not in str(problem):
            raise
        yield _no_gradient_finding(any(watch.graphs))
        return
    finally:
        hook.remove()
    changes = changes_since(before, model)
    right, losses, correct = _epoch(case)
    yield _learns_finding(case, model, changes, right)
    yield intact("frozen", before, changes, "frozen_moved", "batchnorm_moved", likely={"batchnorm_moved": MODES})
    moved = [(math.nan, "batchnorm_moved", MODES)] if changes.buffers else []
    yield from numbers(found, *expected_numbers(losses, correct, case), {"loss": _loss_slips(case, moved), "accuracy": moved})


def _loss_slips(case: Case, moved: list) -> Iterator[tuple]:
    """What may stand in the loss's place here, and `moved`."""
    doubled, _ = expected_numbers(*_epoch(case, softmax=True)[1:], case)
    yield doubled["loss"], "softmax_before_loss", "cross_entropy takes logits, not probabilities."
    yield from moved


def _no_gradient_finding(recorded: bool) -> Finding:
    """What to say of a backward() that found no gradient, though the head is trainable; `recorded`: its outputs had a graph."""
    return failed(
        "learns", "graph_cut" if recorded else "no_gradient",
        found="backward() found no gradient to compute"
        + (", though the logits had a graph when they left the model" if recorded else ": the logits have no graph"),
        expected="a forward pass and a loss that record what backward() needs",
        likely="detach(), item(), numpy() and torch.tensor() end the graph." if recorded
        else "torch.no_grad() is for measuring. Around the training forward pass it leaves every gradient None.",
    )  # fmt: skip


def _epoch(
    case: Case, *, zero: bool = True, softmax: bool = False, batches: int | None = None, summed: bool = False, late: bool = False
) -> tuple[nn.Module, list, list]:
    """The head, losses () and correct answers per batch of one epoch, or of one with a usual mistake in it."""
    model = head_only(case)
    optimizer, losses, right = sgd(model), [], []
    for images, labels in case.batches()[:batches]:
        if late:
            optimizer.step()
        if zero:
            optimizer.zero_grad()
        logits = model(images)
        loss = cross_entropy(logits.softmax(dim=1) if softmax else logits, labels)
        (loss * len(labels) if summed else loss).backward()
        if not late:
            optimizer.step()
        losses.append(loss.item())
        right.append(int((logits.argmax(dim=1) == labels).sum()))
    return case.head(model), losses, right


def _learns_finding(case: Case, model: nn.Module, changes: Changes, right: nn.Module) -> Finding:
    """Whether the model's head has the weights of `right`, and if not, by which mistake."""
    head = case.head(model)
    if not any(name.startswith(f"{case.head_name}.") for name in changes.parameters):
        return failed(
            "learns", "nothing_moved", found="no weight of the head has changed after the epoch",
            expected="one optimizer step per batch",
            likely="Each batch needs all four, in this order: zero_grad(), the loss, backward(), step().",
        )  # fmt: skip
    # Moved statistics are named by the aspect "frozen"; no second mark is lost for them.
    if changes.buffers or same_weights(head, right):
        return passed("learns")
    mistakes = (
        ("gradients_pile_up", {"zero": False}, "Without zero_grad() every batch adds its gradient to all earlier ones."),
        ("softmax_before_loss", {"softmax": True}, "cross_entropy applies the softmax itself: hand it the logits."),
        (
            "summed_loss",
            {"summed": True},
            "The step follows the batch's sum of losses, not its mean: larger batches, larger steps.",
        ),
        (
            "step_too_early",
            {"late": True},
            "Each step comes before its batch's backward(): it uses the gradients of the batch before.",
        ),
        ("one_batch", {"batches": 1}, "The loop ends after its first batch: look for a return or break inside it."),
    )
    made = ((reason, likely) for reason, mistake, likely in mistakes if same_weights(head, _epoch(case, **mistake)[0]))
    reason, likely = next(made, ("other_steps", ""))
    return failed(
        "learns", reason, found="the head was updated, but not as one epoch updates it",
        expected="for each batch of the loader, once: zero_grad(), cross entropy of the logits, backward(), step()",
        likely=likely,
    )  # fmt: skip
