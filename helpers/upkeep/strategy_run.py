"""One strategy trained in one of several ways, in a process of its own: ``python -m helpers.upkeep.strategy_run '{...}'``.

Of its own, because an allocator that was set stays set, and so that no way finds warm what another has made.
"""

import hashlib
import json
import os
import sys
import threading
import time
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from helpers.course import machine
from helpers.data import batches
from helpers.data.images import ArrayImages, ImageSet
from helpers.data.named_sets import load_images
from helpers.data.splits import split
from helpers.models import backbones
from helpers.training import features, frozen_part, loop
from helpers.training.loop import measure, set_modes, train_epoch
from helpers.training.phases import HEAD, Phase, release
from helpers.training.run_phases import PhaseInputs, run_phases
from helpers.upkeep.other_caches import PACKAGES, ByPackage

# As a tutorial's loop runs it; that loop's result with what is frozen computed once; and as the lessons run it, which is quicker.
USUAL, SAME, OURS, LIMIT = "usual", "same layout", "ours", "limit"
PHASES = (Phase("head", 5, HEAD, 1e-3), Phase("fine-tune", 10, 2, 3e-4))
TRIES = 5  # batches of which the quickest counts, where a limit is asked for


@dataclass(frozen=True)
class Task:
    """What is trained: 5 epochs of the head, then 10 of it and the last two blocks, on digits.

    Attributes:
        way: `USUAL`, `SAME`, `OURS`, `LIMIT`, or a key of `helpers.upkeep.other_caches.PACKAGES`.
        backbone: a key of `helpers.models.backbones.BACKBONES`; ResNet50 has weights drawn at random, so that none are fetched.
        image_size: pixels.
        images: how many to train on; a fifth as many validate after each epoch. Above 4000 digits come back, shifted.
        batch_size: images in a batch.
        frozen_part: a key of `helpers.training.frozen_part.WAYS`.
        epochs: how many of each phase instead; a limit always has all.
        device: where to train. On a GPU seconds are wall time.
    """

    way: str
    backbone: str
    image_size: int
    images: int
    batch_size: int
    frozen_part: str = frozen_part.PLAIN
    epochs: tuple[int, int] = tuple(phase.num_epochs for phase in PHASES)
    device: str = "cpu"


class WholeImages(PhaseInputs):
    """The usual loop: each epoch sends each image through the whole model."""

    def of(self, phase: Phase) -> tuple[nn.Module, dict[str, DataLoader]]:
        return self.model, batches.make_loaders(self.datasets, batch_size=self.batch_size, seed=self.seed)


