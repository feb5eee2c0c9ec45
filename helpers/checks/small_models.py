"""The problems that checks pose: small models and small data, made in milliseconds, and the states in which they come.

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

from helpers.checks.packing import pack

KINDS = ("residual", "nested", "no_norm", "shared", "lookalike")
# Attributes that look like the real flag and do nothing.
MISSPELT = ("require_grad", "required_grad", "requires_gradient", "requires_grads", "require_grads")


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


# Problems to freeze: a plain one, one whose head's name is part of another module's, one without BatchNorm.
TO_FREEZE = (
    Case(),
    Case(kind="lookalike", head_name="classifier", num_classes=5, seed=1),
    Case(kind="no_norm", head_name="head", num_classes=3, num_blocks=2, seed=2),
)
# Problems to train on: of each kind that a training step can stumble over.
TO_TRAIN = (
    Case(),
    Case(kind="nested", head_name="classifier", num_classes=5, seed=1),
    Case(kind="lookalike", head_name="head", num_classes=3, width=6, seed=2),
    Case(kind="no_norm", num_classes=6, width=10, num_images=11, seed=3),
)
# Blocks of every kind, to be released by the list.
WITH_BLOCKS = (
    Case(),
    Case(kind="nested", head_name="classifier", num_blocks=4, seed=1),
    Case(kind="lookalike", head_name="fc", width=6, seed=2),
    Case(kind="shared", head_name="head", num_classes=3, num_blocks=4, seed=3),
    Case(kind="no_norm", head_name="output", width=10, seed=4),
)

STARTS = ("all trainable", "all frozen", "patchwork", "head only")
SAID = {
    "all trainable": "with everything trainable",
    "all frozen": "with everything frozen",
    "patchwork": "with every second tensor frozen",
    "head only": "with only its head trainable",
}


def start(case: Case, name: str) -> SmallModel:
    """A fresh model of `case` whose flags are set as `name` says, one of `STARTS`.

    In ``"patchwork"`` every second tensor of the base and the head's weight (not its bias) are frozen.
    """
    model = case.model()
    head = head_names(model, case.head_name)
    for number, (full_name, parameter) in enumerate(model.named_parameters()):
        parameter.requires_grad = {
            "all trainable": True,
            "all frozen": False,
            "patchwork": not full_name.endswith("weight") if full_name in head else number % 2 == 0,
            "head only": full_name in head,
        }[name]
    return model


def released(case: Case, blocks: int) -> nn.Module:
    """The case's model in eval mode; the head and the last `blocks` blocks are trainable."""
    model = case.model().requires_grad_(False).eval()
    parts = case.blocks(model)
    for part in (*parts[len(parts) - blocks :], case.head(model)):
        part.requires_grad_(True)
    return model


def head_only(case: Case) -> nn.Module:
    """The case's model as lesson 3 leaves it: only the head is trainable, and in train mode."""
    model = released(case, blocks=0)
    case.head(model).train()
    return model


def before_release(case: Case, patchwork: bool) -> nn.Module:
    """As `head_only`; with `patchwork` one tensor of the first block is trainable, too, and the head's bias is not."""
    model = head_only(case)
    if patchwork:
        next(case.blocks(model)[0].parameters()).requires_grad_(True)
        case.head(model).bias.requires_grad_(False)
    return model


def mixed_modes(case: Case) -> SmallModel:
    """The case's model in train mode but for its first block, as in the middle of a course: one flag cannot bring it back."""
    model = case.model()
    model.blocks[0].eval()
    return model


def sgd(model: nn.Module, *, lr: float = 0.2, momentum: float = 0.5, weight_decay: float = 0.0) -> torch.optim.Optimizer:
    """An optimizer that holds what is trainable."""
    trainable = [p for p in model.parameters() if p.requires_grad]
    return torch.optim.SGD(trainable, lr=lr, momentum=momentum, weight_decay=weight_decay)


def head_names(model: nn.Module, head_name: str) -> set[str]:
    """The full names of the head's parameter tensors, as in ``model.named_parameters()``."""
    return {f"{head_name}.{name}" for name, _ in getattr(model, head_name).named_parameters()}


def names_of(model: nn.Module, *parts: nn.Module) -> set[str]:
    """The full names of these parts' parameters; of one that is used in several places the first name."""
    inside = {id(p) for part in parts for p in part.parameters()}
    return {name for name, p in model.named_parameters() if id(p) in inside}


def misspelt_flag(model: nn.Module) -> str:
    """The first attribute of a parameter that looks like `requires_grad` and does nothing; empty if there is none."""
    return next((name for parameter in model.parameters() for name in MISSPELT if name in vars(parameter)), "")


def batch_of(case: Case) -> Tensor:
    """One batch of the case's images: float32 (batch_size, 3, image_size, image_size)."""
    return case.images()[: case.batch_size]
