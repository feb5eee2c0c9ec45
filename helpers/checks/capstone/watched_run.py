"""A whole training strategy watched from outside: which images it reads and when, and every step of every optimizer.

What a strategy says of itself is a claim. Here it is given a small model and data that keep a record, so that a check can ask
what was looked at, and at which rates it learned. The record may refuse points, and gives none: test images are other
at every look, so that what was measured on them tells when it was.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import Optimizer, register_optimizer_step_pre_hook
from torch.utils.data import DataLoader, Dataset

from helpers.checks.architectures import Blocks
from helpers.checks.seen_weights import SeenWeights, seen_weights
from helpers.checks.small_models import Case, start
from helpers.checks.watching import Observed
from helpers.inspection.snapshot import Snapshot, take_snapshot

# Enough to learn from in a few epochs, few enough for milliseconds; none is a multiple of a batch size in use.
SIZES = {"train": 27, "val": 47, "test": 23}
PHASES = ("head", "fine_tune")
MOST_LOOKS = 3  # at one image: with more it stays as it is


@dataclass(frozen=True)
class StrategyProblem:
    """A small model that was trained for another task, and a strategy to run on it. Equal problems are equal in every number.

    Attributes:
        case: the model with its old head, and the seed of everything.
        num_classes: classes of the new task; other than the old head's outputs.
        released_blocks: how many of the last blocks are fine-tuned.
        head_epochs, fine_tune_epochs: passes of each phase.
        head_lr, fine_tune_lr: rate of each phase.
        came: the flags that the model comes with, one of `helpers.checks.small_models.STARTS`.
    """

    case: Case = field(default_factory=Case)
    num_classes: int = 3
    released_blocks: int = 1
    head_epochs: int = 3
    fine_tune_epochs: int = 3
    head_lr: float = 0.02
    fine_tune_lr: float = 0.01
    came: str = "all trainable"

    def blocks(self) -> list[list[str]]:
        """The names of the modules of each block, first to last; what lies before the head belongs to the last block."""
        return [list(names) for names in _blocks(self.case)]

    def config(self) -> dict[str, Any]:
        """What the answer is handed: a fresh dict of plain values."""
        return {
            "head_name": self.case.head_name,
            "num_classes": self.num_classes,
            "blocks": self.blocks(),
            "released_blocks": self.released_blocks,
            **{f"{phase}_{what}": getattr(self, f"{phase}_{what}") for phase in PHASES for what in ("epochs", "lr")},
        }

    def images(self, split: str) -> tuple[Tensor, Tensor]:
        """Images float32 (N, 3, H, W) and labels int64 (N,): each class has a colour, under noise.

        Of the validation labels half are another class's and half are drawn by lot, so that learning makes them worse and
        the best epoch is seldom the last. The test labels are true: choosing by them would choose another epoch.
        """
        draw = torch.Generator().manual_seed(self.case.seed + 11)
        colours = torch.randn(self.num_classes, 3, 1, 1, generator=draw)
        draw.manual_seed(self.case.seed + 12 + list(SIZES).index(split))
        labels = torch.arange(SIZES[split]) % self.num_classes
        side = self.case.image_size
        images = colours[labels] + 0.7 * torch.randn(len(labels), 3, side, side, generator=draw)
        if split == "val":
            lots = torch.randint(self.num_classes, labels.shape, generator=draw)
            labels = torch.where(torch.arange(len(labels)) % 2 == 0, (labels + 1) % self.num_classes, lots)
        return images, labels

    def test_images(self, passes: int, before: int) -> tuple[Tensor, Tensor]:
        """The test images as they are read after so many passes over the training images and so many looks before this one."""
        images, labels = self.images("test")
        draw = torch.Generator().manual_seed((self.case.seed + 17) * 1000 + 10 * passes + min(before, MOST_LOOKS))
        return images + 0.5 * torch.randn(images.shape, generator=draw), labels


@dataclass
class WatchedRun:
    """What an answer did with one problem.

    Attributes:
        problem: what it was asked.
        model: the model that was handed in, as it was left.
        before: that model as it came.
        result: what the answer returned.
        seen: for each split how often each image was read: int32, in memory that a loader's worker processes share.
        early: how many looks at test images came before the last one at a training image: int32 (1,), shared as well.
        steps: the highest rate of each step of every optimizer, in order.
        first_head: the new head's weight before it learns, as a run at next to no rate has left it; None if that did not fit.
        weights: those with which the model was called, where they were asked for.
    """

    problem: StrategyProblem
    model: nn.Module
    before: Snapshot
    result: object = None
    seen: dict[str, Tensor] = field(default_factory=lambda: {split: _shared(size) for split, size in SIZES.items()})
    early: Tensor = field(default_factory=lambda: _shared(1))
    steps: list[float] = field(default_factory=list)
    first_head: Tensor | None = None
    weights: SeenWeights | None = None
    _hook: Any = None

    def __getstate__(self) -> dict:
        """All but the hook, which belongs to one process."""
        return {**vars(self), "_hook": None}

    def begin(self) -> None:
        """Watch optimizers from here on, with random numbers that are the same at every call."""
        if self._hook is None:
            self.seen, self.early = {split: _shared(size) for split, size in SIZES.items()}, _shared(1)
            torch.manual_seed(self.problem.case.seed)
            self._hook = register_optimizer_step_pre_hook(self.step)

    def end(self) -> None:
        """Watch no more."""
        if self._hook is not None:
            self._hook.remove()
            self._hook = None

    def head(self) -> object:
        """What now goes by the head's name."""
        return getattr(self.model, self.problem.case.head_name, None)

    def loader(self, split: str) -> DataLoader:
        """Batches of a split that keep a record of being read; the last one is smaller."""
        return DataLoader(_Watched(self, split), batch_size=self.problem.case.batch_size if split == "train" else 16)

    def looks(self, split: str) -> int:
        """How many times an image of this split was read."""
        return int(self.seen[split].sum())

    def passes(self) -> int:
        """How many times all training images were read."""
        return int(self.seen["train"].min())

    def read(self, split: str, index: int) -> int:
        """Note that an image is read; returns how often it was before."""
        if split == "train":
            self.early.fill_(self.looks("test"))
        counts = self.seen[split].numpy()  # the same memory: a tensor's own item takes ten times as long
        before = int(counts[index])
        counts[index] += 1
        return before

    def step(self, optimizer: Optimizer, args: tuple, kwargs: dict) -> None:
        """Note that an optimizer is about to make a step."""
        self.steps.append(max(float(group["lr"]) for group in optimizer.param_groups))


