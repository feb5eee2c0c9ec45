"""The course's recipe on as many images as come with pip: one real run, recorded, beside which a learner's own can be drawn.

To read it takes no torch: a feedback page has the run beside a learner's.

    run = load_real_run()
    run.history          # fifteen records, phases "head" and "fine-tune"
    run.accuracies       # test accuracy of the head, of the whole recipe, and of the three baselines on pixels

python -m helpers real-run     # train it anew and write helpers/training/recorded/real_run.json: some minutes of one core
"""

import json
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from helpers.course import settings
from helpers.course.errors import CourseError
from helpers.training.history import KEYS, History

RECORDED = Path(__file__).parent / "recorded" / "real_run.json"
# All 5000 digits that come with pip: eight times the lessons' images to learn from.
SETTINGS = {
    "backbone": "efficientnet_lite0",
    "dataset": "digits",
    "image_size": 96,
    "num_train": 4000,
    "num_val": 500,
    "num_test": 500,
    "batch_size": 32,
    "seed": 0,
}


@dataclass(frozen=True)
class RealRun:
    """The run, and all that it depends on.

    Attributes:
        command: what makes it again.
        settings: backbone, data set, numbers of images, pixels, batch size, seed.
        phases: the recipe in words, a sentence for each phase.
        machine: the processor, its threads, and the versions.
        seconds: processor time of the two phases, frozen part and validation included.
        accuracies: test accuracy in [0, 1] after ``"head"`` and ``"fine_tuned"``, and of each baseline by its key.
        history: one record an epoch, phases marked.
    """

    command: str
    settings: dict
    phases: tuple[str, ...]
    machine: dict
    seconds: float
    accuracies: dict[str, float]
    history: History


def load_real_run(path: Path = RECORDED) -> RealRun:
    """The recorded run.

    Raises:
        CourseError: the file is missing, or holds something else.
    """
    try:
        values = json.loads(Path(path).read_text(encoding="utf-8"))
        return RealRun(**{**values, "phases": tuple(values["phases"]), "history": History.of(values["history"])})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CourseError(f"{path} holds no run ({error}): restore the file, or run `python -m helpers real-run`.") from None


def make(course: settings.Settings) -> RealRun:
    """Train by the recipe under these settings, as `course_run` does, and test once for each phase."""
    from helpers.data import batches
    from helpers.data.splits import course_splits
    from helpers.models import backbones
    from helpers.training import baselines
    from helpers.training.loop import measure
    from helpers.training.recipe import phases
    from helpers.training.recordings import machine, rounded
    from helpers.training.run_phases import PhaseInputs, run_phases

    backbone, splits = backbones.get(course.backbone), course_splits(course)
    datasets = batches.to_datasets(splits, backbone.transform(course.image_size))
    model = backbones.with_new_head(backbone, num_classes=len(splits.class_names), seed=course.seed)
    recipe, accuracies, history, seconds = phases(backbone), {}, History(), 0.0
    options = {"batch_size": course.batch_size, "seed": course.seed, "on_disk": False}
    began = time.process_time()
    inputs = PhaseInputs(backbone, model, datasets, recipe, **options)
    for key, phase in zip(("head", "fine_tuned"), recipe, strict=True):
        history = run_phases(inputs, [phase], keep_best=key == "fine_tuned", history=history).history
        seconds, (part, loaders) = time.process_time() - began, inputs.of(phase)
        accuracies[key] = measure(part, loaders["test"])["accuracy"]
    accuracies |= {key: baselines.fit(splits, key).test_accuracy for key in baselines.TITLES}
    kept = [rounded({key: record[key] for key in (*KEYS, "phase")}) for record in history]
    said = tuple(str(phase) for phase in recipe)
    chosen = {key: getattr(course, key) for key in SETTINGS}
    return RealRun("python -m helpers real-run", chosen, said, machine(), round(seconds), rounded(accuracies), History.of(kept))


def save(run: RealRun, path: Path = RECORDED) -> None:
    """Write the run as JSON, one record a line."""
    from helpers.training.recordings import as_json

    path.write_text(as_json(vars(run), ("history",)) + "\n", encoding="utf-8", newline="\n")


def table(run: RealRun) -> str:
    """Markdown: what came of it on the test images, beside the three baselines, and by epoch on the validation images."""
    from helpers.training import baselines
    from helpers.training.recipe import HEAD_EPOCHS

    titles = {"head": f"the head, {HEAD_EPOCHS} epochs", "fine_tuned": "the recipe", **baselines.TITLES}
    rows = [
        "| way | test accuracy |",
        "|:---|---:|",
        *(f"| {titles[key]} | {value:.3f} |" for key, value in run.accuracies.items()),
    ]
    curve = ", ".join(f"{record['val_accuracy']:.3f}" for record in run.history)
    machine = f"torch {run.machine['torch']}, {run.machine['processor']}, {run.machine['threads']} thread"
    cost = f"{run.seconds} processor seconds ({machine})."
    return "\n".join([*rows, "", f"Validation accuracy by epoch: {curve}.", "", cost])


def main() -> None:
    """Train the run anew, print it and write the file."""
    run = make(replace(settings.load(), **SETTINGS))
    save(run)
    print(run.history, *(f"{key}: {value:.3f}" for key, value in run.accuracies.items()), sep="\n")
    print(f"\nWritten to {RECORDED}, {run.seconds} s.", file=sys.stderr)
