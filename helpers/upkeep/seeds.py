"""How far training results differ from seed to seed, and from models without a network: the tables behind recipe and bars.

Each seed draws its own images, head and order of batches. The run is the lessons' own: head for five epochs on features that
are computed once, then the recipe's blocks and the head for ten. Beside it: the fair control, the head alone for all fifteen
epochs; two blocks at the cautious rate; the recipe with BatchNorm of the released blocks in train mode; and three classifiers
on raw pixels.

python -m helpers study --seeds 20                                      # train what recorded/seeds.json lacks
python -m helpers study --seeds 5 --ways two_rates one_fast untrained   # one rate or two
"""

import copy
import json
import os
import sys
import tempfile
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from torch import nn

from helpers.checks.training_result import LEAST_BLOCKS
from helpers.course import settings
from helpers.course.errors import CourseError
from helpers.data import batches
from helpers.data.splits import course_splits
from helpers.models import backbones
from helpers.training import baselines
from helpers.training.loop import measure
from helpers.training.phases import Phase
from helpers.training.recipe import CAUTIOUS_LR, HEAD_LR, NUM_EPOCHS, phases
from helpers.training.recordings import as_json, machine
from helpers.training.run_phases import PhaseInputs, run_phases

MEASURED = ("val", "test")
RECORDED = Path(__file__).parents[1] / "training" / "recorded" / "seeds.json"
# What is compared, in the order of the tables; the three baselines go before it.
TITLES = {
    "head": "head, 5 epochs",
    "control": "control: head alone, 15 epochs",
    "two_blocks": "head, then last 2 blocks at 1e-4",
    "fine_tuned": "the recipe: head, then last two stages",
    "train_mode": "the recipe, released BatchNorm in train mode",
}
# One rate or two: with fewer seeds, from the recipe's phase and a change to it. The last one leaves out the head's own epochs.
RATES = {
    "two_rates": "head 1e-3, blocks 3e-4",
    "one_fast": "1e-3 for all",
    "untrained": "3e-4, head not trained before",
}
STUDIED = (*baselines.TITLES, *TITLES)
WAYS = (*STUDIED, *RATES)


@dataclass(frozen=True)
class SeedRun:
    """One seed's result; accuracies in [0, 1].

    Attributes:
        seed: of images, head and batches.
        accuracies: one of `WAYS` -> ``{"val": ..., "test": ...}``.
        curves: way with two phases -> validation accuracy after each epoch of the whole run.
        seconds: way with two phases -> processor time of it, with the head's, front and validation included, the test not.
    """

    seed: int
    accuracies: dict[str, dict[str, float]]
    curves: dict[str, list[float]]
    seconds: dict[str, float]

    def has(self, *ways: str) -> bool:
        """Whether all of these were measured; ``"baselines"`` stands for the three."""
        wanted = {key for way in ways for key in (baselines.TITLES if way == "baselines" else (way,))}
        return wanted <= self.accuracies.keys()

    def best_baseline(self, split: str) -> float:
        """The highest accuracy of the three on this split: harder to beat than the one that validation would choose."""
        return max(self.accuracies[key][split] for key in baselines.TITLES)

    def lead(self, split: str, over: str) -> float:
        """How much the recipe is better than another of `accuracies`, or than the best of the ``"baselines"``."""
        other = self.best_baseline(split) if over == "baselines" else self.accuracies[over][split]
        return self.accuracies["fine_tuned"][split] - other


def run_seed(seed: int, ways: Collection[str] = STUDIED) -> SeedRun:
    """Train with one seed in each of these ways, the head's five epochs always among them, and fit the baselines asked for."""
    course = replace(settings.load(), seed=seed)
    backbone, splits = backbones.get(course.backbone), course_splits(course)
    model = backbones.with_new_head(backbone, num_classes=len(splits.class_names), seed=seed)
    datasets = batches.to_datasets(splits, backbone.transform(course.image_size))
    head_phase, fine_tuning = phases(backbone)
    seen, began = {name: datasets[name] for name in ("train", "val")}, time.process_time()
    inputs = PhaseInputs(backbone, model, seen, (head_phase, fine_tuning), batch_size=course.batch_size, seed=seed)
    head = run_phases(inputs, [head_phase], keep_best=False)
    of_head = time.process_time() - began
    tested = replace(inputs, datasets=datasets)
    accuracies, curves, seconds = {"head": _measure(tested, head_phase)}, {}, {}
    if "control" in ways:
        accuracies["control"] = _control(tested, head_phase)
    start = [record["val_accuracy"] for record in head.history]
    for key, phase in fine_tunings(fine_tuning).items():
        if key in ways:  # each from the same trained head (or from none), with the same batches
            earlier, spent = (_fresh(tested), 0.0) if key == "untrained" else (copy.deepcopy(model), of_head)
            tuned, began = replace(inputs, model=earlier), time.process_time()
            history = run_phases(tuned, [phase], train_batchnorm=key == "train_mode").history
            seconds[key] = round(spent + time.process_time() - began, 1)
            accuracies[key] = _measure(replace(tested, model=tuned.model), phase)
            curves[key] = [] if key == "untrained" else list(start)
            curves[key] += [record["val_accuracy"] for record in history]
    for key in baselines.TITLES:
        if key in ways:
            found = baselines.fit(splits, key)
            accuracies[key] = {"val": found.val_accuracy, "test": found.test_accuracy}
    return SeedRun(seed, accuracies, curves, seconds)


