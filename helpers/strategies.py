"""Fine-tuning strategies as data, and one engine that runs any of them with the course's own loop.

    outcome = run(CONTESTANTS["head_then_blocks"], seed=0)
    outcome.accuracy, outcome.seconds, outcome.trainable

A strategy is a list of phases. All else is the same for every one of them: the images, the order of the batches, Adam, BatchNorm
in eval mode, and the rule by which the best epoch's weights are kept.
"""

from __future__ import annotations

import copy
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import torch
from torch import nn
from torch.utils.data import Dataset

from helpers import data, features, models, settings
from helpers.errors import CourseError
from helpers.history import History, rank
from helpers.lr_finder import find_lr
from helpers.parameters import count
from helpers.phase import ALL, ALL_BUT_FIRST, HEAD, Phase, rate_groups, release
from helpers.training import fit, measure

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Strategy:
    """A way to bring a network to a new task.

    Attributes:
        key: its short name in code, tables and files.
        title: its name in sentences and pictures.
        phases: one after the other, each from the best epoch of the one before.
        pretrained: start from ImageNet's weights. Without them BatchNorm has no statistics worth keeping, so it gathers its own.
        find_lr: the last phase's `lr` is not used: the range test suggests one.

    Raises:
        CourseError: there is no phase.
    """

    key: str
    title: str
    phases: tuple[Phase, ...]
    pretrained: bool = True
    find_lr: bool = False

    def __post_init__(self) -> None:
        if not self.phases:
            raise CourseError(f"Strategy {self.key!r} has no phase: give it one Phase or more.")

    @property
    def num_epochs(self) -> int:
        """Epochs in all."""
        return sum(phase.num_epochs for phase in self.phases)

    def __str__(self) -> str:
        steps = [str(phase) for phase in self.phases]
        if self.find_lr:
            steps[-1] = steps[-1].replace(self.phases[-1].rate_words, "the rate that the range test suggests")
        start = [] if self.pretrained else ["random weights in all layers"]
        return "\n".join([f"{self.key}: {self.title}", *(f"    {line}" for line in (*start, *steps))])


def _one_phase(key: str, title: str, released: str, lr: float, *, pretrained: bool = True) -> Strategy:
    return Strategy(key, title, (Phase(HEAD if released == HEAD else ALL, 10, released, lr),), pretrained)


def _head_first(key: str, title: str, head_lr: float, *later: Phase, find_lr: bool = False) -> Strategy:
    return Strategy(key, title, (Phase(HEAD, 5, HEAD, head_lr), *later), find_lr=find_lr)


# ULMFiT lets one more layer learn after each epoch, at 1 / 2.6 of the rate of the one behind it:
# Howard and Ruder 2018, https://arxiv.org/abs/1801.06146, sections 3.2 and 3.3.
ULMFIT_FALL = 2.6
# fastai's fine_tune spans the rates from the head's down to a hundredth of it at the first layers (lr_mult=100,
# https://docs.fast.ai/callback.schedule.html). Both backbones of the course have 16 blocks, and 100 ** (1 / 16) is 4/3.
FASTAI_FALL = 4 / 3

