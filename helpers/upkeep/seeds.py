"""How far training results differ from seed to seed: the table behind the bars that marks ask for.

Each seed draws its own images, head and order of batches. The run is the lessons' own: head for five epochs on features that
are computed once, then the last two blocks and the head for ten at 1e-4; beside it the fair control, the head alone
for all fifteen epochs.
"""

import copy
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import median

import torch

from helpers.checks import fine_tune, train_head
from helpers.checks.training_result import HeldOut
from helpers.course import settings
from helpers.data import batches
from helpers.data.splits import course_splits
from helpers.models import backbones
from helpers.training.loop import measure
from helpers.training.phases import Phase
from helpers.training.recipe import NUM_EPOCHS, PHASES
from helpers.training.run_phases import PhaseInputs, run_phases

MEASURED = ("val", "test")


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


def run_seed(seed: int) -> SeedRun:
    """Train with one seed and grade the result as the lessons do."""
    began = time.perf_counter()
    course = replace(settings.load(), seed=seed)
    backbone = backbones.get(course.backbone)
    splits = course_splits(course)
    model = backbones.with_new_head(backbone, num_classes=len(splits.class_names), seed=seed)
    datasets = batches.to_datasets(splits, backbone.transform(course.image_size))
    options = {"batch_size": course.batch_size, "seed": seed}
    inputs = PhaseInputs(backbone, model, datasets, PHASES, **options)
    control = PhaseInputs(backbone, copy.deepcopy(model), datasets, PHASES, **options)
    [head_phase, fine_tuning] = PHASES

    head = run_phases(inputs, [head_phase], keep_best=False)
    head_model = copy.deepcopy(model)
    head_mark = train_head.head_history.report(head.history, head_model, cases=[HeldOut("test", seed)]).share
    accuracies = {"head": _measure(inputs, head_phase)}

    # The same head from the same start, for as many epochs as both phases together; its batches are those that follow the head's.
    run_phases(control, [replace(head_phase, num_epochs=NUM_EPOCHS)], order=head.order)
    accuracies["control"] = _measure(control, head_phase)

    tuned = run_phases(inputs, [fine_tuning]).history
    accuracies["fine_tuned"] = _measure(inputs, fine_tuning)
    mark = fine_tune.fine_tune_history.report(tuned, model, head_model, cases=[HeldOut("test", seed)]).share
    curve = tuple(record["val_accuracy"] for record in (*head.history, *tuned))
    return SeedRun(seed, **accuracies, val_accuracies=curve, marks=(head_mark, mark), seconds=time.perf_counter() - began)


def _measure(inputs: PhaseInputs, phase: Phase) -> dict[str, float]:
    part, loaders = inputs.of(phase)
    return {name: measure(part, loaders[name])["accuracy"] for name in MEASURED}


def study(num_seeds: int) -> Iterator[SeedRun]:
    """One run for each seed from 0 on. Features lie in a temporary folder (``FINETUNE_CACHE``), not the learner's own."""
    for seed in range(num_seeds):
        with tempfile.TemporaryDirectory() as folder:
            os.environ["FINETUNE_CACHE"] = folder
            yield run_seed(seed)


def results_table(runs: list[SeedRun]) -> str:
    """The results as Markdown: median, least and greatest over the seeds, and the median curve."""
    rows = ["| accuracy | images | median | least | greatest |", "|---|---|---|---|---|"]
    for split in MEASURED:
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
    print(results_table(runs))
    return 0
