"""How the frozen part is computed: as the model is, or in a quicker way that gives other last digits.

`course.toml` chooses by ``frozen_part``; docs/speed.md has what each gains and how far its features lie from the model's own.
Features of one way are never read for another: `described` is a part of their key.
"""

import copy
import io
import warnings
from collections.abc import Callable
from importlib import metadata, util
from pathlib import Path

import torch
from torch import Tensor, nn

from helpers.course.errors import CourseError

PLAIN = "float32"
WAYS = {
    PLAIN: "as the model is",
    "folded": "BatchNorm, which only scales and shifts in eval mode, multiplied into the weights of the convolution before it",
    "bfloat16": "convolutions in numbers of 16 bits, where the processor or the GPU has them",
    "onnxruntime": "by ONNX Runtime, on the CPU",
}
# How far a way's output may lie from the model's own, in parts of the greatest value: more is no rounding but another function.
TOLERANCE = {"folded": 1e-4, "bfloat16": 0.1, "onnxruntime": 1e-4}

CPUINFO = Path("/proc/cpuinfo")

Computed = Callable[[Tensor], Tensor]


def described(way: str) -> str:
    """What of the way decides the last digits, for keys; empty for the model's own.

    Raises:
        CourseError: there is no such way, or it cannot be had on this computer.
    """
    if way not in WAYS:
        raise CourseError(f"frozen_part is {way!r}: write one of {', '.join(WAYS)} in course.toml.")
    if way == "bfloat16" and not (has_bfloat16() or torch.cuda.is_available()):
        raise CourseError('This processor has no bfloat16 and would take longer with it: write frozen_part = "float32".')
    if way != "onnxruntime":
        return "" if way == PLAIN else way
    if util.find_spec("onnxruntime") is None:
        raise CourseError('frozen_part = "onnxruntime" needs a package that is not installed: run `pip install onnxruntime`.')
    return f"onnxruntime {metadata.version('onnxruntime')}"


def has_bfloat16() -> bool:
    """Whether the processor multiplies numbers of 16 bits (bfloat16) itself; where it does not, they took 18 times as long."""
    try:
        words = CPUINFO.read_text(encoding="utf-8").split()
    except OSError:
        return False  # not known: never assumed
    return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(words)


def prepared(front: nn.Module, example: Tensor, way: str) -> Computed:
    """What to call instead of the front: float32 batches like `example`, on its device -> float outputs.

    Args:
        front: frozen, in eval mode; not changed.
        example: one batch, by the first images of which the way is tried.
        way: a key of `WAYS`.

    Raises:
        CourseError: the way cannot be had here, or gives something else than the front.
    """
    described(way)
    if way == PLAIN:
        return front
    few = example[:2]
    with torch.no_grad():
        computed = {"folded": _folded, "bfloat16": _in_bfloat16, "onnxruntime": _by_onnxruntime}[way](front, few)
    if not (gap := off(front, computed, few)) <= TOLERANCE[way]:
        raise CourseError(f'frozen_part = "{way}" does not fit this model (off by {gap:.1g}): write frozen_part = "float32".')
    return computed


def off(front: nn.Module, computed: Computed, images: Tensor) -> float:
    """How far the outputs lie from the front's own at most, in parts of the greatest of these."""
    with torch.no_grad():
        expected = front(images)
        return float((computed(images).float() - expected).abs().max() / expected.abs().max().clamp(min=1e-12))


def _folded(front: nn.Module, few: Tensor) -> Computed:
    """A copy without those BatchNorms that take what a convolution gives; an activation inside of one stays."""
    front, outputs, pairs = copy.deepcopy(front), {}, {}
    names = {module: name for name, module in front.named_modules()}

    def seen(convolution: nn.Module, _, output: Tensor) -> None:
        outputs[id(output)] = convolution, output  # kept, so that no other tensor gets its id

    def asked(norm: nn.Module, inputs: tuple[Tensor]) -> None:
        if id(inputs[0]) in outputs:
            pairs[norm] = outputs[id(inputs[0])][0]

    hooks = [module.register_forward_hook(seen) for module in names if isinstance(module, nn.Conv2d)]
    hooks += [module.register_forward_pre_hook(asked) for module in names if isinstance(module, nn.BatchNorm2d)]
    front(few)
    for hook in hooks:
        hook.remove()
    for norm, convolution in pairs.items():
        moments = norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
        fused = nn.utils.fusion.fuse_conv_bn_weights(convolution.weight, convolution.bias, *moments)
        convolution.weight, convolution.bias = fused
        front.set_submodule(names[norm], getattr(norm, "act", nn.Identity()))  # timm's BatchNorm has its activation in it
    return front.requires_grad_(False).to(memory_format=torch.channels_last)


def _in_bfloat16(front: nn.Module, _few: Tensor) -> Computed:
    def computed(images: Tensor) -> Tensor:
        with torch.autocast(images.device.type, torch.bfloat16):
            return front(images)

    return computed


def _by_onnxruntime(front: nn.Module, few: Tensor) -> Computed:
    import onnxruntime

    if few.device.type != "cpu":
        raise CourseError(
            'frozen_part = "onnxruntime" is for the CPU: write "bfloat16" or "float32" where the model is on a GPU.'
        )
    file = io.BytesIO()
    with warnings.catch_warnings():
        # The older exporter: half a second for EfficientNet-Lite0, where the newer one takes longer than the images do.
        warnings.simplefilter("ignore")
        names = {"input_names": ["inputs"], "dynamic_axes": {"inputs": {0: "batch"}}}
        # A copy: the exporter leaves all layers in the mode of the outermost module, and that of a new Sequential is train.
        torch.onnx.export(copy.deepcopy(front).eval(), (few,), file, dynamo=False, **names)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = torch.get_num_threads(), 3
    session = onnxruntime.InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"])
    return lambda images: torch.from_numpy(session.run(None, {"inputs": images.numpy()})[0])
