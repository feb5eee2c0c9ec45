"""How far training results differ from seed to seed: the table behind the bars that marks ask for.

Each seed draws its own images, head and order of batches. The run is the lessons' own: head for five epochs on features that
are computed once, then the last two blocks and the head for ten at 1e-4; beside it the fair control, the head alone
for all fifteen epochs.
"""

from __future__ import annotations

import copy
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import median

import torch
from torch import nn

from helpers.checks import fine_tune, train_head
from helpers.checks.training_result import HeldOut
from helpers.course import settings
from helpers.data import batches
from helpers.data.splits import course_splits
from helpers.models import backbones
from helpers.training.history import History
from helpers.training.loop import measure
from helpers.training.recipe import FINE_TUNE_EPOCHS, FINE_TUNE_LR, HEAD_EPOCHS, HEAD_LR, computed_once, release, train_part

SPLITS = ("val", "test")


@dataclass(frozen=True)
class SeedRun:
    """One seed's result; accuracies in [0, 1] on the validation and the test images.

    Attributes:
        seed: of images, head and batches.
        head: split -> accuracy after the head's epochs.
        control: split -> accuracy after as many epochs as the whole run, with the head alone.
        fine_tuned: split -> accuracy after fine-tuning.
        val_accuracies: after each epoch of the whole run, on the validation images.
        marks: share of the points that the two training exercises give for it.
        seconds: of the whole run.
    """

    seed: int
    head: dict[str, float]
    control: dict[str, float]
    fine_tuned: dict[str, float]
    val_accuracies: tuple[float, ...]
    marks: tuple[float, float]
    seconds: float

    def gain(self, split: str, over: str = "head") -> float:
        """How much fine-tuning is better than `over` with this seed."""
        return self.fine_tuned[split] - getattr(self, over)[split]


def run(seed: int) -> SeedRun:
    """Train with one seed and grade the result as the lessons do."""
    began = time.perf_counter()
    course = replace(settings.load(), seed=seed)
    backbone = backbones.get(course.backbone)
    splits = course_splits(course)
    num_classes = len(splits.class_names)
    model = backbones.released_model(backbone, num_classes=num_classes, seed=seed)
    transform = backbone.transform(course.image_size)
    datasets = {name: batches.to_dataset(getattr(splits, name), transform) for name in ("train", *SPLITS)}
    rest, images, vectors = computed_once(course, backbone, model, datasets, progress=False)
    head = backbone.head(model)

    history = _fit(head, vectors, HEAD_EPOCHS, HEAD_LR, keep_best=False)
    head_model = copy.deepcopy(model)
    head_mark = train_head.head_history.report(history, head_model, cases=[HeldOut("test", seed)]).share
    accuracies = {"head": _measure(head, vectors)}
    accuracies["control"] = _control(seed, backbone, vectors, num_classes)

    release(backbone, model)
    tuned = _fit(rest, images, FINE_TUNE_EPOCHS, FINE_TUNE_LR, keep_best=True)
    accuracies["fine_tuned"] = _measure(rest, images)
    mark = fine_tune.fine_tune_history.report(tuned, model, head_model, cases=[HeldOut("test", seed)]).share
    curve = tuple(record["val_accuracy"] for record in history.extend_with(tuned))
    return SeedRun(seed, **accuracies, val_accuracies=curve, marks=(head_mark, mark), seconds=time.perf_counter() - began)


def _fit(module: nn.Module, loaders: dict, num_epochs: int, lr: float, *, keep_best: bool) -> History:
    return train_part(module, loaders, num_epochs=num_epochs, lr=lr, keep_best=keep_best, progress=False)


def _control(seed: int, backbone: backbones.Backbone, vectors: dict, num_classes: int) -> dict[str, float]:
    """The same head from the same start, trained alone for as many epochs as head and fine-tuning together; best epoch kept."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = nn.Linear(backbone.num_features, num_classes)
    _fit(head, vectors, HEAD_EPOCHS + FINE_TUNE_EPOCHS, HEAD_LR, keep_best=True)
    return _measure(head, vectors)


def _measure(module: nn.Module, loaders: dict) -> dict[str, float]:
    return {name: measure(module, loaders[name])["accuracy"] for name in SPLITS}


def study(num_seeds: int) -> Iterator[SeedRun]:
    """One run for each seed from 0 on. Features lie in a temporary folder (``FINETUNE_CACHE``), not the learner's own."""
    for seed in range(num_seeds):
        with tempfile.TemporaryDirectory() as folder:
            os.environ["FINETUNE_CACHE"] = folder
            yield run(seed)


def table(runs: list[SeedRun]) -> str:
    """The results as Markdown: median, least and greatest over the seeds, and the median curve."""
    rows = ["| accuracy | images | median | least | greatest |", "|---|---|---|---|---|"]
    for split in SPLITS:
        columns = {
            "head, 5 epochs": [r.head[split] for r in runs],
            "control: head alone, 15 epochs": [r.control[split] for r in runs],
            "fine-tuned, 5 + 10 epochs": [r.fine_tuned[split] for r in runs],
            "gain over the head": [r.gain(split) for r in runs],
            "gain over the control": [r.gain(split, "control") for r in runs],
        }
        rows += [f"| {name} | {split} | {median(v):.3f} | {min(v):.3f} | {max(v):.3f} |" for name, v in columns.items()]
    curve = ", ".join(f"{median(r.val_accuracies[epoch] for r in runs):.3f}" for epoch in range(len(runs[0].val_accuracies)))
    full = [sum(r.marks[part] == 1.0 for r in runs) for part in (0, 1)]
    return "\n".join([
        *rows, "", f"Median validation accuracy by epoch: {curve}.", "",
        f"Full marks for head_history: {full[0]} of {len(runs)} seeds; for fine_tune_history: {full[1]} of {len(runs)}.",
        f"Seconds a seed: {median(r.seconds for r in runs):.0f} (median), on {torch.get_num_threads()} thread(s).",
        f"Torch {torch.__version__}.",
    ])  # fmt: skip


def main(num_seeds: int) -> int:
    """Print a line for each seed as it ends, then the table."""
    runs = []
    for result in study(num_seeds):
        runs.append(result)
        print(
            f"seed {result.seed:>2}: head {result.head['test']:.3f}, control {result.control['test']:.3f},"
            f" fine-tuned {result.fine_tuned['test']:.3f},"
            f" marks {result.marks[0]:.0%} and {result.marks[1]:.0%}, {result.seconds:.0f} s",
            file=sys.stderr, flush=True,
        )  # fmt: skip
    print(table(runs))
    return 0
