"""How far training results differ from seed to seed, and from models without a network: the tables behind recipe and bars.

Each seed draws its own images, head and order of batches. The run is the lessons' own: head for five epochs on features that
are computed once, then the recipe's blocks and the head for ten. Beside it: the fair control, the head alone for all fifteen
epochs; the same recipe with BatchNorm of the released blocks in train mode; two blocks at the cautious rate; and three
classifiers on raw pixels.

python -m helpers study --seeds 20     # all of it anew, tables printed, helpers/training/recorded/seeds.json written
"""

import copy
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median

from helpers.checks.fine_tune.fine_tune_history import LEAST_BLOCKS
from helpers.course import settings
from helpers.course.errors import CourseError
from helpers.data import batches
from helpers.data.splits import course_splits
from helpers.models import backbones
from helpers.training import baselines
from helpers.training.loop import measure
from helpers.training.phases import Phase
from helpers.training.recipe import CAUTIOUS_LR, NUM_EPOCHS, phases
from helpers.training.recordings import as_json, machine
from helpers.training.run_phases import PhaseInputs, run_phases

MEASURED = ("val", "test")
RECORDED = Path(__file__).parents[1] / "training" / "recorded" / "seeds.json"
# What is compared, in the order of the tables; the three baselines follow under their own titles.
TITLES = {
    "head": "head, 5 epochs",
    "control": "control: head alone, 15 epochs",
    "two_blocks": "head, then last 2 blocks at 1e-4",
    "fine_tuned": "the recipe: head, then last two stages",
    "train_mode": "the recipe, released BatchNorm in train mode",
}
SHORT = {"head": "head 5", "control": "head 15", "two_blocks": "2 blocks", "fine_tuned": "recipe", "train_mode": "in train mode"}


@dataclass(frozen=True)
class SeedRun:
    """One seed's result; accuracies in [0, 1].

    Attributes:
        seed: of images, head and batches.
        accuracies: a key of `TITLES` or of `baselines.TITLES` -> ``{"val": ..., "test": ...}``.
        curves: way with two phases -> validation accuracy after each epoch of the whole run.
        seconds: processor time of the recipe, front and validation included.
    """

    seed: int
    accuracies: dict[str, dict[str, float]]
    curves: dict[str, list[float]]
    seconds: float

    def best_baseline(self, split: str) -> float:
        """The highest accuracy of the three on this split: harder to beat than the one that validation would choose."""
        return max(self.accuracies[key][split] for key in baselines.TITLES)

    def lead(self, split: str, over: str) -> float:
        """How much the recipe is better than another of `accuracies`, or than the best of the ``"baselines"``."""
        other = self.best_baseline(split) if over == "baselines" else self.accuracies[over][split]
        return self.accuracies["fine_tuned"][split] - other


def run_seed(seed: int) -> SeedRun:
    """Train with one seed in each of the ways of `TITLES`, and fit the three baselines."""
    course = replace(settings.load(), seed=seed)
    backbone, splits = backbones.get(course.backbone), course_splits(course)
    model = backbones.with_new_head(backbone, num_classes=len(splits.class_names), seed=seed)
    datasets = batches.to_datasets(splits, backbone.transform(course.image_size))
    head_phase, fine_tuning = phases(backbone)
    began = time.process_time()
    inputs = PhaseInputs(backbone, model, datasets, (head_phase, fine_tuning), batch_size=course.batch_size, seed=seed)
    head = run_phases(inputs, [head_phase], keep_best=False)
    seconds = time.process_time() - began
    accuracies = {"head": _measure(inputs, head_phase), "control": _control(inputs, head_phase)}

    curves, start = {}, [record["val_accuracy"] for record in head.history]
    cautious = replace(fine_tuning, released=LEAST_BLOCKS, lr=CAUTIOUS_LR)
    for key, phase in {"two_blocks": cautious, "train_mode": fine_tuning, "fine_tuned": fine_tuning}.items():
        # Each from the same trained head, with the same batches.
        tuned, began = replace(inputs, model=copy.deepcopy(model)), time.process_time()
        history = run_phases(tuned, [phase], train_batchnorm=key == "train_mode").history
        seconds += time.process_time() - began if key == "fine_tuned" else 0
        accuracies[key], curves[key] = _measure(tuned, phase), start + [record["val_accuracy"] for record in history]
    for key in baselines.TITLES:
        found = baselines.fit(splits, key)
        accuracies[key] = {"val": found.val_accuracy, "test": found.test_accuracy}
    return SeedRun(seed, accuracies, curves, seconds)


