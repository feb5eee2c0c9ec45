"""The engine of all runs of several phases: what is frozen is computed once, then one phase trains after the other.

    start = PhaseInputs(backbone, model, {"train": train, "val": val}, phases, batch_size=32, seed=0)
    run = run_phases(start, phases)     # `model` has learned; run.history has the epochs of all phases

Within one call the order of the batches goes on from phase to phase, and each phase begins where the one before ended. Who wants
something in between, as a copy of the model or a measurement, calls once for each phase.
"""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from helpers.course import settings
from helpers.data import batches
from helpers.models.backbones import Backbone
from helpers.parameters import count
from helpers.training import features, on_gpu
from helpers.training.history import History
from helpers.training.loop import device_of, fit
from helpers.training.lr_finder import find_lr
from helpers.training.phases import Phase, rate_groups, release


class Interrupted(KeyboardInterrupt):
    """The user stopped a run in the middle of a phase: half a run is no result. `done` epochs were finished."""

    def __init__(self, done: int):
        super().__init__(f"interrupted after {done} epochs")
        self.done = done


@dataclass(frozen=True, eq=False)
class PhasesRun:
    """What came of some phases.

    Attributes:
        history: one record an epoch, earlier ones first.
        trainable: the most parameters (scalars) that were trainable at any time.
        order: state of the generator that shuffles, after the last batch.
    """

    history: History
    trainable: int
    order: Tensor


@dataclass(eq=False)
class PhaseInputs:
    """What each phase's epochs start from: the images, or the outputs of what is frozen then, computed once.

    Attributes:
        backbone: the description of `model`.
        model: the whole model, in eval mode but for its head.
        datasets: name -> images as the model takes them; ``"train"``, which is shuffled by `seed`, and ``"val"`` at least.
        phases: all that will be run. The images pass once through what is frozen in each of them.
        batch_size: images in one batch, of training and of computing features.
        seed: of the order of the batches.
        one_cut: every phase starts from the same outputs, those up to the first block that any phase releases, and finds the
            rest frozen in its part. More to compute, and other last bits: a batch of training is rounded otherwise.
        on_disk, progress, way: as in `features.compute_once`.
    """

    backbone: Backbone
    model: nn.Module
    datasets: Mapping[str, Dataset]
    phases: Sequence[Phase]
    _: KW_ONLY
    batch_size: int
    seed: int
    one_cut: bool = False
    on_disk: bool = True
    progress: bool = False
    way: str | None = None
    _maps: dict[str, Dataset] | None = field(default=None, init=False, repr=False)

    def of(self, phase: Phase) -> tuple[nn.Module, dict[str, DataLoader]]:
        """(what learns, with all that follows it; fresh loaders of its inputs, one for each data set).

        Raises:
            CourseError: what lies before it is not frozen: release the phase first.
        """
        part, datasets = self._cut(phase.released_blocks)
        loaders = batches.make_loaders(datasets, batch_size=self.batch_size, seed=self.seed)
        if (device := device_of(part)).type != "cuda":
            return part, loaders
        free, mixed = torch.cuda.mem_get_info(device)[0], (self.way or settings.common().frozen_part) == "bfloat16"
        return on_gpu.prepared(part, loaders, on_gpu.plan("cuda", mixed=mixed, needed=on_gpu.size(loaders), free=free))

    def _cut(self, released_blocks: int | None) -> tuple[nn.Module, Mapping[str, Dataset]]:
        if released_blocks is None:
            self._maps = None  # everything is about to learn: what was computed before will be out of date
            return self.model, self.datasets
        # Cut at the furthest place of all phases: what lies before it is computed once for those that cut there or behind it.
        furthest = max(phase.released_blocks or 0 for phase in self.phases)
        start, _ = features.split_model(self.backbone, self.model, furthest)
        front, tail = features.split_model(self.backbone, self.model, furthest if self.one_cut else released_blocks)
        if self._maps is None:
            self._maps = self._once(start, self.datasets, self.progress)
        between = front[len(start) :]
        return tail, self._once(between, self._maps, False) if len(between) else self._maps

    def _once(self, front: nn.Module, datasets: Mapping[str, Dataset], progress: bool) -> dict[str, Dataset]:
        options = {"batch_size": self.batch_size, "on_disk": self.on_disk, "progress": progress, "way": self.way}
        return {name: features.compute_once(front, dataset, **options) for name, dataset in datasets.items()}


def run_phases(
    inputs: PhaseInputs,
    phases: Sequence[Phase],
    *,
    keep_best: bool = True,
    train_batchnorm: bool = False,
    find_last_lr: bool = False,
    history: Iterable[Mapping] = (),
    order: Tensor | None = None,
    progress: bool = False,
    after_epoch: Callable[[History], None] | None = None,
) -> PhasesRun:
    """What comes of the phases, each with a fresh Adam; the inputs' model has learned.

    Args:
        inputs: the model, and what it learns from.
        phases: one after the other.
        keep_best: each phase ends with its best epoch's weights, the run with those of the best of all; otherwise the last one's.
        train_batchnorm: see `helpers.training.loop.set_modes`.
        find_last_lr: the last phase's rates are not used: the range test suggests one.
        history: earlier epochs to number on from; they take no part in `keep_best`.
        order: begin with the batches that follow after an earlier run (`PhasesRun.order`); default: the seed's first ones.
        progress, after_epoch: show the loop's trace; what is handed the history of all phases so far, after every epoch.

    Raises:
        CourseError: the backbone has fewer blocks than a phase releases.
        Interrupted: the user stopped a phase.
    """
    earlier, run, best, trainable = History.of(history), History(), None, 0
    for phase in phases:
        release(inputs.backbone, inputs.model, phase)
        trainable = max(trainable, count(inputs.model).trainable)
        part, loaders = inputs.of(phase)
        if order is not None:
            loaders["train"].generator.set_state(order)
        if find_last_lr and phase is phases[-1]:
            phase = replace(phase, lr=find_lr(part, loaders["train"], train_batchnorm=train_batchnorm).suggestion)
        optimizer = torch.optim.Adam(rate_groups(inputs.backbone, inputs.model, phase))
        wanted = len(run) + phase.num_epochs
        options = {"phase": phase.name, "keep_best": keep_best, "train_batchnorm": train_batchnorm, "progress": progress}
        options["after_epoch"] = after_epoch
        run = fit(part, loaders["train"], loaders["val"], optimizer, num_epochs=phase.num_epochs, history=run, **options)
        if len(run) < wanted:
            raise Interrupted(len(earlier) + len(run))  # `fit` ends quietly, but half a run is no result
        order = loaders["train"].generator.get_state()
        if keep_best and run.best["epoch"] > wanted - phase.num_epochs:
            best = copy.deepcopy(inputs.model.state_dict())
    if best is not None:
        inputs.model.load_state_dict(best)
    return PhasesRun(earlier.extend_with(run), trainable, order)
