"""What lessons compute once, computed before a class is graded: a box reads the course's cache and writes nothing there.

Here each learner's notebook would otherwise run the same frozen part over the same images.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import nbformat

from helpers.grading.submission.shown_cells import dotted

SPLITS = ("train", "test", "val")  # two workers share these evenly under the settings of the course
LOADERS, PLACE = "features.cached_loaders", 3  # its fourth argument says how many blocks are released

Piece = tuple[int, str]  # (released blocks, split)


def pieces(release: str) -> list[Piece]:
    """What the notebook, given as text, reads from the cache: for each number of released blocks the three splits."""
    found: set[int] = set()
    for cell in nbformat.reads(release, as_version=4).cells:
        if cell.cell_type == "code":
            with suppress(SyntaxError):
                found |= set(_released(ast.parse(cell.source)))
    return [(released, split) for released in sorted(found) for split in SPLITS]


def _released(tree: ast.Module) -> Iterable[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and dotted(node.func) == LOADERS and len(node.args) > PLACE:
            given = node.args[PLACE]
            if isinstance(given, ast.Constant) and type(given.value) is int:
                yield given.value


def compute(root: str, wanted: Sequence[Piece]) -> None:
    """Have these pieces in the cache, for notebooks that run on as many threads as this process.

    Does nothing where each learner has images of their own: what it kept would serve one of them.

    Args:
        root: the course's folder, as this machine sees it.
        wanted: see `pieces`.

    Raises:
        CourseError: images or weights cannot be had.
    """
    from helpers.course import settings
    from helpers.data import batches
    from helpers.data.splits import course_splits
    from helpers.models import backbones
    from helpers.training import features

    if Path(root).is_dir():
        os.chdir(root)
    if not wanted or settings.varied():
        return
    course = settings.common()
    backbone = backbones.get(course.backbone)
    splits, transform = course_splits(course), backbone.transform(course.image_size)
    model = backbones.released_model(backbone, num_classes=len(splits.class_names)).requires_grad_(False)
    for released, split in wanted:
        front, _ = features.split_model(backbone, model, released)
        dataset = batches.to_dataset(getattr(splits, split), transform)
        features.compute_once(front, dataset, batch_size=course.batch_size, progress=False)