def run(task: Task) -> dict[str, object]:
    """CPU-seconds of the training alone, imports and the model's making left out, and a hash of the weights.

    ``epochs`` has the CPU-seconds of each, what is computed once in the phase's first; ``memory_mb`` the most memory of its own,
    ``off`` see `frozen_part.off`.
    For `LIMIT`: ``front``, one forward pass of the frozen part over each image, and ``tail``, the released part's own
    arithmetic, at the rate of the quickest batch.
    """
    torch.set_num_threads(1)
    if task.way == USUAL:
        machine.tune_allocator = lambda: False  # what building a model would do
        loop.CheapGradients = nullcontext  # and what the course's loop does
    backbone = backbones.get(task.backbone)
    model = backbones.with_new_head(backbone, pretrained=task.backbone != "resnet50")
    if task.way in (USUAL, SAME):
        model = model.to(memory_format=torch.contiguous_format)
    model.to(task.device)
    now = time.process_time if task.device == "cpu" else time.perf_counter
    parts = split(_digits(task.images), num_train=task.images, num_val=task.images // 5, num_test=10)
    transform = backbone.transform(task.image_size)
    datasets = {name: batches.to_dataset(getattr(parts, name), transform) for name in ("train", "val")}
    if task.way == LIMIT:
        return limit(backbone, model, datasets, task.batch_size)
    phases = [replace(phase, num_epochs=number) for phase, number in zip(PHASES, task.epochs, strict=True)]
    kinds = {USUAL: WholeImages, **{package: partial(ByPackage, package=package) for package in PACKAGES}}
    kind = kinds.get(task.way, PhaseInputs)
    inputs = kind(backbone, model, datasets, phases, batch_size=task.batch_size, seed=0, way=task.frozen_part)
    clock = [now()]
    with _peak_memory() as memory:
        history = run_phases(inputs, phases, keep_best=False, after_epoch=lambda _: clock.append(now())).history
    clock.append(now())
    digest = hashlib.sha256()
    for tensor in model.state_dict().values():
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    epochs = [after - before for before, after in pairwise(clock[:-1])]
    found = {"cpu": clock[-1] - clock[0], "epochs": epochs, "memory_mb": max(memory) / 1e6, "disk_mb": _disk() / 1e6}
    found |= {"weights": digest.hexdigest(), "val_accuracy": history[-1]["val_accuracy"]}
    front, _ = features.split_model(backbone, model.requires_grad_(False).eval(), PHASES[1].released_blocks)
    images = next(iter(batches.make_loader(datasets["val"], batch_size=2)))[0].to(task.device)
    return {**found, "off": frozen_part.off(front, frozen_part.prepared(front, images, task.frozen_part), images)}


def limit(backbone: backbones.Backbone, model: nn.Module, datasets: dict[str, Dataset], batch_size: int) -> dict[str, float]:
    """No run of this strategy can take less CPU than the two parts of this, in this layout and number format."""
    images, labels = next(iter(batches.make_loader(datasets["train"], batch_size=batch_size)))
    number = {name: len(dataset) / batch_size for name, dataset in datasets.items()}
    front, tail = features.split_model(backbone, model, PHASES[1].released_blocks)
    between = tail[:-1]
    seconds = {"front": 0.0, "tail": 0.0}
    with torch.no_grad():
        seconds["front"] = sum(number.values()) * _quickest(lambda: between(front(images)))
        kept = front(images)
        head_inputs = between(kept)
    for phase, inputs in zip(PHASES, (head_inputs, kept), strict=True):
        release(backbone, model, phase)
        part = features.split_model(backbone, model, phase.released_blocks)[1]
        set_modes(part)
        optimizer = torch.optim.Adam([p for p in part.parameters() if p.requires_grad])
        batch = [(inputs, labels)]
        step = _quickest(lambda part=part, batch=batch, optimizer=optimizer: train_epoch(part, batch, optimizer))
        look = _quickest(lambda part=part, batch=batch: measure(part, batch))
        seconds["tail"] += phase.num_epochs * (number["train"] * step + number["val"] * look)
    return seconds


def _quickest(work) -> float:
    """CPU-seconds of the quickest of some tries."""
    seconds = []
    for _ in range(TRIES):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return min(seconds)


def _digits(images: int) -> ImageSet:
    """The 5000 digits; where more are asked for, all of them again and again, each time shifted by other pixels."""
    digits = load_images("digits")
    copies = -(-(images + images // 5 + 10) // len(digits))
    shifts = [(number // 5 - 2, number % 5 - 2) for number in (12, *range(12), *range(13, 25))][:copies]
    array = np.concatenate([np.roll(digits.images.array, shift, axis=(1, 2)) for shift in shifts])
    return digits if copies == 1 else replace(digits, images=ArrayImages(array), labels=digits.labels.repeat(copies))


@contextmanager
def _peak_memory():
    """A list that gets this process's own memory in bytes, ten times a second: what is mapped from files does not count."""
    found, ended = [0], threading.Event()

    def look() -> None:
        while not ended.wait(0.1):
            words = Path("/proc/self/status").read_text(encoding="utf-8").split()
            found.append(1024 * int(words[words.index("RssAnon:") + 1]))

    watch = threading.Thread(target=look, daemon=True)
    if Path("/proc/self/status").exists():
        watch.start()
    yield found
    ended.set()


def _disk() -> int:
    """Bytes in the cache folder."""
    return sum(file.stat().st_size for file in Path(os.environ["FINETUNE_CACHE"]).rglob("*") if file.is_file())


if __name__ == "__main__":
    task = Task(**json.loads(sys.argv[1]))
    print(json.dumps({**asdict(task), **run(task)}))
