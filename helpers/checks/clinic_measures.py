"""The clinic's cases about numbers that one believes: means of means, and best weights that are the last."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from helpers.checks.cases import Case
from helpers.checks.clinic import (
    CASES,
    GONE,
    WORKS,
    kept_finding,
    losses_finding,
    repair,
    trained,
    visit,
)
from helpers.checks.epochs import CLOSE, expected_numbers, numbers
from helpers.checks.outcome import Finding, held, look, missed
from helpers.checks.patients import turning
from helpers.snapshot import changes_since, take_snapshot
from helpers.training import measure


# ---------------------------------------------------------------- the mean of the batches' means
def half_right(case: Case) -> tuple[nn.Module, Tensor, Tensor]:
    """A model in eval mode, images and labels: it is right on all images but those of the smaller last batch."""
    model, images = case.model().eval(), case.images()
    with torch.no_grad():
        labels = model(images).argmax(dim=1)
    left_over = case.num_images % case.batch_size
    labels[-left_over:] = (labels[-left_over:] + 1) % case.num_classes
    return model, images, labels


def examine_batch_means(case: Case, answer: Callable) -> Iterator[Finding]:
    """Measure the same images in one batch, and in batches of which the last one is smaller."""
    model, images, labels = half_right(case)
    before = take_snapshot(model)
    whole, split = (
        answer(model, DataLoader(TensorDataset(images, labels), batch_size=size)) for size in (case.num_images, case.batch_size)
    )
    changes = changes_since(before, model)
    batches = list(DataLoader(TensorDataset(images, labels), batch_size=case.batch_size))
    with torch.no_grad():
        logits = [model(part) for part, _ in batches]
    losses = [nn.functional.cross_entropy(z, y).item() for z, (_, y) in zip(logits, batches, strict=True)]
    right = [int((z.argmax(dim=1) == y).sum()) for z, (_, y) in zip(logits, batches, strict=True)]
    exact, slips = expected_numbers(losses, right, case)
    yield _same_finding(whole, split, exact, slips, case)
    one_batch = list(numbers(whole, exact, slips, other=[]))
    wrong = next((finding for finding in one_batch if not finding.passed), None)
    yield held(WORKS) if wrong is None else missed(
        WORKS, wrong.reason, found=f"all images in one batch: {wrong.found}", expected=wrong.expected, likely=wrong.likely
    )  # fmt: skip
    yield from numbers(split, exact, slips, other=[])
    yield look(
        "kept", not changes, "model_changed", found="weights, statistics or modes have changed", expected="the model as it was"
    )


def _same_finding(whole: object, split: object, exact: dict, slips: dict, case: Case) -> Finding:
    """Whether the numbers are the same for the same images, however they are cut into batches."""
    expected = "the same two numbers for the same images, whatever the batch size"
    if not all(isinstance(found, dict) and set(found) == set(exact) for found in (whole, split)):
        shape = 'a dict with the keys "loss" and "accuracy"'
        return missed(GONE, "not_the_dict", found=f"a {type(split).__name__}", expected=shape)
    differ = [key for key in exact if not math.isclose(float(whole[key]), float(split[key]), rel_tol=CLOSE, abs_tol=1e-6)]
    if not differ:
        return held(GONE)
    key = differ[0]
    known = {reason for value, reason, _ in slips[key] if math.isclose(float(split[key]), value, rel_tol=CLOSE, abs_tol=1e-6)}
    left_over = case.num_images % case.batch_size
    return missed(
        GONE, "batch_means" if "batch_means" in known else "depends_on_batches",
        found=f"{key} {float(whole[key]):.4f} in one batch, {float(split[key]):.4f} in batches of {case.batch_size}",
        expected=expected,
        likely=f"The last batch has {left_over} images and as much say as one with {case.batch_size}.",
    )  # fmt: skip


fix_batch_means = repair(
    "fix_batch_means",
    examine_batch_means,
    (
        "One image, one vote. How many votes does an image in the small last batch have?",
        "loss.item() * len(labels) is a batch's sum; (logits.argmax(dim=1) == labels).sum().item() counts its right answers.",
        "total += loss.item() * len(labels)\ncorrect += ...\nsamples += len(labels)\n...\n"
        'return {"loss": total / samples, "accuracy": ...}',
    ),
    gone="the numbers do not depend on the batch size",
    works="of a single batch both numbers are right",
    loss="loss is the exact mean over all samples",
    accuracy="accuracy is the exact share of right answers",
    kept="the model is as it was",
)


# ---------------------------------------------------------------- the best weights are the last
NUM_EPOCHS = 5


def examine_best_weights(case: Case, answer: Callable) -> Iterator[Finding]:
    """Train twice: a run that is best after two epochs, and one that is best after three."""
    for turn in (2, 3):
        model, loader, val, optimizer = turning(case, turn)
        seen = visit(model, case.head(model), answer, model, loader, val, optimizer, NUM_EPOCHS)
        expected = _val_losses(case, turn)
        yield _left_finding(measure(model, val)["loss"], expected)
        yield _run_finding(seen.returned, expected)
        yield losses_finding(seen.returned, expected, "validation loss")
        yield kept_finding(seen)


def _val_losses(case: Case, turn: int) -> list[float]:
    """The validation loss after each epoch, by the workshop's own loop."""
    model, loader, val, optimizer = turning(case, turn)
    losses = []
    for _ in range(NUM_EPOCHS):
        trained(model, loader, optimizer)
        losses.append(measure(model, val)["loss"])
    return losses


