"""The gradient of depthwise kernels at a part of its price, the same to the last bit.

oneDNN, torch's library for convolutions on a CPU, leaves it slow in two ways, each a third of an epoch of fine-tuning or more:

- With AVX-512 it has no depthwise way for kernels wider than 3: it takes each channel for a block of 16 by 16 channels, and uses
  one product of 256. Here 16 channels share a block: its diagonal is their gradient, from the same program, summed in the same
  order.
- With AVX2 it calls a matrix product for each channel of each image, on maps of 2 x 2 or 3 x 3 places mostly with the padding's
  zeros. Here each place is multiplied with those that the kernel meets there, for all channels and images at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import chain, product
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.overrides import TorchFunctionMode

BLOCK = 16  # float32 numbers in an AVX-512 register; with shorter ones oneDNN goes another way, with other last bits
NARROW = 3  # up to this width oneDNN has a depthwise way with AVX-512
FEW = 64  # channels: with fewer, as in checks' small models, there is nothing to gain
# Places of a map, by number -> in which order a matrix product of oneDNN 3.12 adds up their products, image by image. It was
# found by numbers of which one swallows the others until a third takes it away.
ORDERS = {4: [((0, 1), (2, 3))], 9: [(((0, 1), (4, 5)), ((2, 3), (6, 7))), 8]}
Sizes = tuple[int, int]
Tree = int | tuple


@dataclass(frozen=True)
class Way:
    """A cheap way to the gradient of depthwise kernels.

    Attributes:
        gradient: (gradient of the output, images, kernels, stride, padding) -> gradient of the kernels.
        is_for: whether it may serve for kernels of this shape.
        takes: whether it may where the outputs have this shape.
    """

    gradient: Callable[[Tensor, Tensor, Tensor, Sizes, Sizes], Tensor]
    is_for: Callable[[torch.Size], bool]
    takes: Callable[[torch.Size], bool] = lambda outputs: True


class CheapGradients(TorchFunctionMode):
    """Inside, depthwise convolutions with trainable kernels have the cheap gradient; everything else is as it was.

    Args:
        model: what will be called inside; not changed. One without such a convolution is called as if nothing were here.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        way = _way_here()
        self._any = way is not None and any(_may_serve(way, p) and p.requires_grad for p in model.parameters())

    def __enter__(self) -> "CheapGradients":
        return super().__enter__() if self._any else self

    def __exit__(self, *error: Any) -> None:
        if self._any:
            super().__exit__(*error)

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        """Called by torch in place of each of its functions."""
        if func is torch.conv2d and not kwargs and len(args) == 7:
            images, weight, bias, stride, padding, dilation, groups = args
            usual = bias is None and dilation == (1, 1) and isinstance(padding, tuple)
            learns = usual and torch.is_grad_enabled() and weight.requires_grad and _may_serve(_way_here(), weight)
            laid = images.is_contiguous(memory_format=torch.channels_last)  # in the default layout both ways round otherwise
            shape = images.shape[1:], weight.shape, stride, padding, torch.get_num_threads()
            if learns and laid and groups == len(weight) == images.shape[1] and _same_bits(*shape):
                return _Convolution.apply(images, weight, stride, padding)
        return func(*args, **(kwargs or {}))


def _way_here() -> Way | None:
    """The way for this processor, if oneDNN is there and in use."""
    onednn = torch.backends.mkldnn
    return WAYS.get(torch.backends.cpu.get_cpu_capability()) if onednn.is_available() and onednn.enabled else None


def _may_serve(way: Way | None, weight: Tensor) -> bool:
    """Whether this may be a depthwise kernel, float32 (C, 1, h, w) on the CPU, that the way is for."""
    fits = way is not None and weight.ndim == 4 and weight.shape[1] == 1 and way.is_for(weight.shape)
    return fits and weight.dtype == torch.float32 and weight.device.type == "cpu"


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
        return of_images, _way_here().gradient(gradient, images, weight, *ctx.sizes), None, None


def _plain(gradient: Tensor, images: Tensor, weight: Tensor, stride: Sizes, padding: Sizes, groups: int, of: int) -> Tensor:
    """torch's own gradient of the images (`of` 0) or of the weight (1)."""
    wanted = [of == 0, of == 1, False]
    options = list(stride), list(padding), [1, 1], False, [0, 0], groups
    return torch.ops.aten.convolution_backward(gradient, images, weight, None, *options, wanted)[of]


def _in_blocks(gradient: Tensor, images: Tensor, weight: Tensor, stride: Sizes, padding: Sizes) -> Tensor:
    blocks = len(weight) // BLOCK
    wide = _plain(gradient, images, weight.expand(-1, BLOCK, -1, -1), stride, padding, blocks, 1)
    diagonal = wide.view(blocks, BLOCK, BLOCK, *weight.shape[2:]).diagonal(dim1=1, dim2=2)
    return torch.empty_like(weight).copy_(diagonal.movedim(3, 1).reshape(weight.shape))


def _place_by_place(gradient: Tensor, images: Tensor, weight: Tensor, stride: Sizes, padding: Sizes) -> Tensor:
    height, width = images.shape[2:]
    # By row and column a tensor (N, C): all that lies at this place of the maps.
    before, after = ([row.unbind() for row in maps.permute(2, 3, 0, 1).unbind()] for maps in (images, gradient))
    sums = torch.zeros(*weight.shape[2:], len(weight))
    for down, right in product(*map(range, weight.shape[2:])):
        met = {}
        for number, (row, column) in enumerate(product(*map(range, gradient.shape[2:]))):
            y, x = row * stride[0] + down - padding[0], column * stride[1] + right - padding[1]
            if 0 <= y < height and 0 <= x < width:
                met[number] = before[y][x] * after[row][column]
        parts = [part for tree in ORDERS[len(after) * len(after[0])] if (part := _summed(tree, met)) is not None]
        total = sums[down, right]
        for of_image in chain.from_iterable(zip(*(part.unbind() for part in parts), strict=True)):
            total += of_image
    return torch.empty_like(weight).copy_(sums.permute(2, 0, 1).unsqueeze(1))


def _summed(tree: Tree, met: dict[int, Tensor]) -> Tensor | None:
    """The products of these places, added up pair by pair; what meets the padding is left out."""
    if isinstance(tree, int):
        return met.get(tree)
    one, other = (_summed(branch, met) for branch in tree)
    return other if one is None else one if other is None else one + other


@cache
def _same_bits(image: torch.Size, kernel: torch.Size, stride: Sizes, padding: Sizes, threads: int) -> bool:
    """Whether both ways give the same bits here, tried once for each shape: another processor or oneDNN may sum otherwise."""
    draw, layout = torch.Generator().manual_seed(0), {"memory_format": torch.channels_last}
    images, weight = (torch.randn(shape, generator=draw).contiguous(**layout) for shape in ((4, *image), kernel))
    shape = torch.conv2d(images, weight, None, stride, padding, (1, 1), len(weight)).shape
    way = _way_here()
    if not way.takes(shape):
        return False
    gradient = torch.randn(shape, generator=draw).contiguous(**layout)
    plain = _plain(gradient, images, weight, stride, padding, len(weight), 1)
    return torch.equal(plain, way.gradient(gradient, images, weight, stride, padding))


# What a processor can -> the way for it.
WAYS = {
    "AVX512": Way(_in_blocks, lambda kernels: kernels[3] > NARROW and kernels[0] % BLOCK == 0),
    "AVX2": Way(_place_by_place, lambda kernels: kernels[0] >= FEW, lambda maps: maps[2] * maps[3] in ORDERS),
}
