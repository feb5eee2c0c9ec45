"""A whole training strategy watched from outside: which images it reads and when, and every step of every optimizer.

What a strategy says of itself is a claim. Here it is given a small model and data that keep a record, so that a check can ask
what was looked at, at which rate, and by which optimizer.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import Optimizer, register_optimizer_step_pre_hook
from torch.utils.data import DataLoader, Dataset

from helpers.checks.small_models import Case, start
from helpers.checks.watching import Observed
from helpers.inspection.snapshot import Snapshot, take_snapshot

# Enough to learn from in a few epochs, few enough for milliseconds; none is a multiple of a batch size in use.
SIZES = {"train": 27, "val": 47, "test": 23}
PHASES = ("head", "fine_tune")


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
        return self.case.block_names(self.case.model())

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


@dataclass(frozen=True)
class Step:
    """One step of an optimizer: its highest rate, and whether it remembered anything of earlier steps."""

    lr: float
    remembers: bool


@dataclass
class WatchedRun:
    """What an answer did with one problem.

    Attributes:
        problem: what it was asked.
        model: the model that was handed in, as it was left.
        before: that model as it came.
        result: what the answer returned.
        reads: the names of the splits in the order in which images of them were read, once an image.
        steps: every optimizer's steps, in order.
        first_head: the head's weight when the first training image was read; None if the head did not fit by then.
    """

    problem: StrategyProblem
    model: nn.Module
    before: Snapshot
    result: object = None
    reads: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    first_head: Tensor | None = None
    _hook: Any = None

    def __getstate__(self) -> dict:
        """All but the hook, which belongs to one process."""
        return {**vars(self), "_hook": None}

    def begin(self) -> None:
        """Watch optimizers from here on, with random numbers that are the same at every call."""
        if self._hook is None:
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

    def read(self, split: str) -> None:
        """Note that an image was read."""
        if split == "train" and "train" not in self.reads and isinstance(self.head(), nn.Linear):
            self.first_head = self.head().weight.detach().clone()
        self.reads.append(split)

    def step(self, optimizer: Optimizer, args: tuple, kwargs: dict) -> None:
        """Note that an optimizer is about to make a step."""
        remembers = any(value is not None for state in optimizer.state.values() for value in state.values())
        self.steps.append(Step(max(float(group["lr"]) for group in optimizer.param_groups), remembers))


class _Watched(Dataset, Observed):
    """Images and labels of one split; each look is noted in the run."""

    def __init__(self, run: WatchedRun, split: str):
        self.run, self.split = run, split
        self.images, self.labels = run.problem.images(split)

    def begin(self) -> None:
        self.run.begin()

    def end(self) -> None:
        self.run.end()

    def notes(self) -> dict:
        run = self.run
        steps = [[step.lr, step.remembers] for step in run.steps]
        return {"reads": [list(SIZES).index(name) for name in run.reads], "steps": steps, "first_head": run.first_head}

    def take(self, notes: dict) -> None:
        names, head = list(SIZES), notes["first_head"]
        self.run.reads = [names[number] for number in notes["reads"]]
        self.run.steps = [Step(float(lr), bool(remembers)) for lr, remembers in notes["steps"]]
        self.run.first_head = head if isinstance(head, Tensor) else None

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        self.run.read(self.split)
        return self.images[index], self.labels[index]


def watch(problem: StrategyProblem, answer: Callable[[nn.Module, dict, dict], object], **changes: Any) -> WatchedRun:
    """Have the answer run the problem's strategy, with some fields of the problem changed, and note what it does.

    Random numbers are the same at every call, and the global state stays as it was. Errors of the answer's pass through.
    """
    problem = replace(problem, **changes)
    model = start(problem.case, problem.came)
    run = WatchedRun(problem, model, take_snapshot(model))
    with torch.random.fork_rng(devices=[]):
        run.begin()
        try:
            run.result = answer(model, {split: run.loader(split) for split in SIZES}, problem.config())
        finally:
            run.end()
    return run
