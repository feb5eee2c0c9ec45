"""The check of `set_training_mode`: who is in train mode, and whether the statistics keep still."""

from collections.abc import Callable, Iterator

import torch
from torch import nn

from helpers.checks.exercise import exercise
from helpers.checks.intact import intact
from helpers.checks.report import Aspect, Finding, passed_if
from helpers.checks.small_models import TO_FREEZE, Case, batch_of, start
from helpers.inspection.snapshot import listed, take_snapshot

# Mixed comes first: it tells a switch that was thrown from one that was left alone.
MODES = ("mixed", "train", "eval")


@exercise(
    aspects=(
        Aspect("head", "the head is in train mode", 1, requires=("statistics",)),
        Aspect("base", "every layer of the frozen base is in eval mode", 1),
        Aspect("statistics", "one pass leaves the running statistics as they were", 1.5),
        Aspect("intact", "weights and flags are as they were", 0.5, requires=("base", "head")),
    ),
    cases=TO_FREEZE,
    rounds=MODES,
    hints=(
        "The mode is a second switch, apart from requires_grad. Put the whole house to sleep, then wake one room.",
        "model.eval() and module.train() each reach every layer inside the module that they are called on.",
        "model.eval()\ngetattr(model, ...).train()",
    ),
)
def set_training_mode(case: Case, mode: str, answer: Callable[[nn.Module, str], None]) -> Iterator[Finding]:
    """Call the answer on a model whose head alone is trainable, and which comes in this mixture of modes."""
    model = start(case, "head only")
    model.dropout = nn.Dropout(0.5)  # a part of the base without weights, as many backbones have
    model.train(mode == "train")
    if mode == "mixed":
        model.blocks.train()
    before = take_snapshot(model)
    answer(model, case.head_name)
    yield passed_if(
        "head", all(module.training for module in case.head(model).modules()), "head_in_eval",
        found=f"in a model that came in {mode} mode, model.{case.head_name}.training is False",
        expected="the head is in train mode",
        likely="model.eval() reaches the head too: put the head back in train mode afterwards",
    )  # fmt: skip
    yield _base_mode_finding(model, case, mode, before.modes)
    yield intact("intact", before, model, "more_than_modes", apart=("modes",))
    before = take_snapshot(model)
    with torch.no_grad():
        model(batch_of(case))
    yield intact("statistics", before, model, "statistics_move")


def _base_mode_finding(model: nn.Module, case: Case, mode: str, modes: dict[str, bool]) -> Finding:
    """Whether every layer of the base is in eval mode. Containers only pass the mode on; the model itself may say either."""
    head = set(case.head(model).modules())
    layers = {name: module for name, module in model.named_modules() if module not in head and not list(module.children())}
    training = {name for name, module in layers.items() if module.training}
    norms = {name for name in training if isinstance(layers[name], nn.BatchNorm2d)}
    if all(module.training == modes[name] for name, module in layers.items()):
        reason, likely = "base_left_as_it_was", "the base's modes are as they came: do not rely on what you find, set them"
    elif not head & {module for module in model.modules() if module.training}:
        reason, likely = "modes_swapped", "the base trains and the head does not: it should be the other way round"
    elif not norms and case.kind != "no_norm":
        reason = "only_batchnorm"
        likely = "BatchNorm keeps still, but other layers (dropout!) do not: put the whole base in eval mode"
    else:
        reason = "base_in_train"
        likely = "model.train() reaches every layer: call model.eval() first, then train() on the head alone"
    return passed_if(
        "base", not training, reason,
        found=f"in a model that came in {mode} mode {len(training)} of {len(layers)} base layers train: {listed(training)}",
        expected="every layer of the base is in eval mode", likely=likely,
    )  # fmt: skip
