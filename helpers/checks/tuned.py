"""What a fine-tuned model must show: released weights that moved, frozen ones that did not, and a real gain."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from helpers import models
from helpers.checks import results
from helpers.checks.exercise import NotAttempted
from helpers.checks.outcome import Finding, held, look, missed
from helpers.checks.starts import some
from helpers.recipe import FINE_TUNE_EPOCHS, FINE_TUNE_LR, RELEASED_BLOCKS


def examine_fine_tune_history(
    case: results.HeldOut, history: object, model: nn.Module, head_model: nn.Module
) -> Iterator[Finding]:
    """Measure the model before and after fine-tuning again on held-out images, then read the records."""
    if history is None:
        raise NotAttempted
    backbone = models.get(case.settings().backbone)
    records = results.records_finding(history, FINE_TUNE_EPOCHS, FINE_TUNE_LR)
    yield records
    wrong = results.whole_model("released", model, case.pretrained()) or results.whole_model(
        "gain", head_model, case.pretrained(), "head_model"
    )
    if wrong is not None:
        yield wrong
        return
    yield _moved_finding(backbone, model, head_model)
    frozen = results.frozen_finding(model, case, RELEASED_BLOCKS)
    yield frozen
    known = RELEASED_BLOCKS if frozen.passed else None
    val = case.measure(model, known, "val")
    accuracy = val["accuracy"] if case.split == "val" else case.measure(model, known)["accuracy"]
    yield results.accuracy_finding(
        "accuracy",
        accuracy,
        case.bars().fine_tuned,
        case.split,
        "Did the best epoch's weights stay in the model? Was the head trained first?",
    )
    yield _gain_finding(case, accuracy, head_model)
    best = _nearest_best(history, val) if records.passed else None
    likely = "fine_tune should put the best epoch's weights back at its end: these are not that epoch's."
    yield results.agrees_finding(records, best, val, "the best epoch's record", likely)
    yield results.falls_finding(records, history)


def _moved_finding(backbone: models.Backbone, model: nn.Module, head_model: nn.Module) -> Finding:
    """Whether every released tensor is another one than before fine-tuning."""
    names = results.learning_names(backbone, model, RELEASED_BLOCKS)
    start: dict[str, Tensor] = dict(head_model.named_parameters())
    still = {name for name, p in model.named_parameters() if name in names and torch.equal(p, start[name])}
    if not still:
        return held("released")
    return missed(
        "released", "nothing_moved" if still == names else "released_not_moved",
        found=f"{len(still)} of {len(names)} released tensors are as before fine-tuning: {some(still)}",
        expected=f"the head and the last {RELEASED_BLOCKS} blocks have learned",
        likely="Is head_model a deep copy made before fine-tuning? Were the blocks released before the optimizer was built?",
    )  # fmt: skip


def _gain_finding(case: results.HeldOut, accuracy: float, head_model: nn.Module) -> Finding:
    bars = case.bars()
    intact = results.frozen_finding(head_model, case, released_blocks=0).passed
    before = case.measure(head_model, 0 if intact else None)["accuracy"]
    if before < bars.head or not intact:
        return missed(
            "gain", "no_start",
            found=f"head_model has accuracy {before:.3f} on the {case.split} images, or another base than the pre-trained one",
            expected="the model after the head's epochs and before fine-tuning: a fair start",
        )  # fmt: skip
    return look(
        "gain", accuracy - before >= bars.gain, "no_gain",
        found=f"accuracy {before:.3f} before, {accuracy:.3f} after, on the {case.split} images",
        expected=f"a gain of {bars.gain:+.3f} or more",
    )  # fmt: skip


def _nearest_best(history: list[dict], found: dict[str, float]) -> dict:
    """Of the records with the highest validation accuracy, the one whose loss is nearest to the measured one."""
    top = max(record["val_accuracy"] for record in history)
    return min((r for r in history if r["val_accuracy"] == top), key=lambda record: abs(record["val_loss"] - found["loss"]))
