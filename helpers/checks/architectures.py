"""The small models that checks pose, of several unrelated classes: what they are made of, and where their blocks lie.

An answer that is right on these is right on ResNet50: they have what matters there (BatchNorm with running statistics, residual
blocks, a linear head) and what trips careless code. The classes have nothing in common but what every model has, so an answer
that relies on the names or methods of one of them fails on the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from helpers.models.backbones import BACKBONES

Blocks = list[list[str]]  # the names of the modules of each block, first to last


@dataclass(frozen=True)
class Sizes:
    """How large a small model is.

    Attributes:
        head_name: what it is to call its last layer; classes with a name of their own keep that.
        num_classes: outputs.
        width: inputs of the head.
        num_blocks: blocks, 2 or more.
        image_size: height and width of the images, in pixels; the transformers take 12 only.
    """

    head_name: str
    num_classes: int
    width: int
    num_blocks: int
    image_size: int


class SmallBlock(nn.Module):
    """A residual block: images (N, width, H, W) -> the same shape."""

    def __init__(self, width: int, norm: bool):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1, bias=not norm)
        self.norm = nn.BatchNorm2d(width) if norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.relu(self.norm(self.conv(x)))


class PointwiseBlock(nn.Module):
    """A residual block of layers that mix channels: two convolutions of kernel size 1, and a gate of a linear layer."""

    def __init__(self, width: int, norm: bool):
        super().__init__()
        self.expand = nn.Conv2d(width, 2 * width, 1, bias=not norm)
        self.depthwise = nn.Conv2d(2 * width, 2 * width, 3, padding=1, groups=2 * width, bias=False)
        self.norm = nn.BatchNorm2d(2 * width) if norm else nn.Identity()
        self.reduce = nn.Conv2d(2 * width, width, 1)
        self.gate = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.reduce(torch.relu(self.norm(self.depthwise(self.expand(x)))))
        return x + inner * torch.sigmoid(self.gate(inner.mean(dim=(2, 3))))[:, :, None, None]


class SmallModel(nn.Module):
    """A backbone and a head in small: float32 (N, 3, H, W) -> logits float32 (N, num_classes).

    Args:
        sizes: see `Sizes`.
        norm: with BatchNorm.
        lookalike: the layer before the head has the head's name in its own.
        head_first: the head is the first of the model's children, and used last all the same.
        shared: first and last block have one convolution between them.
        nested: the last block is made of blocks.
        pointwise: blocks of layers that mix channels; the neck takes every second position.
    """

    def __init__(
        self, sizes: Sizes, *, norm: bool = True, lookalike: bool = False, head_first: bool = False, shared: bool = False,
        nested: bool = False, pointwise: bool = False,
    ):  # fmt: skip
        super().__init__()
        width, head_name = sizes.width, sizes.head_name
        neck_name = f"pre_{head_name}_norm" if lookalike else "neck"
        stem = nn.Conv2d(3, width, 3, stride=2, padding=1)
        blocks = [(PointwiseBlock if pointwise else SmallBlock)(width, norm) for _ in range(sizes.num_blocks)]
        if shared:
            blocks[-1].conv = blocks[0].conv
        if nested:
            blocks[-1] = nn.Sequential(blocks[-1], nn.Sequential(SmallBlock(width, norm), nn.Identity()))
        neck = nn.BatchNorm2d(width) if norm else nn.Identity()
        if pointwise:
            neck = nn.Sequential(nn.Conv2d(width, width, 1, stride=2, bias=False), neck)
        head = nn.Linear(width, sizes.num_classes)
        parts = [("stem", stem), ("blocks", nn.Sequential(*blocks)), (neck_name, neck)]
        for name, part in [(head_name, head), *parts] if head_first else [*parts, (head_name, head)]:
            self.add_module(name, part)
        self._order = (*(name for name, _ in parts), head_name)  # private: what a model calls its parts is asked, not told

    def forward(self, images: Tensor) -> Tensor:
        stem, blocks, neck, head = (self.get_submodule(name) for name in self._order)
        return head(neck(blocks(stem(images))).mean(dim=(2, 3)))


def _small_blocks(model: nn.Module) -> Blocks:
    """What lies between the last block and the head belongs to the last block."""
    *names, last = ([f"blocks.{number}"] for number in range(len(model.get_submodule("blocks"))))
    neck = next(name for name, _ in model.named_children() if name == "neck" or name.startswith("pre_"))
    return [*names, [*last, neck]]


def _sequential(sizes: Sizes) -> nn.Module:
    """Layers one behind the other, whose names are their numbers."""
    blocks = (SmallBlock(sizes.width, norm=True) for _ in range(sizes.num_blocks))
    neck = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    stem = nn.Conv2d(3, sizes.width, 3, stride=2, padding=1)
    return nn.Sequential(stem, *blocks, neck, nn.Linear(sizes.width, sizes.num_classes))


def _efficientnet(sizes: Sizes) -> nn.Module:
    """The class of the course's own backbone, in small."""
    from timm.models import EfficientNet
    from timm.models._efficientnet_builder import decode_arch_def

    stages = [["ds_r1_k3_s1_e1_c8"], [f"ir_r{sizes.num_blocks - 1}_k3_s1_e2_c8"]]
    return EfficientNet(
        decode_arch_def(stages), sizes.num_classes, num_features=sizes.width, stem_size=8, act_layer=nn.ReLU6
    )  # fmt: skip


