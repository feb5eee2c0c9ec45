"""What lessons compute once, computed before a class is graded: a box reads the course's cache and writes nothing there.

Here each learner's notebook would otherwise run the same frozen part over the same images.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import nbformat

from helpers.notebooks import masters

SPLITS = ("train", "test", "val")  # two workers share these evenly under the settings of the course

Piece = tuple[int | str, str]  # (released blocks, or masters.RECIPE; split)


def pieces(release: str) -> list[Piece]:
    """What the master of the notebook, given as text, declares: for each number of released blocks the three splits."""
    declared = masters.computed_once(nbformat.reads(release, as_version=4))
    return [(released, split) for released in declared for split in SPLITS]


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
    from helpers.training import features, recipe

    if Path(root).is_dir():
        os.chdir(root)
    if not wanted or settings.varied():
        return
    course = settings.common()
    backbone = backbones.get(course.backbone)
    splits, transform = course_splits(course), backbone.transform(course.image_size)
    model = backbones.with_new_head(backbone, num_classes=len(splits.class_names)).requires_grad_(False)
    for released, split in wanted:
        number = recipe.released_blocks(backbone) if released == masters.RECIPE else released
        front, _ = features.split_model(backbone, model, number)
        dataset = batches.to_dataset(getattr(splits, split), transform)
        features.compute_once(front, dataset, batch_size=course.batch_size, progress=False)