def fine_tunings(recipe: Phase) -> dict[str, Phase]:
    """Way -> its second phase: the recipe's, or one that differs from it in one thing."""
    same = dict.fromkeys(("fine_tuned", "train_mode", "untrained"), recipe)
    return same | {
        "two_blocks": replace(recipe, released=LEAST_BLOCKS, lr=CAUTIOUS_LR),
        "two_rates": replace(recipe, lr=HEAD_LR, block_lr=recipe.lr),
        "one_fast": replace(recipe, lr=HEAD_LR),
    }


def _fresh(inputs: PhaseInputs) -> nn.Module:
    """The model as it was before the head's epochs: with the seed's first head."""
    classes = len(inputs.datasets["train"].class_names)
    return backbones.with_new_head(inputs.backbone, num_classes=classes, seed=inputs.seed)


def _control(inputs: PhaseInputs, phase: Phase) -> dict[str, float]:
    """The head alone, from the same first head on the same batches, for as many epochs as both phases together."""
    control = replace(inputs, model=_fresh(inputs))
    run_phases(control, [replace(phase, num_epochs=NUM_EPOCHS)])
    return _measure(control, phase)


def _measure(inputs: PhaseInputs, phase: Phase) -> dict[str, float]:
    part, loaders = inputs.of(phase)
    return {name: measure(part, loaders[name])["accuracy"] for name in MEASURED}


@dataclass(frozen=True)
class Study:
    """Runs of many seeds.

    Attributes:
        recipe: its phases, in words.
        machine: where they were run.
        runs: one for each seed, in order.
    """

    recipe: tuple[str, ...]
    machine: dict
    runs: tuple[SeedRun, ...] = ()

    @classmethod
    def empty(cls) -> "Study":
        """Today's recipe on this machine, nothing run yet."""
        return cls(tuple(map(str, phases(backbones.course_backbone()))), machine())

    def having(self, run: SeedRun) -> "Study":
        """The same study with another run, which is joined to what there is of its seed."""
        runs = {earlier.seed: earlier for earlier in self.runs}
        known = asdict(runs.get(run.seed, run))
        joined = {key: known[key] | getattr(run, key) for key in ("accuracies", "curves", "seconds")}
        runs[run.seed] = SeedRun(run.seed, **joined)
        return replace(self, runs=tuple(runs[seed] for seed in sorted(runs)))

    def save(self, path: Path = RECORDED) -> None:
        """Write the study as JSON, one seed a line."""
        path.write_text(as_json(asdict(self), ("runs",)) + "\n", encoding="utf-8", newline="\n")


def load_study(path: Path = RECORDED) -> Study:
    """The recorded study.

    Raises:
        CourseError: the file is missing, or is not a study.
    """
    try:
        values = json.loads(Path(path).read_text(encoding="utf-8"))
        runs = tuple(SeedRun(**run) for run in values["runs"])
        return Study(tuple(values["recipe"]), values["machine"], runs)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CourseError(f"{path} holds no study ({error}): restore the file, or run `python -m helpers study`.") from None


def complete(found: Study, seeds: Sequence[int], ways: Collection[str], path: Path) -> Study:
    """The study with all of these seeds and ways; what it lacks is trained, and written to `path` as each seed ends.

    Features lie in a temporary folder (``FINETUNE_CACHE``), not the learner's own.

    Raises:
        CourseError: there is no such way.
    """
    unknown = [way for way in ways if way not in WAYS]
    if unknown:
        raise CourseError(f"There is no way {unknown[0]!r}: write some of {', '.join(WAYS)}.")
    for seed in seeds:
        known = {key for run in found.runs if run.seed == seed for key in run.accuracies}
        lacking = [key for key in ways if key not in known]
        if lacking:
            with tempfile.TemporaryDirectory() as folder:
                os.environ["FINETUNE_CACHE"] = folder
                run = run_seed(seed, lacking)
            found = found.having(run)
            found.save(path)
            said = ", ".join(f"{key} {run.accuracies[key]['test']:.3f}" for key in run.accuracies)
            print(f"seed {seed}, test: {said}", file=sys.stderr, flush=True)
    return found


def main(num_seeds: int, ways: Collection[str] = STUDIED) -> Study:
    """Train what the recorded study lacks (all of it, if recipe or machine are others): the study that is now recorded."""
    found = Study.empty()
    if RECORDED.is_file():
        recorded = load_study()
        found = recorded if (recorded.recipe, recorded.machine) == (found.recipe, found.machine) else found
    return complete(found, range(num_seeds), ways, RECORDED)
