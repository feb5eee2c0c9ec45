"""The debug clinic's patients: small models and data, set up as its programs find them. Lesson and checks use the same ones."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from helpers.checks.small_models import Case, head_only, released
from helpers.checks.watching import Counting, Observed

Transform = Callable[[Tensor], Tensor]
WIDTH = 6  # numbers in each sample of a `Batching`


def in_parts(case: Case) -> nn.Sequential:
    """The case's model as ``front, block, head``: what is frozen, its last block, and its head. Block and head are trainable.

    The case is of a kind in `helpers.checks.architectures.OWN`. All of it is in eval mode: the block's running statistics stay,
    as the course wants it.
    """
    model = released(case, blocks=1)
    *first, last = case.blocks(model)
    block = nn.Sequential(*last, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(nn.Sequential(case.first(model), *first), block, case.head(model)).eval()


def easy(num_classes: int) -> tuple[nn.Linear, DataLoader]:
    """A model and batches on which its loss can come as near to 0 as one likes: one sample a class, each with a 1 of its own."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = nn.Linear(num_classes, num_classes)
    return model, DataLoader(TensorDataset(torch.eye(num_classes), torch.arange(num_classes)), batch_size=5)


class Pictures(Dataset, Observed):
    """Images and labels with a `transform` that can be set, like the data sets of torchvision.

    Attributes:
        images: float32 (N, 3, H, W), as they lie on disk.
        labels: int64 (N,).
        transform: what is done to an image whenever it is asked for; None for nothing.
    """

    def __init__(self, images: Tensor, labels: Tensor, transform: Transform | None = None):
        self.images, self.labels = images, labels
        self.transform = self._own = transform

    def notes(self) -> bool:
        return self.transform is self._own

    def take(self, notes: bool) -> None:
        self.transform = self._own if notes else _another

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = self.images[index]
        return image if self.transform is None else self.transform(image), int(self.labels[index])


def _another(image: Tensor) -> Tensor:
    """Stands for a transform that an answer has set."""
    return image


@dataclass(frozen=True)
class Album:
    """Pictures, of which some are for validation.

    Attributes:
        num_images, num_val: how many pictures there are, and how many of them are for validation.
        transformed: whether the data set has a transform of its own already, which turns [0, 1] to [-1, 1].
        seed: seed of pictures and split.
    """

    num_images: int = 12
    num_val: int = 4
    transformed: bool = False
    seed: int = 0

    def pictures(self) -> Pictures:
        """The data set that both parts look into."""
        generator = torch.Generator().manual_seed(self.seed)
        images = torch.rand(self.num_images, 3, 5, 5, generator=generator)
        labels = torch.randint(4, (self.num_images,), generator=generator)
        return Pictures(images, labels, _to_unit if self.transformed else None)

    def indices(self) -> tuple[list[int], list[int]]:
        """Which pictures are for training, and which for validation."""
        order = torch.randperm(self.num_images, generator=torch.Generator().manual_seed(self.seed + 1)).tolist()
        return order[self.num_val :], order[: self.num_val]


def _to_unit(image: Tensor) -> Tensor:
    return image * 2 - 1


class LabelsGoWrong(Counting):
    """Training batches of images that are all of class 0; after `turn` epochs somebody labels them 1.

    So a model gets better for `turn` epochs, then worse: which epoch is the best one is known beforehand.
    """

    def __init__(self, case: Case, turn: int):
        self.case, self.turn = case, turn

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        self.count += 1
        for images, labels in self.case.loader():
            yield images, torch.full_like(labels, int(self.count > self.turn))

    def __len__(self) -> int:
        return len(self.case.loader())


def turning(case: Case, turn: int) -> tuple[nn.Module, LabelsGoWrong, DataLoader, torch.optim.Optimizer]:
    """A model whose head is trainable, training batches, validation batches and an optimizer: best after `turn` epochs."""
    model = head_only(case)
    right = TensorDataset(case.images(), torch.zeros_like(case.labels()))
    val = DataLoader(right, batch_size=case.batch_size)
    # No momentum: it would carry the head on for a while after the labels have turned.
    return model, LabelsGoWrong(case, turn), val, torch.optim.SGD(case.head(model).parameters(), lr=0.1)


@dataclass(frozen=True)
class Batching:
    """So many samples, in batches of so many. Each sample carries its own number, so that it is known again."""

    num_images: int
    batch_size: int
    seed: int = 0

    def dataset(self) -> TensorDataset:
        """Features float32 (num_images, 6), the first of them the sample's number, and labels int64 (num_images,)."""
        generator = torch.Generator().manual_seed(self.seed)
        features = torch.randn(self.num_images, WIDTH, generator=generator)
        features[:, 0] = torch.arange(self.num_images)
        return TensorDataset(features, torch.randint(5, (self.num_images,), generator=generator))