# Ten epochs each. Rates: head_then_blocks has the lessons' own; all others the best of four to six tries, by the validation
# images of a seed that is not in the race (docs/strategies.md).
CONTESTANTS: dict[str, Strategy] = {
    strategy.key: strategy
    for strategy in (
        _one_phase("head_only", "head only", HEAD, 1e-2),
        _head_first("head_then_blocks", "head then last 2 blocks", 1e-3, Phase("fine-tune", 5, 2, 1e-4)),
        _one_phase("all_at_once", "all layers at once", ALL, 3e-4),
        _one_phase("from_scratch", "from scratch", ALL, 1e-2, pretrained=False),
        _one_phase("first_frozen", "all but the first convolution", ALL_BUT_FIRST, 3e-4),
        _head_first("discriminative", "head then all at falling rates", 3e-3, Phase(ALL, 5, ALL, 1e-3, fall=FASTAI_FALL)),
        _head_first(
            "gradual", "head then one more block each epoch", 3e-3,
            *(Phase("1 block" if n == 1 else f"{n} blocks", 1, n, 3e-4, fall=ULMFIT_FALL) for n in range(1, 6)),
        ),
        _head_first("found_rate", "head then last 2 blocks at a found rate", 3e-3, Phase("fine-tune", 5, 2, 1e-3), find_lr=True),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What one run of a strategy came to.

    Attributes:
        strategy: its key.
        seed: of images, head and order of batches.
        history: every epoch, phases marked; `History.best` is the one whose weights were tested.
        trainable: the most parameters (scalars) that could learn at any time.
        seconds: processor time of the training, see `run`.
        accuracy: share of the test images that are right, with the weights of the best epoch by validation.
        majority: accuracy on the test images of always naming the training images' most frequent class.
    """

    strategy: str
    seed: int
    history: History
    trainable: int
    seconds: float
    accuracy: float
    majority: float

    def summary(self) -> dict:
        """The five values that strategies are compared by: a plain dict without the history."""
        return {key: getattr(self, key) for key in ("strategy", "seed", "accuracy", "seconds", "trainable")}

    def to_dict(self) -> dict:
        """Plain values, for JSON."""
        return asdict(self) | {"history": [dict(record) for record in self.history]}

    @classmethod
    def of(cls, values: Mapping) -> Outcome:
        """The outcome that `to_dict` gave.

        Raises:
            CourseError: a value is missing, or one too many.
        """
        try:
            return cls(**{**values, "history": History.of(values["history"])})
        except (KeyError, TypeError) as error:
            raise CourseError(f"This is no outcome of a run ({error}): make it with Outcome.to_dict().") from None


def run(
    strategy: Strategy,
    *,
    seed: int = 0,
    course: settings.Settings | None = None,
    splits: data.Splits | None = None,
    progress: bool = False,
) -> Outcome:
    """What training by the strategy comes to.

    `Outcome.seconds` is the processor time, all threads together, of what the strategy does once the network is built and the
    images are ready: computing what is frozen (once for each run, never read from disk), all epochs with their
    validation, the range test. Reading images, loading weights and the test are not in it.

    Args:
        strategy: one of `CONTESTANTS`, or your own.
        seed: of the head and of the order of batches; of the images as well, unless `splits` brings them.
        course: backbone, sizes and batch size; default by `course.toml`.
        splits: the images; default `data.course_splits`.
        progress: show the loop's bars.
    """
    course = replace(course or settings.load(), seed=seed)
    return run_on(prepare(course, splits), strategy, course, progress=progress)


def prepare(course: settings.Settings, splits: data.Splits | None = None) -> dict[str, data.TransformedImages]:
    """The images of each split as the backbone wants them, all transformed, so that no contestant pays for the next one's."""
    transform = models.get(course.backbone).transform(course.image_size)
    splits = splits or data.course_splits(course)
    sets = {name: data.to_dataset(getattr(splits, name), transform) for name in SPLITS}
    for images in sets.values():
        for index in range(len(images)):
            images[index]
    return sets


def run_on(
    sets: Mapping[str, data.TransformedImages], strategy: Strategy, course: settings.Settings, *, progress: bool = False
) -> Outcome:
    """`run` on prepared images, with the course's seed."""
    backbone, labels = models.get(course.backbone), sets["train"].labels
    model = backbone.build(len(sets["train"].class_names), strategy.pretrained, course.seed).eval()
    began = time.process_time()
    history, trainable = _train(strategy, backbone, model, sets, course, progress)
    seconds = time.process_time() - began
    test = measure(model, data.make_loader(sets["test"], batch_size=course.batch_size))
    majority = float((sets["test"].labels == labels.mode().values).float().mean())
    return Outcome(strategy.key, course.seed, history, trainable, seconds, test["accuracy"], majority)


def _train(strategy, backbone: models.Backbone, model: nn.Module, sets, course, progress: bool) -> tuple[History, int]:
    """(history, most trainable parameters); the model is left with the weights of the best epoch of all phases."""
    history, best, trainable = History(), None, 0
    ready, order = _Ready(strategy, backbone, model, sets), None
    for phase in strategy.phases:
        release(backbone, model, phase)
        trainable = max(trainable, count(model).trainable)
        part, datasets = ready.for_phase(phase)
        train = data.make_loader(datasets["train"], batch_size=course.batch_size, shuffle=True, seed=course.seed)
        val = data.make_loader(datasets["val"], batch_size=course.batch_size)
        if order is not None:  # epoch 6 has the same batches whether a phase ends before it or not
            train.generator.set_state(order)
        train_batchnorm = not strategy.pretrained
        if strategy.find_lr and phase is strategy.phases[-1]:
            phase = replace(phase, lr=find_lr(part, train, train_batchnorm=train_batchnorm).suggestion)
        optimizer = torch.optim.Adam(rate_groups(backbone, model, phase))
        options = {"num_epochs": phase.num_epochs, "phase": phase.name, "train_batchnorm": train_batchnorm, "progress": progress}
        before, history = len(history), fit(part, train, val, optimizer, history=history, **options)
        if len(history) < before + phase.num_epochs:
            raise KeyboardInterrupt  # `fit` ends quietly, but half a run is no outcome
        order = train.generator.get_state()
        if best is None or rank(history.best) < rank(best[0]):
            best = history.best, copy.deepcopy(model.state_dict())
    model.load_state_dict(best[1])
    return history, trainable


class _Ready:
    """What each phase's epochs start from: the images, or the outputs of what is frozen then, computed once."""

    def __init__(self, strategy: Strategy, backbone: models.Backbone, model: nn.Module, sets: Mapping[str, Dataset]):
        self.backbone, self.model, self.sets = backbone, model, sets
        # The run's furthest cut: what lies before it is computed once for all phases that cut there or behind it.
        self.furthest = max(phase.released_blocks or 0 for phase in strategy.phases)
        self.maps: dict[str, Dataset] | None = None

    def for_phase(self, phase: Phase) -> tuple[nn.Module, dict[str, Dataset]]:
        """(what learns, with all that follows it; its inputs for each split)."""
        if phase.released_blocks is None:
            self.maps = None  # everything is about to learn: what was computed before will be out of date
            return self.model, {name: self.sets[name] for name in ("train", "val")}
        front, tail = features.split_model(self.backbone, self.model, phase.released_blocks)
        start, _ = features.split_model(self.backbone, self.model, self.furthest)
        if self.maps is None:
            self.maps = {name: _once(start, self.sets[name]) for name in ("train", "val")}
        between = front[len(start) :]
        return tail, {name: _once(between, maps) for name, maps in self.maps.items()} if len(between) else self.maps


def _once(front: nn.Module, dataset: Dataset) -> Dataset:
    """The front's outputs, computed here and now: one read from disk would make the run look cheaper than it is."""
    with tempfile.TemporaryDirectory() as empty:
        return features.compute_once(front, dataset, folder=empty, limit_mb=0, progress=False)