def _control(inputs: PhaseInputs, phase: Phase) -> dict[str, float]:
    """The head alone, from the same first head on the same batches, for as many epochs as both phases together."""
    classes = len(inputs.datasets["train"].class_names)
    fresh = backbones.with_new_head(inputs.backbone, num_classes=classes, seed=inputs.seed)
    control = replace(inputs, model=fresh)
    run_phases(control, [replace(phase, num_epochs=NUM_EPOCHS)])
    return _measure(control, phase)


def _measure(inputs: PhaseInputs, phase: Phase) -> dict[str, float]:
    part, loaders = inputs.of(phase)
    return {name: measure(part, loaders[name])["accuracy"] for name in MEASURED}


def study(seeds: Iterable[int]) -> Iterator[SeedRun]:
    """One run for each seed. Features lie in a temporary folder (``FINETUNE_CACHE``), not the learner's own."""
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["FINETUNE_CACHE"] = folder
            yield run_seed(seed)


@dataclass(frozen=True)
class Study:
    """Runs of many seeds, and on what machine they were made."""

    machine: dict
    runs: tuple[SeedRun, ...]

    def save(self, path: Path = RECORDED) -> None:
        """Write the study as JSON, one seed a line."""
        values = {"machine": self.machine, "runs": [asdict(run) for run in self.runs]}
        path.write_text(as_json(values, ("runs",)) + "\n", encoding="utf-8", newline="\n")


def load_study(path: Path = RECORDED) -> Study:
    """The recorded study of 20 seeds.

    Raises:
        CourseError: the file is missing, or is not a study.
    """
    try:
        values = json.loads(Path(path).read_text(encoding="utf-8"))
        return Study(values["machine"], tuple(SeedRun(**run) for run in values["runs"]))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CourseError(f"{path} holds no study ({error}): restore the file, or run `python -m helpers study`.") from None


def accuracy_table(runs: Sequence[SeedRun]) -> str:
    """Markdown: accuracy over the seeds, a row for each way and split."""
    rows = ["| accuracy | images | median | least | greatest |", "|:---|:---|---:|---:|---:|"]
    for split in MEASURED:
        ways = {**baselines.TITLES, **TITLES}.items()
        rows += [_row(title, split, [run.accuracies[key][split] for run in runs]) for key, title in ways]
    return "\n".join(rows)


def lead_table(runs: Sequence[SeedRun]) -> str:
    """Markdown: by how much the recipe leads with each seed, on the same images, and with how many seeds it does."""
    rows = ["| the recipe's lead over | images | median | least | greatest | seeds |", "|:---|:---|---:|---:|---:|---:|"]
    others = {"baselines": "the best of the three on pixels", **{key: TITLES[key] for key in TITLES if key != "fine_tuned"}}
    for split in MEASURED:
        for key, title in others.items():
            leads = [run.lead(split, key) for run in runs]
            rows.append(f"{_row(title, split, leads, '+.3f')} {sum(lead > 1e-9 for lead in leads)} of {len(runs)} |")
    return "\n".join(rows)


def _row(title: str, split: str, values: Sequence[float], form: str = ".3f") -> str:
    cells = " | ".join(format(of(values), form) for of in (median, min, max))
    return f"| {title} | {'validation' if split == 'val' else split} | {cells} |"


def seed_table(runs: Sequence[SeedRun]) -> str:
    """Markdown, a row for each seed: accuracies on its test images."""
    rows = [f"| seed | best on pixels | {' | '.join(SHORT.values())} |", "|---:" * (len(SHORT) + 2) + "|"]
    for run in runs:
        values = (run.best_baseline("test"), *(run.accuracies[key]["test"] for key in SHORT))
        rows.append(f"| {run.seed} | {' | '.join(f'{value:.3f}' for value in values)} |")
    return "\n".join(rows)


def curve(runs: Sequence[SeedRun], key: str = "fine_tuned") -> list[float]:
    """Median validation accuracy after each epoch of the whole run; `key` is one of `SeedRun.curves`."""
    return [median(values) for values in zip(*(run.curves[key] for run in runs), strict=True)]


def words(runs: Sequence[SeedRun]) -> str:
    """Median curves and cost, each in a line."""
    curves = (f"{TITLES[key]}: {', '.join(f'{value:.3f}' for value in curve(runs, key))}" for key in runs[0].curves)
    cost = f"Processor seconds of the recipe: {median(run.seconds for run in runs):.0f} (median)."
    return "\n".join(["Median validation accuracy by epoch.", *curves, cost])


def main(num_seeds: int) -> int:
    """Print a line for each seed as it ends, then the tables, and write the file anew."""
    runs = []
    for run in study(range(num_seeds)):
        runs.append(run)
        print(f"{seed_table([run]).splitlines()[-1]} {run.seconds:.0f} s", file=sys.stderr, flush=True)
    Study(machine(), tuple(runs)).save()
    print(seed_table(runs), lead_table(runs), accuracy_table(runs), words(runs), sep="\n\n")
    return 0