def _efficientnet_blocks(model: nn.Module) -> Blocks:
    neck = [name for name in BACKBONES["efficientnet_lite0"].neck if any(True for _ in model.get_submodule(name).parameters())]
    return _with_neck(model, ("blocks.0", "blocks.1"), neck)


def _regnet(sizes: Sizes) -> nn.Module:
    from torchvision.models.regnet import BlockParams, RegNet

    depths, widths = [sizes.num_blocks - 1, 1], [8, sizes.width]
    return RegNet(BlockParams(depths, widths, widths, [1.0, 1.0], [1, 2]), sizes.num_classes, stem_width=8)


def _vision_transformer(sizes: Sizes) -> nn.Module:
    from timm.models import VisionTransformer

    size = {"embed_dim": sizes.width, "depth": sizes.num_blocks, "num_heads": 2, "mlp_ratio": 2}
    return VisionTransformer(sizes.image_size, 4, num_classes=sizes.num_classes, **size)


def _swin(sizes: Sizes) -> nn.Module:
    from torchvision.models import SwinTransformer

    return SwinTransformer(
        [4, 4], sizes.width, [sizes.num_blocks], [2], [3, 3], mlp_ratio=2.0, stochastic_depth_prob=0.0,
        num_classes=sizes.num_classes,
    )  # fmt: skip


def _with_neck(model: nn.Module, stages: tuple[str, ...], neck: list[str]) -> Blocks:
    """The children of these modules as blocks; `neck` belongs to the last."""
    *names, last = ([f"{stage}.{name}"] for stage in stages for name, _ in model.get_submodule(stage).named_children())
    return [*names, [*last, *neck]]


@dataclass(frozen=True)
class Architecture:
    """One kind of small model.

    Attributes:
        make: sizes -> a model with weights drawn at random.
        blocks: the model -> the names of the modules of each block.
        first: the name of the layer that every image goes through first.
        head: what the class itself calls its last layer; None where `Sizes.head_name` says it.
    """

    make: Callable[[Sizes], nn.Module]
    blocks: Callable[[nn.Module], Blocks] = _small_blocks
    first: str = "stem"
    head: str | Callable[[Sizes], str] | None = None

    def head_name(self, sizes: Sizes) -> str:
        """What a model of these sizes calls its last layer."""
        if self.head is None:
            return sizes.head_name
        return self.head if isinstance(self.head, str) else self.head(sizes)


def _small(**ways: bool) -> Architecture:
    return Architecture(lambda sizes: SmallModel(sizes, **ways))


# Kind -> what it is. Those of torchvision and timm are made with their libraries, which take seconds to import: visible problems,
# which a learner waits for, do without them.
ARCHITECTURES: dict[str, Architecture] = {
    "residual": _small(),
    "nested": _small(nested=True),
    "no_norm": _small(norm=False),
    "shared": _small(shared=True, lookalike=True),
    "lookalike": _small(lookalike=True),
    "head_first": _small(head_first=True),
    "pointwise": _small(pointwise=True, head_first=True),
    "sequential": Architecture(
        _sequential, lambda model: [[name] for name, part in model.named_children() if isinstance(part, SmallBlock)], "0",
        lambda sizes: str(sizes.num_blocks + 2),
    ),
    "efficientnet": Architecture(_efficientnet, _efficientnet_blocks, BACKBONES["efficientnet_lite0"].stem[0], "classifier"),
    "regnet": Architecture(
        _regnet, lambda model: _with_neck(model, ("trunk_output.block1", "trunk_output.block2"), []), "stem.0", "fc"
    ),
    "vision_transformer": Architecture(
        _vision_transformer, lambda model: _with_neck(model, ("blocks",), ["norm"]), "patch_embed.proj", "head"
    ),
    "swin": Architecture(_swin, lambda model: _with_neck(model, ("features.1",), ["norm"]), "features.0.0", "head"),
}  # fmt: skip
OWN = ("residual", "nested", "no_norm", "shared", "lookalike", "head_first", "pointwise")  # kinds of `SmallModel`
