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
CAME = {"mixed": "in mixed modes, the head in eval mode", "train": "in train mode", "eval": "in eval mode"}
SWAPPED = "the base trains and the head does not: it should be the other way round"


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
        "The mode is a second switch, apart from requires_grad. Put the whole house into eval mode, then switch one room back.",
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
        for block in case.blocks(model):
            block.train()
    before = take_snapshot(model)
    answer(model, case.head_name)
    layers = _base_layers(model, case)
    yield _head_mode_finding(model, case, mode, before.modes, layers)
    yield _base_mode_finding(model, case, mode, before.modes, layers)
    yield intact("intact", before, model, "more_than_modes", apart=("modes",))
    before = take_snapshot(model)
    with torch.no_grad():
        model(batch_of(case))
    yield intact("statistics", before, model, "statistics_move")


def _head_mode_finding(model: nn.Module, case: Case, mode: str, modes: dict[str, bool], layers: dict[str, nn.Module]) -> Finding:
    """Whether the head is in train mode; `layers` are the base's."""
    training = [module.training for module in layers.values()]
    if all(training):
        reason, likely = "modes_swapped", SWAPPED
    elif not any(training) and any(modes.get(name) for name in layers):
        reason, likely = "head_in_eval", "model.eval() reaches the head too: put the head back in train mode afterwards"
    else:
        reason, likely = "head_left_as_it_was", "a head that comes in eval mode stays there until its own train() is called"
    return passed_if(
        "head", all(module.training for module in case.head(model).modules()), reason,
        found=f"in a model that came {CAME[mode]}, model.{case.head_name}.training is False",
        expected="the head is in train mode", likely=likely,
    )  # fmt: skip


def _base_layers(model: nn.Module, case: Case) -> dict[str, nn.Module]:
    """The layers of the base by name. Containers only pass the mode on; the model itself may say either."""
    head = set(case.head(model).modules())
    return {name: module for name, module in model.named_modules() if name and module not in head and _is_layer(module)}


def _base_mode_finding(model: nn.Module, case: Case, mode: str, modes: dict[str, bool], layers: dict[str, nn.Module]) -> Finding:
    """Whether every layer of the base is in eval mode."""
    training = {name for name, module in layers.items() if module.training}
    if all(module.training == modes.get(name) for name, module in layers.items()):
        reason, likely = "base_left_as_it_was", "the base's modes are as they came: do not rely on what you find, set them"
    elif len(training) == len(layers) and not case.head(model).training:
        reason, likely = "modes_swapped", SWAPPED
    elif len(training) < len(layers) and training == {
        name for name, module in layers.items() if not isinstance(module, nn.BatchNorm2d)
    }:
        reason = "only_batchnorm"
        likely = "BatchNorm keeps still, but other layers (dropout!) do not: put the whole base in eval mode"
    elif len(training) == len(layers):
        reason = "base_in_train"
        likely = "model.train() reaches every layer: call model.eval() first, then train() on the head alone"
    else:
        reason, likely = "base_partly_in_train", "model.eval() reaches every layer, however deep it lies"
    return passed_if(
        "base", not training, reason,
        found=f"in a model that came {CAME[mode]}, {len(training)} of {len(layers)} base layers train: {listed(training)}",
        expected="every layer of the base is in eval mode", likely=likely,
    )  # fmt: skip


def _is_layer(module: nn.Module) -> bool:
    """Whether it is more than a container: it has tensors of its own (timm's BatchNorm has children as well), or no children."""
    own = (*module.parameters(recurse=False), *module.buffers(recurse=False))
    return bool(own) or not any(True for _ in module.children())
