"""The check of `add_lora`: a small layer that learns beside each frozen one, and at first the same answers."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from helpers.checks.exercise import exercise
from helpers.checks.intact import intact
from helpers.checks.not_only_resnet.to_adapt import VISIBLE, ToAdapt
from helpers.checks.report import Aspect, Finding, failed, passed, passed_if, unreached
from helpers.checks.small_models import SAID
from helpers.checks.tensors import near
from helpers.inspection.snapshot import Snapshot, listed, same_tensor, take_snapshot
from helpers.models.lora import LoRA
from helpers.training.loop import in_eval_mode

Answer = Callable[[nn.Module, str, list[str], int, float], Any]
AFTER_PLACED = ("shapes", "precision", "start", "scale", "frozen", "trainable", "intact")


@exercise(
    aspects=(
        Aspect("placed", "in each place that is named stands a LoRA around the layer itself, and nowhere else", 1.5),
        Aspect("shapes", "down leads to (rank) numbers and up back, both of the layer's kind, without bias", 1.5, ("placed",)),
        Aspect("precision", "both lie where the layer's weight lies, in its precision", 0.5, ("placed",)),
        Aspect("start", "at first the model answers as before, and the update can learn", 1.5, ("placed", "shapes")),
        Aspect("scale", "the update is scaled by alpha / rank", 1, ("placed",)),
        Aspect("frozen", "the base, with the layers inside, is frozen, whatever it was before", 1, ("placed",)),
        Aspect("trainable", "the updates and the head are trainable", 0.5, ("placed",)),
        Aspect("intact", "no weight, statistic or mode of the model has changed", 0.5, ("placed",)),
    ),
    cases=VISIBLE,
    rounds=("all trainable", "all frozen"),
    hints=(
        "Three moves: freeze everything, release the head, then put each named layer into a LoRA with two fresh small ones.",
        "model.get_submodule(name) and model.set_submodule(name, layer); nn.Conv2d(inputs, rank, 1, stride=layer.stride, "
        "bias=False) or nn.Linear(inputs, rank, bias=False); nn.init.zeros_(up.weight); module.to(layer.weight).",
        "for name in layer_names:\n    layer = model.get_submodule(name)\n    down, up = ...\n    nn.init.zeros_(up.weight)\n"
        "    model.set_submodule(name, LoRA(layer, down, up, ... / ...).to(layer.weight))",
    ),
)
def add_lora(problem: ToAdapt, state: str, answer: Answer) -> Iterator[Finding]:
    """Call the answer on the problem's model in this starting state, and look at what stands where, and what it does."""
    model, images = problem.model(state), problem.images()
    names = problem.layer_names(model)
    with torch.no_grad():
        right = model(images)
    before = take_snapshot(model)
    answer(model, problem.head_name, list(names), problem.rank, problem.alpha)
    found = _placed_finding(model, before, names)
    yield found
    if not found.passed:
        yield from unreached(AFTER_PLACED)
        return
    loras = {name: model.get_submodule(name) for name in names}
    shapes, precision = _shapes_finding(loras, problem.rank), _precision_finding(loras)
    yield from (shapes, precision)
    if shapes.passed and precision.passed:
        yield _start_finding(model, images, right, loras)
    else:
        yield from unreached(["start"])
    yield _scale_finding(loras, problem)
    yield from _flag_findings(model, loras, problem.head_name, state)
    yield _intact_finding(model, before, loras)


def _placed_finding(model: nn.Module, before: Snapshot, names: list[str]) -> Finding:
    """Whether each place that is named has a LoRA around its own layer, and no other place has one."""
    modules = dict(model.named_modules())
    expected = "a helpers.models.LoRA in each place that is named, with the model's own layer in it"
    missing = [name for name in names if not isinstance(modules.get(name), LoRA)]
    if missing:
        there = modules.get(missing[0])
        left = there is before.modules[missing[0]]
        return failed(
            "placed", "layer_left" if left else "other_module",
            found=f"in {len(missing)} of {len(names)} places no LoRA: {listed(missing)} is a {type(there).__name__}",
            expected=expected, likely="set_submodule puts a layer into the model: a new name for it does not." if left else "",
        )  # fmt: skip
    extra = [name for name, module in modules.items() if isinstance(module, LoRA) and name not in names]
    if extra:
        return failed(
            "placed", "others_adapted", found=f"a LoRA also in {listed(extra)}", expected=expected,
            likely="layer_names says which layers are meant, and not every layer of a kind is.",
        )  # fmt: skip
    copied = [name for name in names if modules[name].layer is not before.modules[name]]
    return passed_if(
        "placed", not copied, "other_layer", found=f"in the LoRA stands another layer than the model's own: {listed(copied)}",
        expected=expected, likely="The trained layer itself goes into the LoRA: no copy of it, and no new one.",
    )  # fmt: skip


def _shapes_finding(loras: dict[str, LoRA], rank: int) -> Finding:
    """Whether down and up are layers of the right kind, sizes and strides."""
    for name, lora in loras.items():
        layer, down, up = lora.layer, lora.down, lora.up
        outputs, inputs = layer.weight.shape[:2]
        kind = nn.Linear if isinstance(layer, nn.Linear) else nn.Conv2d
        expected = f"{kind.__name__} {inputs} -> {rank} -> {outputs}, without bias"
        if not isinstance(down, kind) or not isinstance(up, kind):
            found = f"{name}: {type(down).__name__} and {type(up).__name__} beside a {kind.__name__}"
            likely = "A linear layer needs linear ones beside it, a convolution convolutions of kernel size 1."
            return failed("shapes", "other_kind", found=found, expected=expected, likely=likely)
        shapes = [tuple(down.weight.shape), tuple(up.weight.shape)]
        if shapes != [(rank, inputs, *layer.weight.shape[2:]), (outputs, rank, *layer.weight.shape[2:])]:
            found = f"{name}: weights of shape {shapes[0]} and {shapes[1]}"
            return failed("shapes", "wrong_shape", found=found, expected=expected)
        if down.bias is not None or up.bias is not None:
            likely = "What is added is a product of two matrices: with a bias it is more, and cannot be merged into the weight."
            return failed("shapes", "with_bias", found=f"{name}: a bias", expected=expected, likely=likely)
        if kind is nn.Conv2d and tuple(a * b for a, b in zip(down.stride, up.stride, strict=True)) != layer.stride:
            return failed(
                "shapes", "stride_missing", found=f"{name}: the update has stride {down.stride}, the layer {layer.stride}",
                expected="the layer's own stride", likely="Both outputs are added, so they need the same height and width.",
            )  # fmt: skip
    return passed("shapes")


