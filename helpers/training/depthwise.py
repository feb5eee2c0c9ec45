"""The gradient of wide depthwise kernels at a third of its price, the same to the last bit.

oneDNN, torch's library for convolutions on a CPU, has no depthwise way to the gradient of kernels wider than 3: it takes each
channel for a block of 16 by 16 channels, and uses one product of 256. For EfficientNet-Lite0's last two stages that is a third of
an epoch. Here 16 channels share a block: its diagonal is their gradient, from the same program, summed in the same order.
"""

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.overrides import TorchFunctionMode

BLOCK = 16  # float32 numbers in an AVX-512 register; with shorter ones oneDNN goes another way, with other last bits
NARROW = 3  # up to this width oneDNN has a depthwise way
Sizes = tuple[int, int]


class SharedBlocks(TorchFunctionMode):
    """Inside, wide depthwise convolutions with trainable kernels have the cheap gradient; everything else is as it was.

    Args:
        model: what will be called inside; not changed. One without such a convolution is called as if nothing were here.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self._any = _is_avx512() and any(_is_wide(p) and p.requires_grad for p in model.parameters())

    def __enter__(self) -> "SharedBlocks":
        return super().__enter__() if self._any else self

    def __exit__(self, *error: Any) -> None:
        if self._any:
            super().__exit__(*error)

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        """Called by torch in place of each of its functions."""
        if func is torch.conv2d and not kwargs and len(args) == 7:
            images, weight, bias, stride, padding, dilation, groups = args
            usual = bias is None and dilation == (1, 1) and isinstance(padding, tuple)
            learns = usual and torch.is_grad_enabled() and weight.requires_grad and _is_wide(weight)
            laid = images.is_contiguous(memory_format=torch.channels_last)  # in the default layout both ways round otherwise
            shape = images.shape[1:], weight.shape, stride, padding, torch.get_num_threads()
            if learns and laid and groups == len(weight) == images.shape[1] and _same_bits(*shape):
                return _Convolution.apply(images, weight, stride, padding)
        return func(*args, **(kwargs or {}))


def _is_wide(weight: Tensor) -> bool:
    """Whether this may be a depthwise kernel, float32 (C, 1, h, w) on the CPU, that shared blocks are for."""
    fits = weight.ndim == 4 and weight.shape[1] == 1 and weight.shape[3] > NARROW and len(weight) % BLOCK == 0
    return fits and weight.dtype == torch.float32 and weight.device.type == "cpu"


def _is_avx512() -> bool:
    return torch.backends.cpu.get_cpu_capability() == "AVX512" and torch.backends.mkldnn.is_available()


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, weight: Tensor, stride: Sizes, padding: Sizes) -> Tensor:
        ctx.save_for_backward(images, weight)
        ctx.sizes = stride, padding
        return torch.conv2d(images, weight, None, stride, padding, (1, 1), len(weight))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        images, weight = ctx.saved_tensors
        of_images = _plain(gradient, images, weight, *ctx.sizes, len(weight), 0) if ctx.needs_input_grad[0] else None
        return of_images, _of_weight(gradient, images, weight, *ctx.sizes), None, None


def _of_weight(gradient: Tensor, images: Tensor, weight: Tensor, stride: Sizes, padding: Sizes) -> Tensor:
    blocks = len(weight) // BLOCK
    wide = _plain(gradient, images, weight.expand(-1, BLOCK, -1, -1), stride, padding, blocks, 1)
    diagonal = wide.view(blocks, BLOCK, BLOCK, *weight.shape[2:]).diagonal(dim1=1, dim2=2)
    return torch.empty_like(weight).copy_(diagonal.movedim(3, 1).reshape(weight.shape))


def _plain(gradient: Tensor, images: Tensor, weight: Tensor, stride: Sizes, padding: Sizes, groups: int, of: int) -> Tensor:
    """torch's own gradient of the images (`of` 0) or of the weight (1)."""
    wanted = [of == 0, of == 1, False]
    options = list(stride), list(padding), [1, 1], False, [0, 0], groups
    return torch.ops.aten.convolution_backward(gradient, images, weight, None, *options, wanted)[of]


@cache
def _same_bits(image: torch.Size, kernel: torch.Size, stride: Sizes, padding: Sizes, threads: int) -> bool:
    """Whether both ways give the same bits here, tried once for each shape: another processor or oneDNN may sum otherwise."""
    draw, layout = torch.Generator().manual_seed(0), {"memory_format": torch.channels_last}
    images, weight = (torch.randn(shape, generator=draw).contiguous(**layout) for shape in ((4, *image), kernel))
    shape = torch.conv2d(images, weight, None, stride, padding, (1, 1), len(weight)).shape
    gradient = torch.randn(shape, generator=draw).contiguous(**layout)
    plain = _plain(gradient, images, weight, stride, padding, len(weight), 1)
    return torch.equal(plain, _of_weight(gradient, images, weight, stride, padding))