def _left_finding(found: float, losses: list[float]) -> Finding:
    """Whether the model that is left is the one of the epoch with the lowest validation loss."""
    best = losses.index(min(losses))
    if math.isclose(found, losses[best], rel_tol=CLOSE):
        return held(GONE)
    epochs = [epoch for epoch, loss in enumerate(losses, start=1) if math.isclose(found, loss, rel_tol=CLOSE)]
    whose = f", that of epoch {epochs[-1]}" if epochs else ""
    reason = "no_epochs_weights" if not epochs else "last_weights" if epochs[-1] == NUM_EPOCHS else "other_epoch"
    return missed(
        GONE, reason,
        found=f"the model that is left has a validation loss of {found:.4f}{whose}",
        expected=f"the weights of epoch {best + 1}, with {losses[best]:.4f}",
        likely="model.state_dict() is a live view: whatever it was noted as, it shows the weights as they are now."
        if reason == "last_weights" else "",
    )  # fmt: skip


def _run_finding(returned: object, losses: list[float]) -> Finding:
    """Whether all epochs were trained: the last number says so."""
    numbers_ = returned if isinstance(returned, list) and all(type(value) is float for value in returned) else []
    whole = len(numbers_) == len(losses) and math.isclose(numbers_[-1], losses[-1], rel_tol=CLOSE)
    return look(
        WORKS, whole, "not_trained_through", found=f"{len(numbers_)} epochs in what the function returned",
        expected=f"{NUM_EPOCHS} epochs of training, the last with a validation loss of {losses[-1]:.4f}",
        likely="All epochs are to be trained, the ones after the best as well: nobody knows beforehand which it will be.",
    )  # fmt: skip


fix_best_weights = repair(
    "fix_best_weights",
    examine_best_weights,
    (
        "A photograph or a window: which of the two did the program keep of its best moment?",
        "copy.deepcopy(model.state_dict()) takes the picture; model.load_state_dict(...) hangs it up again.",
        "if losses[-1] == min(losses):\n    best = copy....(model.state_dict())",
    ),
    cases=CASES[:2],
    gone="the model is left with its best epoch's weights",
    works="all epochs are trained",
    returns="the validation loss of each epoch is returned",
    kept="frozen weights and statistics are as they were",
)
