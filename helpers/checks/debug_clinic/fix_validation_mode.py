"""Lesson 09, validation in train mode: the check of `fix_validation_mode`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from torch import nn

from helpers.checks.debug_clinic.repair import GONE, WORKS, repair, visit
from helpers.checks.means import CLOSE
from helpers.checks.report import Finding, failed, passed, passed_if
from helpers.checks.small_models import Case, listed
from helpers.training.loop import measure


# ---------------------------------------------------------------- validation in train mode
def mixed_model(case: Case) -> nn.Module:
    """The case's model in mixed modes: in the middle of an epoch, with the first block frozen and asleep."""
    model = case.model()
    model.blocks[0].requires_grad_(False).eval()
    return model


def examine_validation_mode(case: Case, answer: Callable) -> Iterator[Finding]:
    """Measure a model in mixed modes, and look at what measuring left behind."""
    model = mixed_model(case)
    seen = visit(model, case.head(model), answer, model, case.loader())
    moved = seen.changes.buffers
    yield passed_if(
        GONE, not moved, "statistics_moved",
        found=f"{len(moved)} of {len(seen.before.buffers)} running statistics have moved: {listed(moved)}",
        expected="a model that has been looked at is the model that it was before",
        likely="no_grad() stops gradients; it does not stop BatchNorm. That takes eval mode.",
    )  # fmt: skip
    yield _loss_finding(case, seen.returned)
    yield passed_if(
        "modes", not seen.changes.modes, "mode_left",
        found=f"{len(seen.changes.modes)} modules are in another mode than before: {listed(seen.changes.modes)}",
        expected="every module in the mode it came in: here the first block in eval mode, all else in train mode",
        likely="One model.train() at the end puts all in one mode: note each module's own, and put it back.",
    )  # fmt: skip
    clean = seen.graphs and not any(seen.graphs) and not seen.changes.parameters | seen.changes.flags | seen.changes.modules
    yield passed_if(
        "kept", clean, "gradient_recorded" if any(seen.graphs) else "model_changed",
        found="the logits carry a graph for backward()" if any(seen.graphs) else "weights, flags or layers have changed",
        expected="no gradient recorded, and nothing changed",
        likely="Keep torch.no_grad(): eval() does not switch gradients off.",
    )  # fmt: skip


def _loss_finding(case: Case, found: object) -> Finding:
    """Whether `found` is the mean loss over all samples, in eval mode."""
    asleep = measure(case.model(), case.loader())["loss"]
    awake = _train_mode_loss(case)
    if type(found) is not float or not math.isfinite(found):
        return failed(WORKS, "not_plain", found=f"{found!r}"[:100], expected="a plain float: the mean loss")
    if math.isclose(found, asleep, rel_tol=CLOSE):
        return passed(WORKS)
    return failed(
        WORKS, "train_mode" if math.isclose(found, awake, rel_tol=CLOSE) else "other_mean",
        found=f"loss {found:.4f}", expected=f"{asleep:.4f}, the mean over all samples in eval mode",
        likely="This is the loss in train mode, in which each batch is judged by its own statistics."
        if math.isclose(found, awake, rel_tol=CLOSE) else "",
    )  # fmt: skip


def _train_mode_loss(case: Case) -> float:
    model, total = mixed_model(case), 0.0
    for images, labels in case.loader():
        total += float(nn.functional.cross_entropy(model(images), labels, reduction="sum").detach())
    return total / case.num_images


fix_validation_mode = repair(
    "fix_validation_mode",
    examine_validation_mode,
    (
        "Looking must leave no trace: the statistics stay, and afterwards each module stands as it stood.",
        "module.training of each of model.modules(); model.eval(); torch.no_grad(). They are two switches.",
        "modes = [(module, module.training) for module in model.modules()]\nmodel.eval()\nwith torch.no_grad():\n    ...\n"
        "for module, training in modes:\n    module.training = training\nreturn total / samples",
    ),
    gone="measuring moves no running statistic",
    works="the mean loss over all samples, in eval mode, comes back",
    modes="every module is back in the mode it came in",
    kept="no gradient is recorded, and nothing else has changed",
)
