"""The course's recipe as one call: the head first, then the last two stages with it, as lessons 04 to 06 do it.

    run = course_run()          # trained on the first call, read from disk on every later one
    run.head_model, run.model   # before and after fine-tuning
    run.history                 # fifteen records: five of the head, ten of fine-tuning

Only what learned is kept on disk, some MB; everything else is the pre-trained model, which is there anyway.
"""

import copy
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn
from torch.utils.data import DataLoader

from helpers.course import settings
from helpers.course.errors import CourseError
from helpers.data import batches
from helpers.data.batches import TransformedImages
from helpers.data.splits import Splits, course_splits
from helpers.models import backbones
from helpers.training import cache, features
from helpers.training.history import History
from helpers.training.kept_runs import fit_once, learned, put_back
from helpers.training.loop import measure, train_epoch
from helpers.training.phases import HEAD, Phase, release
from helpers.training.run_phases import Interrupted, PhaseInputs, run_phases

# Five epochs of the head, then ten of it and the last two stages, at less than a third of the rate: measured with many seeds
# beside two blocks at 1e-4 and beside models without a network, in docs/training-results.md.
# The head's rate is Adam's own default, 1e-3 (Kingma and Ba 2015, arXiv 1412.6980).
HEAD_EPOCHS, HEAD_LR = 5, 1e-3
FINE_TUNE_EPOCHS, FINE_TUNE_LR = 10, 3e-4
NUM_EPOCHS = HEAD_EPOCHS + FINE_TUNE_EPOCHS
CAUTIOUS_LR = 1e-4  # the default of lesson 06's own loop: a tenth of the head's rate, where nothing was tried yet
# "The last two blocks" can be read in two ways. The recipe takes it as stages, the groups of alike blocks that a network is
# built of; the exercises' unit is one residual block, and any number of them may be released.
RELEASED_STAGES = 2


def released_blocks(backbone: backbones.Backbone) -> int:
    """How many residual blocks the recipe releases: those of the last two stages, 9 of ResNet50, 5 of EfficientNet-Lite0."""
    return backbone.blocks_in_last_stages(RELEASED_STAGES)


def phases(backbone: backbones.Backbone) -> tuple[Phase, Phase]:
    """The recipe as data: the head alone, then the last two stages with it."""
    fine_tuning = Phase("fine-tune", FINE_TUNE_EPOCHS, released_blocks(backbone), FINE_TUNE_LR)
    return Phase("head", HEAD_EPOCHS, HEAD, HEAD_LR), fine_tuning


@dataclass(frozen=True, eq=False)
class CourseRun:
    """One model at three moments of the course's recipe, and what it learned from.

    Attributes:
        pretrained: with a new head as it was drawn, before any training.
        head_model: after the head's epochs; only its head differs from `pretrained`.
        model: after fine-tuning, with the best epoch's weights; only its head and its last blocks differ from `pretrained`.
        history: 15 records, epochs counted on, phases ``"head"`` and ``"fine-tune"``.
        splits: the images as they are.
        datasets: ``"train"``, ``"val"`` and ``"test"``: the same images as the model takes them.

    They share no tensor. Each is in eval mode; its flags are its stage's: the head is trainable, in `model` the last blocks, too.
    """

    pretrained: nn.Module
    head_model: nn.Module
    model: nn.Module
    history: History
    splits: Splits
    datasets: dict[str, TransformedImages]


def course_run(course: settings.Settings | None = None, *, progress: bool = True) -> CourseRun:
    """The run of the course's recipe under these settings: trained if need be, else read from the course's cache folder.

    It is trained again when anything that decides the result differs (weights, images, settings, recipe, number of threads,
    version of torch, kind of processor), or when the file is damaged.

    Args:
        course: default: what `course.toml` says.
        progress: say what is trained and for about how long, and show bars.

    Raises:
        CourseError: weights or images cannot be had, or the training was interrupted.
    """
    course = course or settings.load()
    backbone, splits = backbones.get(course.backbone), course_splits(course)
    datasets = batches.to_datasets(splits, backbone.transform(course.image_size))
    pretrained = backbones.with_new_head(backbone, num_classes=len(splits.class_names), seed=course.seed).eval()
    head_model, model = copy.deepcopy(pretrained), copy.deepcopy(pretrained)
    release(backbone, model, phases(backbone)[1])

    (folder, limit_mb), key = cache.place(course), _key(course, backbone, pretrained, datasets)
    history = put_back(cache.read(folder, key) or {}, {"head": head_model, "fine-tune": model}, NUM_EPOCHS)
    if history is None:
        history = _train(course, backbone, head_model, model, datasets, progress)
        cache.write(folder, key, learned({"head": head_model, "fine-tune": model}, history), limit_mb)
    return CourseRun(pretrained, head_model.eval(), model.eval(), history, splits, datasets)


