"""The clinic's cases about modes: training that wakes a frozen base, and validation that leaves traces."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from torch import nn

from helpers.checks.cases import Case
from helpers.checks.clinic import GONE, WORKS, kept_finding, learned_finding, losses_finding, repair, trained, visit
from helpers.checks.epochs import CLOSE, head_only, sgd
from helpers.checks.outcome import Finding, held, look, missed
from helpers.checks.starts import some
from helpers.training import measure

NUM_EPOCHS = 2


# ---------------------------------------------------------------- model.train() at the start of each epoch
def examine_moving_statistics(case: Case, answer: Callable) -> Iterator[Finding]:
    """Train the head of a model that comes in train mode, as careless code leaves it."""
    model = head_only(case).train()
    seen = visit(model, case.head(model), answer, model, case.head_name, case.loader(), sgd(model), NUM_EPOCHS)
    moved = seen.changes.buffers
    yield look(
        GONE, not moved, "statistics_moved",
        found=f"{len(moved)} of {len(seen.before.buffers)} running statistics have moved: {some(moved)}",
        expected="not one running statistic of the frozen base moves",
        likely="model.train() reaches every layer, the frozen ones as well; requires_grad does not hold statistics still.",
    )  # fmt: skip
    reference = head_only(case)
    losses = trained(reference, case.loader(), sgd(reference), NUM_EPOCHS)
    awake = head_only(case).train()
    trained(awake, case.loader(), sgd(awake), NUM_EPOCHS)
    words = "The base looks at each batch's own statistics: it is in train mode."
    yield learned_finding(model, reference, seen, [("base_in_train_mode", awake, words)])
    yield look(
        "head", seen.modes == {True}, "head_in_eval",
        found="the head was in eval mode while it learned" if seen.modes else "nothing went through the head",
        expected="the head in train mode: its dropout, if it has one, must work",
        likely="model.eval() reaches the head as well: wake it afterwards.",
    )  # fmt: skip
    yield losses_finding(seen.returned, losses)
    yield kept_finding(seen, statistics=False)


fix_moving_statistics = repair(
    "fix_moving_statistics",
    examine_moving_statistics,
    (
        "Which part of the model should be awake while the head learns? Say so at the start of every epoch.",
        "model.eval(), then getattr(model, head_name).train(); or set_modes(model) of helpers.training, which goes by the flags.",
        "losses = []\nfor _ in range(num_epochs):\n    model.eval()\n    getattr(model, head_name)....\n"
        '    losses.append(train_epoch(model, loader, optimizer)["loss"])\nreturn losses',
    ),
    gone="the frozen base's running statistics stay",
    works="the head learns, on features that do not drift",
    head="the head is in train mode while it learns",
    returns="the mean loss of each epoch is returned",
    kept="frozen weights, flags and layers are as they were",
)


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
    yield look(
        GONE, not moved, "statistics_moved",
        found=f"{len(moved)} of {len(seen.before.buffers)} running statistics have moved: {some(moved)}",
        expected="a model that has been looked at is the model that it was before",
        likely="no_grad() stops gradients; it does not stop BatchNorm. That takes eval mode.",
    )  # fmt: skip
    yield _loss_finding(case, seen.returned)
    yield look(
        "modes", not seen.changes.modes, "mode_left",
        found=f"{len(seen.changes.modes)} modules are in another mode than before: {some(seen.changes.modes)}",
        expected="every module in the mode it came in: here the first block in eval mode, all else in train mode",
        likely="One model.train() at the end puts all in one mode: note each module's own, and put it back.",
    )  # fmt: skip
    clean = seen.graphs and not any(seen.graphs) and not seen.changes.parameters | seen.changes.flags | seen.changes.modules
    yield look(
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
        return missed(WORKS, "not_plain", found=f"{found!r}"[:100], expected="a plain float: the mean loss")
    if math.isclose(found, asleep, rel_tol=CLOSE):
        return held(WORKS)
    return missed(
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
