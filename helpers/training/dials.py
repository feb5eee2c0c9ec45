"""Three dials on the course's recipe: augmentation, weight decay, a schedule with warm-up; what each brings and costs.

    found = recorded()       # each dial alone, with five seeds, beside the recipe as it is
    print(table(found))      # a row for each, a column for each seed, and the seconds

python -m helpers race --dials --seeds 5     # measure anew, print the table, write recorded/dials.json
"""

import math
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import Dataset

from helpers.course import settings
from helpers.data import batches
from helpers.data.images import ImageSet
from helpers.data.shots import ShotImages
from helpers.models import backbones
from helpers.models.preprocessing import Preprocessing
from helpers.training import race, recipe, solar_cells
from helpers.training.loop import fit, measure
from helpers.training.phases import rate_groups, release
from helpers.training.run_phases import PhaseInputs, run_phases
from helpers.training.solar_cells import Measured
from helpers.training.strategies import prepare

RECORDED = Path(__file__).parent / "recorded" / "dials.json"
COMMAND = "OMP_NUM_THREADS=1 python -m helpers race --dials --seeds {}"
# AdamW's own default is 0.01 (Loshchilov and Hutter 2019, arXiv 1711.05101); five times as much is usual for fine-tuning.
WEIGHT_DECAY = 0.05
# The share of the full rate in each epoch of fine-tuning: a first one to warm up, then down along a cosine.
SCHEDULE = (0.2, *(round(0.5 * (1 + math.cos(math.pi * place / 9)), 3) for place in range(9)))


@dataclass(frozen=True)
class Way:
    """The course's recipe, with a dial turned in its fine-tuning.

    Attributes:
        key, title: its name in files, and in tables.
        augment: each epoch sees each training image in a new version, which no epoch before has seen.
        weight_decay: of AdamW; at 0 it is Adam.
        schedule: whether the rate follows `SCHEDULE`.
    """

    key: str
    title: str
    augment: bool = False
    weight_decay: float = 0.0
    schedule: bool = False


WAYS = (
    Way("recipe", "the course's recipe as it is"),
    Way("weight_decay", f"with a weight decay of {WEIGHT_DECAY:g}", weight_decay=WEIGHT_DECAY),
    Way("schedule", "with a warm-up, then a cosine", schedule=True),
    Way("augment", "with new versions of each image in each epoch", augment=True),
)
TITLES = {way.key: way.title for way in WAYS}


class FreshShots(Dataset):
    """Training images that are turned and moved anew each time they are read: items float32 (3, H, W) and an int label.

    The n-th reading of an image gives its n-th shot (`helpers.data.shots`), so a run can be made again. It has no fingerprint:
    `features.compute_once` refuses it, since what is new in each epoch cannot be computed once.
    """

    def __init__(self, image_set: ImageSet, transform: Preprocessing, seed: int):
        self._set, self._transform, self._seed = image_set, transform, seed
        self._read = [0] * len(image_set)

    def __len__(self) -> int:
        return len(self._read)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        shot = ShotImages(self._set.images, ((index, self._read[index]),), self._seed)[0]
        self._read[index] += 1
        return self._transform(shot), int(self._set.labels[index])


def run(way: Way, sets: Mapping[str, batches.TransformedImages], course: settings.Settings) -> Measured:
    """What one way comes to: the head first, then fine-tuning with the dial turned.

    The seconds are those of the race: processor time, all that is computed, validation included; images are read before.

    Args:
        way: one of `WAYS`.
        sets: the images of each split, as from `strategies.prepare`.
        course: backbone, image size and batch size; the seed of images, head, and order of batches.
    """
    backbone = backbones.get(course.backbone)
    model = backbone.build(len(sets["train"].class_names), True, course.seed).eval()
    head, tuning = recipe.phases(backbone)
    seen, options = {name: sets[name] for name in ("train", "val")}, {"batch_size": course.batch_size, "seed": course.seed}
    began = time.process_time()
    inputs = PhaseInputs(backbone, model, seen, (head, tuning), on_disk=False, **options)
    start = run_phases(inputs, [head])
    release(backbone, model, tuning)
    if way.augment:
        fresh = FreshShots(sets["train"].image_set, backbone.transform(course.image_size), course.seed)
        part, loaders = model, batches.make_loaders({"train": fresh, "val": sets["val"]}, **options)
    else:
        part, loaders = inputs.of(tuning)
    loaders["train"].generator.set_state(start.order)
    optimizer = torch.optim.AdamW(rate_groups(backbone, model, tuning), weight_decay=way.weight_decay)
    share = SCHEDULE if way.schedule else (1.0,) * tuning.num_epochs
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: share[min(epoch, len(share) - 1)])
    fit(part, loaders["train"], loaders["val"], optimizer, num_epochs=tuning.num_epochs, scheduler=scheduler, progress=False)
    seconds = time.process_time() - began
    test = measure(model, batches.make_loader(sets["test"], batch_size=course.batch_size))
    return Measured(way.key, course.seed, test["accuracy"], seconds)


def measured(seeds: Iterable[int]) -> Iterator[Measured]:
    """Each way with each seed, one after the other, on the race's images."""
    for seed in seeds:
        course = replace(settings.load(), **race.SETTINGS, seed=seed)
        sets = prepare(course)
        yield from (run(way, sets, course) for way in WAYS)


def recorded(path: Path = RECORDED) -> tuple[Measured, ...]:
    """What was measured and kept.

    Raises:
        CourseError: the file is missing, or holds something else.
    """
    return solar_cells.recorded(path)


def table(found: Sequence[Measured]) -> str:
    """Markdown: test accuracy by seed, median, and the median of the seconds."""
    return solar_cells.table(found, TITLES, seconds=True)


def main(num_seeds: int) -> None:
    """Measure with the seeds from 0 on, print a line for each result, then the table, and write the file."""
    found = []
    for one in measured(range(num_seeds)):
        found.append(one)
        print(f"seed {one.seed}, {TITLES[one.way]}: {one.accuracy:.3f}, {one.seconds:.1f} s", file=sys.stderr, flush=True)
    solar_cells.save(found, RECORDED, COMMAND, race.SETTINGS)
    print(table(found))
