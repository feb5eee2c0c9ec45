"""The packages that people would install to compute a frozen part once, each used as its own page says, in the benchmark's loop.

Neither is a requirement of the course: the benchmark measures what is installed, and says how to install the rest.
"""

import os
from dataclasses import dataclass, field
from importlib import util
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, default_collate

from helpers.training import features
from helpers.training.phases import Phase
from helpers.training.run_phases import PhaseInputs

# What pip calls it -> what Python calls it.
PACKAGES = {"torchcache": "torchcache", "torch-module-cache": "torch_module_cache"}


def missing() -> list[str]:
    """Those that are not installed."""
    return [package for package, module in PACKAGES.items() if util.find_spec(module) is None]


@dataclass(eq=False)
class ByPackage(PhaseInputs):
    """What is frozen stays in the model, as a module that a package keeps the outputs of, on disk and in memory."""

    package: str
    _made: dict[str, nn.Module] = field(default_factory=dict, init=False, repr=False)

    def of(self, phase: Phase) -> tuple[nn.Module, dict[str, DataLoader]]:
        furthest = max(phase.released_blocks for phase in self.phases)
        start, _ = features.split_model(self.backbone, self.model, furthest)
        front, tail = features.split_model(self.backbone, self.model, phase.released_blocks)
        parts = {"start": start, "between": front[len(start) :]}
        kept = [self._kept(name, part) for name, part in parts.items() if len(part)]
        loaders = {name: self._loader(name, dataset) for name, dataset in self.datasets.items()}
        return Chain(kept, tail, by_key=self.package == "torch-module-cache"), loaders

    def _kept(self, name: str, part: nn.Module) -> nn.Module:
        """The part with the package around it: one for all phases, so that the second finds what the first has computed."""
        if name not in self._made:
            make = {"torchcache": _by_torchcache, "torch-module-cache": _by_module_cache}[self.package]
            self._made[name] = make(name, part, Path(os.environ["FINETUNE_CACHE"]) / self.package / name)
        return self._made[name]

    def _loader(self, name: str, dataset: Dataset) -> DataLoader:
        """As `batches.make_loader` makes it; its images know their keys."""
        generator = torch.Generator().manual_seed(self.seed)
        options = {"batch_size": self.batch_size, "generator": generator, "collate_fn": _with_keys}
        return DataLoader(_Numbered(dataset, name), shuffle=name == "train", **options)


class Chain(nn.Module):
    """Cached parts one after the other, then what learns."""

    def __init__(self, kept: list[nn.Module], tail: nn.Module, *, by_key: bool):
        super().__init__()
        self.kept, self.tail, self.by_key = nn.ModuleList(kept), tail, by_key

    def forward(self, images: Tensor) -> Tensor:
        named, found = {"cache_key": images.keys} if self.by_key else {}, images
        for part in self.kept:
            found = part(found, **named)
        return self.tail(found)


class _Numbered(Dataset):
    def __init__(self, dataset: Dataset, name: str):
        self.dataset, self.name = dataset, name

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple:
        return *self.dataset[index], f"{self.name} {index}"


def _with_keys(items: list[tuple]) -> tuple[Tensor, Tensor]:
    images, labels = default_collate([item[:2] for item in items])
    images.keys = [item[2] for item in items]
    return images, labels


def _by_torchcache(name: str, part: nn.Module, folder: Path) -> nn.Module:
    from torchcache import torchcache

    @torchcache(persistent=True, persistent_cache_dir=str(folder))
    class Part(nn.Module):
        def __init__(self, name: str):
            super().__init__()
            self.part = part

        def forward(self, images: Tensor) -> Tensor:
            return self.part(images)

    return Part(name)


def _by_module_cache(name: str, part: nn.Module, folder: Path) -> nn.Module:
    from torch_module_cache import CacheLevel, cache_module

    @cache_module(cache_path=str(folder), cache_name=name, cache_level=CacheLevel.MEMORY)
    class Part(nn.Module):
        def __init__(self):
            super().__init__()
            self.part = part

        def forward(self, images: Tensor) -> Tensor:
            return self.part(images)

    return Part()