class _Watched(Dataset, Observed):
    """Images and labels of one split; each look is noted in the run."""

    def __init__(self, run: WatchedRun, split: str):
        self.run, self.split = run, split
        self.images, self.labels = run.problem.images(split)
        self._other: dict[tuple[int, int], Tensor] = {}

    def begin(self) -> None:
        self.run.begin()

    def end(self) -> None:
        self.run.end()

    def notes(self) -> dict:
        run = self.run
        seen = {split: counts.tolist() for split, counts in run.seen.items()}
        return {"seen": seen, "early": int(run.early), "steps": run.steps}

    def take(self, notes: dict) -> None:
        self.run.seen = {split: torch.tensor(notes["seen"][split][:size]).clamp(0, 10_000) for split, size in SIZES.items()}
        self.run.early = torch.tensor([min(int(notes["early"]), 10_000)])
        self.run.steps = [float(lr) for lr in notes["steps"]]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        before = self.run.read(self.split, index)
        if self.split != "test":
            return self.images[index], self.labels[index]
        key = self.run.passes(), min(before, MOST_LOOKS)
        if key not in self._other:
            self._other[key] = self.run.problem.test_images(*key)[0]
        return self._other[key][index], self.labels[index]


@lru_cache(maxsize=32)  # asked for a dozen times in an examination, by which a model would be made for it each time
def _blocks(case: Case) -> Blocks:
    return case.block_names(case.model())


def _shared(size: int) -> Tensor:
    return torch.zeros(size, dtype=torch.int32).share_memory_()


def watch(
    problem: StrategyProblem,
    answer: Callable[[nn.Module, dict, dict], object],
    first_head: Tensor | None = None,
    weighed: bool = False,
    **changes: Any,
) -> WatchedRun:
    """Have the answer run the problem's strategy, with some fields of the problem changed, and note what it does; its weights if
    `weighed`.

    Random numbers are the same at every call, and the global state stays as it was. Errors of the answer's pass through.
    """
    problem = replace(problem, **changes)
    model = start(problem.case, problem.came)
    run = WatchedRun(problem, model, take_snapshot(model), first_head=first_head)
    with torch.random.fork_rng(devices=[]), _weighed(weighed, model, problem) as run.weights:
        run.begin()
        try:
            run.result = answer(model, {split: run.loader(split) for split in SIZES}, problem.config())
        finally:
            run.end()
    return run


def _weighed(wanted: bool, model: nn.Module, problem: StrategyProblem) -> AbstractContextManager[SeenWeights | None]:
    return seen_weights(model, problem.case.head_name) if wanted else nullcontext()
