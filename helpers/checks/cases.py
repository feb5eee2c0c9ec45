"""The problems that checks pose: small models and small data, made in milliseconds from a few fields.

An answer that is right on these is right on ResNet50: they have what matters there (BatchNorm with
running statistics, residual blocks, a linear head) and what trips careless code (a module whose name
contains the head's, weights used twice, blocks inside blocks, no BatchNorm at all).
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from helpers.acting.packing import pack

KINDS = ("residual", "nested", "no_norm", "shared", "lookalike")


class SmallBlock(nn.Module):
    """A residual block: images (N, width, H, W) -> the same shape."""

    def __init__(self, width: int, norm: bool):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1, bias=not norm)
        self.norm = nn.BatchNorm2d(width) if norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.relu(self.norm(self.conv(x)))


class SmallModel(nn.Module):
    """A backbone and a head in small: float32 (N, 3, H, W) -> logits float32 (N, num_classes)."""

    def __init__(self, case: Case):
        super().__init__()
        norm = case.kind != "no_norm"
        self.stem = nn.Conv2d(3, case.width, 3, stride=2, padding=1)
        blocks = [SmallBlock(case.width, norm) for _ in range(case.num_blocks)]
        if case.kind == "shared":
            blocks[-1].conv = blocks[0].conv
        if case.kind == "nested":
            blocks[-1] = nn.Sequential(blocks[-1], nn.Sequential(SmallBlock(case.width, norm), nn.Identity()))
        self.blocks = nn.Sequential(*blocks)
        self.neck_name = f"pre_{case.head_name}_norm" if case.kind == "lookalike" else "neck"
        self.add_module(self.neck_name, nn.BatchNorm2d(case.width) if norm else nn.Identity())
        self.head_name = case.head_name
        self.add_module(case.head_name, nn.Linear(case.width, case.num_classes))

    def features(self, images: Tensor) -> Tensor:
        """The head's inputs: float32 (N, width)."""
        x = self.blocks(self.stem(images))
        return getattr(self, self.neck_name)(x).mean(dim=(2, 3))

    def forward(self, images: Tensor) -> Tensor:
        return getattr(self, self.head_name)(self.features(images))


@dataclass(frozen=True)
class Case:
    """One problem. Equal cases are equal problems: everything is made from these fields alone.

    Attributes:
        kind: one of `KINDS`.
        head_name: what the model calls its last layer.
        num_classes: outputs of the model, and classes of the data.
        width: channels of the blocks and inputs of the head.
        num_blocks: residual blocks.
        num_images: images in the data set; not a multiple of `batch_size`, so that the last batch is smaller.
        batch_size: images in a batch.
        image_size: height and width of the images, in pixels.
        seed: seed of weights and data.
    """

    kind: str = "residual"
    head_name: str = "fc"
    num_classes: int = 4
    width: int = 8
    num_blocks: int = 3
    num_images: int = 14
    batch_size: int = 4
    image_size: int = 12
    seed: int = 0

    def model(self) -> SmallModel:
        """A fresh model in train mode, every tensor trainable, with lived-in BatchNorm statistics."""
        return pickle.loads(_built(self))

    def head(self, model: nn.Module) -> nn.Linear:
        """The model's head."""
        return getattr(model, self.head_name)

    def blocks(self, model: nn.Module) -> list[nn.Module]:
        """The model's blocks from first to last; the neck behind the last block belongs to it."""
        *first, last = model.blocks
        return [*first, nn.ModuleList([last, getattr(model, model.neck_name)])]

    def images(self) -> Tensor:
        """float32 (num_images, 3, image_size, image_size), roughly in [-2, 2]."""
        return torch.randn(self.num_images, 3, self.image_size, self.image_size, generator=self._generator()).clamp(-2, 2)

    def labels(self) -> Tensor:
        """int64 (num_images,), in [0, num_classes)."""
        return torch.randint(self.num_classes, (self.num_images,), generator=self._generator())

    def loader(self) -> DataLoader:
        """Batches (images, labels) in a fixed order; the last one is smaller."""
        return DataLoader(TensorDataset(self.images(), self.labels()), batch_size=self.batch_size)

    def _generator(self) -> torch.Generator:
        return torch.Generator().manual_seed(self.seed + 1)


@lru_cache(maxsize=16)  # an examination makes some models several times over, and building one takes ten times as long
def _built(case: Case) -> bytes:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(case.seed)
        model = SmallModel(case)
        with torch.no_grad():
            for _ in range(3):
                model(torch.randn(8, 3, case.image_size, case.image_size) * 2 + 1)
    return pack(model)