def _train(course, backbone, head_model: nn.Module, model: nn.Module, datasets: Mapping, progress: bool) -> History:
    """The history of the whole recipe; both models, which come untrained, have learned."""
    seen = {name: datasets[name] for name in ("train", "val")}
    options = {"batch_size": course.batch_size, "seed": course.seed, "progress": progress}
    head_phase, fine_tuning = phases(backbone)
    inputs = PhaseInputs(backbone, model, seen, (head_phase, fine_tuning), **options)
    try:
        # One run for each phase: as in the lessons, the second one begins with the seed's first order of batches again.
        head = run_phases(inputs, [head_phase], keep_best=False, progress=progress).history
        head_model.load_state_dict(model.state_dict())
        release(backbone, model, fine_tuning)
        tail, loaders = inputs.of(fine_tuning)
        optimizer = torch.optim.Adam([p for p in tail.parameters() if p.requires_grad], lr=fine_tuning.lr)
        # Lesson 00 makes the same run, and whoever has done one of the two waits for no other.
        whole = fit_once(
            tail, loaders["train"], loaders["val"], optimizer,
            num_epochs=fine_tuning.num_epochs, phase=fine_tuning.name, history=head, progress=progress,
            before=partial(_say, fine_tuning, tail, loaders) if progress else None, course=course,
        )  # fmt: skip
        if len(whole) < NUM_EPOCHS:
            raise Interrupted(len(whole))
        return whole
    except Interrupted as stop:
        # Half a recipe, kept, would be taken for the whole one.
        done = f"after {stop.done} of {NUM_EPOCHS} epochs"
        raise CourseError(f"The run was interrupted {done}, so nothing is kept: run this cell again.") from None


def _say(phase: Phase, tail: nn.Module, loaders: Mapping[str, DataLoader]) -> None:
    """What will be trained, and for about how long."""
    seconds = phase.num_epochs * _seconds_an_epoch(tail, loaders)
    blocks = f"{phase.released} residual blocks ({RELEASED_STAGES} stages)"
    what = f"The course's recipe: the head for {HEAD_EPOCHS} epochs, then the last {blocks} and the head for"
    print(f"{what} {phase.num_epochs}, about {max(seconds, 1):.0f} s. Later runs read the result from disk.")


def _seconds_an_epoch(rest: nn.Module, loaders: Mapping[str, DataLoader]) -> float:
    """About how long an epoch of fine-tuning takes here, by one batch tried on a copy. No loader moves on."""
    trial = copy.deepcopy(rest).requires_grad_(True)
    optimizer = torch.optim.Adam(trial.parameters(), lr=FINE_TUNE_LR)
    train, val = loaders["train"], loaders["val"]
    batch = [next(iter(batches.make_loader(train.dataset, batch_size=train.batch_size)))]
    for _ in range(2):  # the first round also warms up
        clock = [time.perf_counter()]
        train_epoch(trial, batch, optimizer)
        clock.append(time.perf_counter())
        measure(trial, batch)
        clock.append(time.perf_counter())
    return (clock[1] - clock[0]) * len(train) + (clock[2] - clock[1]) * len(val)


def _key(course: settings.Settings, backbone: backbones.Backbone, pretrained: nn.Module, datasets: Mapping) -> str:
    """Different when anything that decides the result is: nothing else in the settings does."""
    images = [datasets[name].fingerprint for name in ("train", "val")]
    rounding = features.rounding(pretrained, course.batch_size, course.frozen_part)
    model = cache.checksum(pretrained.state_dict()), repr(pretrained), rounding
    return cache.make_key("recipe", repr((phases(backbone), course.seed)), *images, *model)
