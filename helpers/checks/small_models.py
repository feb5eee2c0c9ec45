"""The problems that checks pose: small models and small data, made in milliseconds, and the states in which they come."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from helpers.checks.architectures import ARCHITECTURES, Architecture, Blocks, Sizes
from helpers.models.packing import pack

KINDS = tuple(ARCHITECTURES)


@dataclass(frozen=True)
class Case:
    """One problem. Equal cases are equal problems: everything is made from these fields alone.

    Attributes:
        kind: one of `KINDS`.
        head_name: what the model calls its last layer; kinds whose class has a name for it go by that, whatever is given.
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

    def __post_init__(self) -> None:
        object.__setattr__(self, "head_name", self._architecture.head_name(self._sizes))

    def model(self) -> nn.Module:
        """A fresh model in train mode, every tensor trainable, with lived-in BatchNorm statistics."""
        return pickle.loads(_built(self))

    def head(self, model: nn.Module) -> nn.Linear:
        """The model's head."""
        return getattr(model, self.head_name)

    def block_names(self, model: nn.Module) -> Blocks:
        """The names of the modules of each block, first to last; what lies between the last block and the head belongs to it."""
        return self._architecture.blocks(model)

    def blocks(self, model: nn.Module) -> list[nn.Module]:
        """The model's blocks from first to last, each a module of the model's own or a list of several."""
        parts = [[model.get_submodule(name) for name in names] for names in self.block_names(model)]
        return [part[0] if len(part) == 1 else nn.ModuleList(part) for part in parts]

    def first(self, model: nn.Module) -> nn.Module:
        """The layer that every image goes through first."""
        return model.get_submodule(self._architecture.first)

    def features(self, model: nn.Module, images: Tensor) -> Tensor:
        """The head's inputs for these images: float32 (N, width)."""
        seen: list[Tensor] = []
        hook = self.head(model).register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        try:
            model(images)
        finally:
            hook.remove()
        return seen[0]

    def images(self) -> Tensor:
        """float32 (num_images, 3, image_size, image_size), roughly in [-2, 2]."""
        return torch.randn(self.num_images, 3, self.image_size, self.image_size, generator=self._generator()).clamp(-2, 2)

    def labels(self) -> Tensor:
        """int64 (num_images,), in [0, num_classes)."""
        return torch.randint(self.num_classes, (self.num_images,), generator=self._generator())

    def loader(self) -> DataLoader:
        """Batches (images, labels) in a fixed order; the last one is smaller."""
        return DataLoader(TensorDataset(self.images(), self.labels()), batch_size=self.batch_size)

    def batches(self) -> list[tuple[Tensor, Tensor]]:
        """The loader's batches as views, for a check's own passes: a loader takes a tenth of a millisecond for each."""
        return list(zip(self.images().split(self.batch_size), self.labels().split(self.batch_size), strict=True))

    @property
    def _architecture(self) -> Architecture:
        return ARCHITECTURES[self.kind]

    @property
    def _sizes(self) -> Sizes:
        return Sizes(self.head_name, self.num_classes, self.width, self.num_blocks, self.image_size)

    def _generator(self) -> torch.Generator:
        return torch.Generator().manual_seed(self.seed + 1)


@lru_cache(maxsize=32)  # an examination makes some models several times over, and building one takes ten times as long
def _built(case: Case) -> bytes:
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(case.seed)  # torch.manual_seed also notes for a GPU who called it: 0.1 ms
        model = case._architecture.make(case._sizes)
        if case._architecture.head:
            case.head(model).reset_parameters()  # some classes with a head of their own start it near zero
        with torch.no_grad():
            for _ in range(3):
                model(torch.randn(8, 3, case.image_size, case.image_size) * 2 + 1)
    return pack(model)


# Problems to freeze: a plain one, one whose head's name is part of another module's, one without BatchNorm, one whose head is not
# the last child, and one of another class.
TO_FREEZE = (
    Case(),
    Case(kind="lookalike", head_name="classifier", num_classes=5, seed=1),
    Case(kind="no_norm", head_name="head", num_classes=3, num_blocks=2, seed=2),
    Case(kind="head_first", head_name="top", num_classes=6, num_blocks=2, seed=3),
    Case(kind="sequential", num_blocks=2, seed=4),
)
# Problems to train on: of each kind that a training step can stumble over.
TO_TRAIN = (
    Case(),
    Case(kind="nested", head_name="classifier", num_classes=5, seed=1),
    Case(kind="lookalike", head_name="head", num_classes=3, width=6, seed=2),
    Case(kind="no_norm", num_classes=6, width=10, num_images=11, seed=3),
    Case(kind="sequential", num_blocks=2, seed=4),
)
# Blocks of every kind, to be released by the list.
WITH_BLOCKS = (
    Case(),
    Case(kind="nested", head_name="classifier", num_blocks=4, seed=1),
    Case(kind="lookalike", head_name="fc", width=6, seed=2),
    Case(kind="shared", head_name="head", num_classes=3, num_blocks=4, seed=3),
    Case(kind="no_norm", head_name="output", width=10, seed=4),
    Case(kind="head_first", head_name="last", num_blocks=2, seed=5),
    Case(kind="sequential", num_classes=5, num_blocks=2, seed=6),
)

STARTS = ("all trainable", "all frozen", "patchwork", "head only")
SAID = {
    "all trainable": "with everything trainable",
    "all frozen": "with everything frozen",
    "patchwork": "with every second tensor frozen",
    "head only": "with only its head trainable",
}


def start(case: Case, name: str) -> nn.Module:
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


def mixed_modes(case: Case) -> nn.Module:
    """The case's model in train mode but for its first block, as in the middle of a course: one flag cannot bring it back."""
    model = case.model()
    case.blocks(model)[0].eval()
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


def batch_of(case: Case) -> Tensor:
    """One batch of the case's images: float32 (batch_size, 3, image_size, image_size)."""
    return case.images()[: case.batch_size]
