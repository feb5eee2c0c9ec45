"""The one engine for runs of several phases: features up to the first released block once, then one phase after the other."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.utils.data import Dataset

from helpers.data import batches
from helpers.models import backbones
from helpers.parameters import count
from helpers.training import features
from helpers.training.history import History, rank
from helpers.training.loop import fit
from helpers.training.lr_finder import find_lr
from helpers.training.phases import Phase, rate_groups, release

if TYPE_CHECKING:
    from helpers.training.strategies import Strategy

SPLITS = ("train", "val", "test")


def _train(strategy, backbone: backbones.Backbone, model: nn.Module, sets, course, progress: bool) -> tuple[History, int]:
    """(history, most trainable parameters); the model is left with the weights of the best epoch of all phases."""
    history, best, trainable = History(), None, 0
    ready, order = _Ready(strategy, backbone, model, sets), None
    for phase in strategy.phases:
        release(backbone, model, phase)
        trainable = max(trainable, count(model).trainable)
        part, datasets = ready.for_phase(phase)
        train = batches.make_loader(datasets["train"], batch_size=course.batch_size, shuffle=True, seed=course.seed)
        val = batches.make_loader(datasets["val"], batch_size=course.batch_size)
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

    def __init__(self, strategy: Strategy, backbone: backbones.Backbone, model: nn.Module, sets: Mapping[str, Dataset]):
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
