"""The check of `merge_lora`: each update becomes part of its layer's weight, and the model is a plain one again."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from helpers.checks.exercise import exercise
from helpers.checks.intact import intact
from helpers.checks.not_only_resnet.to_adapt import VISIBLE, ToAdapt
from helpers.checks.report import Aspect, Finding, failed, passed, passed_if, unreached
from helpers.checks.tensors import near, slip_to
from helpers.inspection.snapshot import Snapshot, listed, same_tensor, take_snapshot
from helpers.models.lora import LoRA
from helpers.training.loop import in_eval_mode

GRAPH = "An addition that autograd records makes the weight part of a graph: do it inside with torch.no_grad():."


@exercise(
    aspects=(
        Aspect("plain", "no LoRA is left: in its place stands the layer that was in it", 1.5),
        Aspect("weights", "its weight has grown by scale times up times down", 2, ("plain",)),
        Aspect("answers", "the model answers as before, up to rounding", 1.5, ("plain", "weights")),
        Aspect("flags", "the weight is frozen as before, and no part of a graph", 0.5, ("plain",)),
        Aspect("intact", "everything else is as it was", 0.5, ("plain",)),
    ),
    cases=(*VISIBLE[:2], ToAdapt(VISIBLE[2].case, 4, 2.0, every=0), VISIBLE[2]),
    hints=(
        "Two layers one behind the other that only multiply are one: their matrices' product. It has the weight's own shape.",
        "model.named_modules() in a list (the model changes on the way), isinstance(module, LoRA), weight.flatten(1) makes a "
        "matrix of a convolution's weight, tensor.view_as(weight), torch.no_grad(), model.set_submodule.",
        "for name, module in list(model.named_modules()):\n    if isinstance(module, LoRA):\n"
        "        update = module.scale * module.up.weight.flatten(1) @ ...\n        with torch.no_grad():\n"
        "            module.layer.weight += update.view_as(...)\n        model.set_submodule(name, ...)",
    ),
)
def merge_lora(problem: ToAdapt, answer: Callable[[nn.Module], Any]) -> Iterator[Finding]:
    """Have a model with updates that have learned merged; of one without any nothing may change."""
    model, images = problem.adapted(), problem.images()
    loras = {name: module for name, module in model.named_modules() if isinstance(module, LoRA)}
    wanted = {name: _merged(lora) for name, lora in loras.items()}
    layers = {name: lora.layer for name, lora in loras.items()}
    with torch.no_grad():
        right = model(images)
    before = take_snapshot(model)
    answer(model)
    plain = _plain_finding(model, layers)
    yield plain
    if not plain.passed:
        yield from unreached(["weights", "answers", "flags", "intact"])
        return
    yield _weights_finding(layers, before, wanted)
    with in_eval_mode(model), torch.no_grad():
        same = near(model(images), right)
    found, expected = "the merged model gives other answers", "the same answers, up to rounding"
    yield passed_if("answers", same, "answers_differ", found=found, expected=expected)
    learn = [name for name, layer in layers.items() if layer.weight.requires_grad]
    yield passed_if(
        "flags", not learn, "weight_learns", found=f"the weights of {listed(learn)} have requires_grad True",
        expected="False, as before", likely=GRAPH,
    )  # fmt: skip
    yield _rest_finding(model, layers, before)


def _update(lora: LoRA) -> Tensor:
    """up times down in the weight's shape, without the scale."""
    return (lora.up.weight.flatten(1) @ lora.down.weight.flatten(1)).detach().view_as(lora.layer.weight)


def _merged(lora: LoRA) -> dict[str, Tensor]:
    """The right weight, and those that known mistakes lead to."""
    weight, update = lora.layer.weight.detach().clone(), _update(lora)
    return {
        "right": weight + lora.scale * update,
        "not_merged": weight,
        "scale_forgotten": weight + update,
        "subtracted": weight - lora.scale * update,
        "replaced": lora.scale * update,
    }


SLIPS = {
    "not_merged": "The LoRA is taken away, and what it had learned with it: add the update to the weight first.",
    "scale_forgotten": "LoRA.forward multiplies the update by its scale: so does the merged weight.",
    "subtracted": "The update is added.",
    "replaced": "The update comes to the trained weight, and not in its place.",
}


def _plain_finding(model: nn.Module, layers: dict[str, nn.Module]) -> Finding:
    """Whether every LoRA has made room for the layer that was in it."""
    modules = dict(model.named_modules())
    left = [name for name, module in modules.items() if isinstance(module, LoRA)]
    if left:
        return failed(
            "plain", "lora_left", found=f"{len(left)} of {len(layers)} places still have a LoRA: {listed(left)}",
            expected="the plain layers, each under its old name",
        )  # fmt: skip
    other = [name for name, layer in layers.items() if modules.get(name) is not layer]
    return passed_if(
        "plain", not other, "other_layer", found=f"another layer than the one inside the LoRA stands in {listed(other)}",
        expected="the layer itself, lora.layer", likely="A new layer has other settings, such as another stride.",
    )  # fmt: skip


def _weights_finding(layers: dict[str, nn.Module], before: Snapshot, wanted: dict[str, dict[str, Tensor]]) -> Finding:
    """Whether each weight is the sum, and if not, which slip leads to it."""
    for name, layer in layers.items():
        right = wanted[name]["right"]
        if not near(layer.weight, right):
            slips = [(tensor, reason, SLIPS[reason]) for reason, tensor in wanted[name].items() if reason in SLIPS]
            reason, likely = slip_to(layer.weight, slips, ("other_weight", ""))
            return failed(
                "weights", reason, found=f"{name}.weight is not the sum of what it was and the update",
                expected="weight + scale * (up.weight @ down.weight), as matrices", likely=likely,
            )  # fmt: skip
    return passed("weights")


def _rest_finding(model: nn.Module, layers: dict[str, nn.Module], before: Snapshot) -> Finding:
    """Whether the biases of the merged layers, and everything outside them, are as they were."""
    changed = [
        f"{name}.bias" for name, layer in layers.items()
        if layer.bias is not None and not same_tensor(layer.bias, before.parameters[f"{name}.layer.bias"])
    ]  # fmt: skip
    if changed:
        return failed("intact", "bias_changed", found=f"changed: {listed(changed)}", expected="biases as they were")
    return intact("intact", before, model, "mode_left", "flags_changed", "model_changed", free=list(layers))
