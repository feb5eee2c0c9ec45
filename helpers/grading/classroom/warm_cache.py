"""What lessons compute once, computed before a class is graded: a box reads the course's cache and writes nothing there.

Here each learner's notebook would otherwise run the same frozen part over the same images.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import nbformat

from helpers.notebooks import masters

SPLITS = ("train", "test", "val")  # two workers share these evenly under the settings of the course

# (numbers of released blocks, masters.RECIPE among them or not; split); ((masters.RUN or BASELINES,); "")
Piece = tuple[tuple[int | str, ...], str]


def pieces(release: str, whole: bool = False) -> list[Piece]:
    """What the master of the notebook, given as text, declares: for each split all numbers of released blocks.

    What only cells that show ask for is there where `whole`, as all cells are run then: behind what it stands on.
    """
    declared = masters.computed_once(nbformat.reads(release, as_version=4))
    shown = [entry for entry in declared if entry in (masters.RUN, masters.BASELINES)]
    numbers = [entry for entry in declared if entry not in shown]
    if whole and masters.RUN in shown and masters.RECIPE not in numbers:
        numbers.append(masters.RECIPE)
    return [(tuple(numbers), split) for split in SPLITS if numbers] + [((entry,), "") for entry in shown if whole]


def compute(root: str, wanted: Sequence[Piece]) -> None:
    """Have these pieces in the cache, for notebooks that run on as many threads as this process.

    `root` is the course's folder, as this machine sees it. Does nothing where each learner has images of their own: what it kept
    would serve one of them.

    Raises:
        CourseError: images or weights cannot be had.
    """
    from helpers.course import settings
    from helpers.data import batches
    from helpers.data.splits import course_splits
    from helpers.models import backbones
    from helpers.training import baselines, features, recipe

    if Path(root).is_dir():
        os.chdir(root)
    if not wanted or settings.varied():
        return
    course = settings.common()
    backbone = backbones.get(course.backbone)
    splits, transform = course_splits(course), backbone.transform(course.image_size)
    model = backbones.with_new_head(backbone, num_classes=len(splits.class_names)).requires_grad_(False)
    shown = {
        masters.RUN: lambda: recipe.course_run(course, progress=False),
        masters.BASELINES: lambda: baselines.on_pixels(splits, progress=False),
    }
    for what, split in wanted:
        if what[0] in shown:
            shown[what[0]]()
            continue
        numbers = [recipe.released_blocks(backbone) if number == masters.RECIPE else number for number in what]
        dataset = {split: batches.to_dataset(getattr(splits, split), transform)}
        for number in numbers:
            options = {"released_blocks": number, "later": max(numbers), "batch_size": course.batch_size, "progress": False}
            features.cached_loaders(backbone, model, dataset, **options)
