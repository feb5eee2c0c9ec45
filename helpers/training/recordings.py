"""Histories of real runs, kept as data: the settings that made each of them, and what the loop wrote down.

A file of recordings is both recipe and result: `remake` reads its settings, runs the course's own loop under them, and
writes the same file with the histories of that run. Another run is one more entry without a history.
"""

import contextlib
import json
import platform
import re
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from helpers.course.errors import CourseError
from helpers.data import batches
from helpers.data.named_sets import load_images
from helpers.data.splits import split
from helpers.models import backbones
from helpers.training.history import KEYS
from helpers.training.phases import HEAD, Phase
from helpers.training.run_phases import PhaseInputs, run_phases

VISIBLE = Path(__file__).parent / "recorded" / "histories.json"
HIDDEN = Path(__file__).parents[1] / "grading" / "hidden" / "histories.json"  # not in what learners are handed

# What all runs share, so that settings are the only difference: small enough that all of them take a few minutes.
BACKBONE, DATASET, IMAGE_SIZE, BATCH_SIZE = "efficientnet_lite0", "digits", 64, 32
DIGITS = 6  # decimals kept: far more than two processors' rounding differs by, few enough to read


@dataclass(frozen=True)
class Recording:
    """One run: its settings and its trace.

    Attributes:
        name: how it is called.
        num_train, num_val: images to learn from and to validate on.
        phases: one after the other, on the same model.
        seed: of images, head and batches.
        train_batchnorm: see `helpers.training.loop.set_modes`.
        history: plain records, epochs from 1 over all phases, with the keys of `helpers.training.history.KEYS`: no phase.
    """

    name: str
    num_train: int
    num_val: int
    phases: tuple[Phase, ...]
    seed: int
    train_batchnorm: bool = False
    history: tuple[dict, ...] = ()

    @property
    def settings(self) -> str:
        """The settings in words."""
        mode = " BatchNorm in train mode." if self.train_batchnorm else ""
        return f"{self.num_train} training images: {', then '.join(map(_words, self.phases))}.{mode}"


def _words(phase: Phase) -> str:
    blocks = {0: "", 1: "the last block and "}.get(phase.released_blocks, f"the last {phase.released_blocks} blocks and ")
    epochs = "1 epoch" if phase.num_epochs == 1 else f"{phase.num_epochs} epochs"
    return f"{epochs} of {blocks}the head{'' if blocks else ' alone'} at {phase.lr:g}"


def load(path: Path = VISIBLE) -> dict[str, Recording]:
    """Name -> recording, in the order of the file.

    Raises:
        CourseError: the file is missing, or is not one of recordings.
    """
    try:
        entries = json.loads(Path(path).read_text(encoding="utf-8"))
        return {entry["name"]: _recording(entry) for entry in entries}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CourseError(f"{path} holds no recorded histories ({error}): put the original file back.") from None


def _recording(entry: dict) -> Recording:
    phases = tuple(Phase("head" if phase["released"] == HEAD else "fine-tune", **phase) for phase in entry["phases"])
    return Recording(**{**entry, "phases": phases, "history": tuple(entry.get("history", ()))})


def make(recording: Recording) -> tuple[dict, ...]:
    """The history that the recording's settings give on this computer, rounded to `DIGITS` decimals."""
    sizes = {"num_train": recording.num_train, "num_val": recording.num_val, "num_test": 0}
    splits = split(load_images(DATASET), **sizes, seed=recording.seed)
    backbone = backbones.get(BACKBONE)
    model = backbones.with_new_head(backbone, num_classes=len(splits.class_names), seed=recording.seed)
    sets = {name: batches.to_dataset(getattr(splits, name), backbone.transform(IMAGE_SIZE)) for name in ("train", "val")}
    # One cut, as when the histories were recorded: cut anew for each phase, half of them differ in the last bits.
    options = {"batch_size": BATCH_SIZE, "seed": recording.seed, "one_cut": True, "on_disk": False}
    inputs = PhaseInputs(backbone, model, sets, recording.phases, **options)
    run = run_phases(inputs, recording.phases, keep_best=False, train_batchnorm=recording.train_batchnorm)
    return tuple(rounded({key: record[key] for key in KEYS}) for record in run.history)


def rounded(values: Mapping) -> dict:
    """The values as they are kept: floats with `DIGITS` decimals."""
    return {key: round(value, DIGITS) if isinstance(value, float) else value for key, value in values.items()}


def remake(path: Path) -> None:
    """Run every recording of the file again and write the file anew, one record a line."""
    entries = []
    for recording in load(path).values():
        began = time.perf_counter()
        phases = [{"released": p.released, "num_epochs": p.num_epochs, "lr": p.lr} for p in recording.phases]
        entry = {**vars(recording), "phases": phases, "history": make(recording)}
        entries.append(as_json(entry, ("phases", "history"), unit=" "))
        print(f"{recording.name}: {recording.settings} {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    path.write_text("[\n" + ",\n".join(entries) + "\n]\n", encoding="utf-8", newline="\n")


def main() -> None:
    """Run the histories of lesson 07 again, and the hidden ones where they are: learners have none."""
    for path in (VISIBLE, HIDDEN):
        if path.is_file():
            remake(path)
            print(f"{path} is written anew.")


def machine() -> dict:
    """What recorded numbers depend on beside their settings: the processor, its threads, and the versions."""
    versions = {"torch": torch.__version__, "python": platform.python_version()}
    return {"processor": _processor(), "threads": torch.get_num_threads(), **versions}


def _processor() -> str:
    with contextlib.suppress(OSError, AttributeError):  # no such file, or no such line in it
        return re.search(r"^model name\s*:(.*)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)[1].strip()
    return platform.processor() or platform.machine()


def as_json(values: Mapping, by_line: Iterable[str], unit: str = "") -> str:
    """An object as JSON, a key a line; of what people read one after the other, under the keys `by_line`, an item a line.

    Each level stands one `unit` further to the right, the braces themselves at the first.
    """
    texts = {key: json.dumps(value) for key, value in values.items()}
    for key in by_line:
        items = ",\n".join(3 * unit + json.dumps(item) for item in values[key])
        texts[key] = f"[\n{items}\n{2 * unit}]"
    lines = ",\n".join(f'{2 * unit}"{key}": {text}' for key, text in texts.items())
    return f"{unit}{{\n{lines}\n{unit}}}"