def _precision_finding(loras: dict[str, LoRA]) -> Finding:
    """Whether what is new has the layer's type, and lies on its device."""
    others = [
        name for name, lora in loras.items() for new in (*lora.down.parameters(), *lora.up.parameters())
        if (new.dtype, new.device) != (lora.layer.weight.dtype, lora.layer.weight.device)
    ]  # fmt: skip
    return passed_if(
        "precision", not others, "other_type", found=f"of another type than the layer's weight: {listed({*others})}",
        expected="the weight's own type and device",
        likely="New layers come in float32, on the CPU: module.to(layer.weight) brings them to where the weight is.",
    )  # fmt: skip


def _start_finding(model: nn.Module, images: torch.Tensor, right: torch.Tensor, loras: dict[str, LoRA]) -> Finding:
    """Whether the update is nothing at first, and not for good."""
    stuck = [name for name, lora in loras.items() if not lora.down.weight.any() and not lora.up.weight.any()]
    if stuck:
        return failed(
            "start", "nothing_learns", found=f"down and up are both zero in {listed(stuck)}", expected="one of the two is zero",
            likely="Each one's gradient has the other as a factor: with both at zero neither ever moves.",
        )  # fmt: skip
    drawn = [name for name, lora in loras.items() if lora.down.weight.any() and lora.up.weight.any()]
    with in_eval_mode(model), torch.no_grad():
        same = near(model(images), right)
    return passed_if(
        "start", same, "start_differs" if drawn else "answers_differ",
        found="right after it is put in, the model gives other answers", expected="the same answers: the update begins at zero",
        likely="A layer of torch's comes with random weights: set those of one of the two to zero." if drawn else "",
    )  # fmt: skip


def _scale_finding(loras: dict[str, LoRA], problem: ToAdapt) -> Finding:
    """Whether each scale is alpha / rank."""
    rank, alpha = problem.rank, problem.alpha
    wrong = {name: lora.scale for name, lora in loras.items() if abs(lora.scale - alpha / rank) > 1e-6}
    known = {alpha: "not_divided", rank / alpha: "upside_down", 1.0: "no_scale"}
    first = next(iter(wrong.values()), 0.0)
    words = {
        "not_divided": "alpha is divided by the rank, so that another rank asks for no other learning rate.",
        "upside_down": "The rank is the divisor.",
        "no_scale": "alpha has no part in it.",
    }
    reason = known.get(first, "other_scale")
    found = f"scale {first:g} with rank {rank} and alpha {alpha:g}"
    return passed_if("scale", not wrong, reason, found=found, expected=f"{alpha / rank:g}", likely=words.get(reason, ""))


def _flag_findings(model: nn.Module, loras: dict[str, LoRA], head_name: str, state: str) -> Iterator[Finding]:
    """Whether the updates and the head are trainable, and nothing else is."""
    inside = {f"{name}.{part}." for name in loras for part in ("down", "up")}
    learn = {name for name, p in model.named_parameters() if p.requires_grad}
    new = {name for name, _ in model.named_parameters() if name.startswith(tuple(inside))}
    head = {f"{head_name}.{name}" for name, _ in model.get_submodule(head_name).named_parameters()}
    base = {name for name, _ in model.named_parameters()} - new - head
    within = {name for name in learn & base if ".layer." in name}
    yield passed_if(
        "frozen", not learn & base, "layer_learns" if within == learn & base else "base_learns",
        found=f"in a model that came {SAID[state]}, {len(learn & base)} of the base are trainable: {listed(learn & base)}",
        expected="all of the base is frozen, the layers inside the LoRA as well",
        likely="The layer inside is frozen as well: only down and up learn." if within == learn & base
        else "Freeze the whole model before anything new is put in.",
    )  # fmt: skip
    frozen = (new | head) - learn
    reason = "update_frozen" if frozen & new else "head_frozen"
    yield passed_if(
        "trainable", not frozen, reason, found=f"in a model that came {SAID[state]}, these are frozen: {listed(frozen)}",
        expected="down and up of each LoRA, and the head, are trainable",
        likely="What freezes the whole model freezes what was put in before: freeze first." if frozen & new
        else "The head of the new classes is new, too: release it after freezing everything.",
    )  # fmt: skip


def _intact_finding(model: nn.Module, before: Snapshot, loras: dict[str, LoRA]) -> Finding:
    """Whether the layers that were put into LoRAs, and everything else, are as they came."""
    changed = {
        f"{name}.{own}" for name, lora in loras.items() for own, p in lora.layer.named_parameters()
        if not same_tensor(p, before.parameters[f"{name}.{own}"])
    }  # fmt: skip
    if changed:
        found, expected = f"the layers' own weights have changed: {listed(changed)}", "the trained weights as they were"
        return failed("intact", "layer_changed", found=found, expected=expected)
    return intact("intact", before, model, "mode_left", "model_changed", free=list(loras), apart=("flags",))
