"""The course's settings: one file, ``course.toml``, read by every notebook.

The file is looked for in the current folder and its parents, then beside the installed package.
``FINETUNE_PROFILE`` and ``FINETUNE_CACHE`` in the environment override the profile and the cache
folder for one process (tests and graders use them). Where variants are on (`helpers.course.variants`), seed,
number of classes and data set are the learner's own.
"""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from platformdirs import user_cache_dir

from helpers.course.errors import CourseError
from helpers.course.variants import Choices, Variant

FILE = "course.toml"
SEED = 0


@dataclass(frozen=True)
class Settings:
    """What the lessons run on.

    Attributes:
        profile: ``"laptop"`` or ``"reference"``.
        backbone: a key of `helpers.models.backbones.BACKBONES`.
        dataset: a key of `helpers.data.named_sets.DATASETS`, or the path of a folder of images.
        image_size: side of the square image the model sees, in pixels.
        num_train, num_val, num_test: images in each split.
        batch_size: images in a batch.
        show_solutions: whether ``checks.<exercise>.solution()`` may answer.
        cache_folder: where computed features and unpacked data are kept.
        cache_limit_mb: how large that folder may grow, in MB (10^6 bytes).
        frozen_part: how what is frozen is computed, a key of `helpers.training.frozen_part.WAYS`.
        seed: the seed of splits, heads and loaders.
        num_classes: how many classes of the data set, drawn by the seed; 0 for all of them.
        learner: whose variant this is; empty where everybody has the same.
    """

    profile: str
    backbone: str
    dataset: str
    image_size: int
    num_train: int
    num_val: int
    num_test: int
    batch_size: int
    show_solutions: bool
    cache_folder: Path
    cache_limit_mb: int
    frozen_part: str = "float32"
    seed: int = SEED
    num_classes: int = 0
    learner: str = ""


def root() -> Path:
    """The folder that holds ``course.toml``: the current one, a parent, or the package's own.

    Raises:
        CourseError: no such file was found.
    """
    package = Path(__file__).resolve().parents[1]
    here = Path.cwd()
    for folder in (here, *here.parents, package.parent):
        if (folder / FILE).is_file():
            return folder
    raise CourseError(f"There is no {FILE} in {here} or above it: run this inside the course's folder.")


def load() -> Settings:
    """What the lessons run on here: ``course.toml``, and of it this learner's variant where there are variants.

    Raises:
        CourseError: the file cannot be used (see `common`), or it is not known whose variant to take.
    """
    chosen, own = common(), variant()
    if own is None:
        return chosen
    dataset = own.dataset or chosen.dataset
    return replace(chosen, seed=own.seed, num_classes=own.num_classes or chosen.num_classes, dataset=dataset, learner=own.learner)


def variant() -> Variant | None:
    """What is drawn for who works here; None where variants are off.

    Raises:
        CourseError: the file cannot be read, or it is not known who that is.
    """
    return _choices(root()).variant()


def varied() -> bool:
    """Whether each learner of this course has a variant of their own.

    Raises:
        CourseError: the file cannot be read.
    """
    return _choices(root()).enabled


def _choices(folder: Path) -> Choices:
    return Choices.of(_content(folder / FILE).get("variants", {}), folder / FILE)


def deciding(folder: Path) -> str:
    """All in the settings in `folder` that marks may depend on, as text: a mark given under another text may differ.

    Raises:
        CourseError: the file cannot be read.
    """
    content = _content(folder / FILE)
    Choices.of(content.get("variants", {}), folder / FILE)
    decides = {name: value for name, value in content.items() if name not in ("cache", "show_solutions")}
    return json.dumps([os.environ.get("FINETUNE_PROFILE", ""), decides], sort_keys=True, default=str)


def common() -> Settings:
    """What ``course.toml`` says for everybody.

    Raises:
        CourseError: the file is not valid TOML, or names an unknown profile, or lacks a value.
    """
    path = root() / FILE
    content = _content(path)
    profile = os.environ.get("FINETUNE_PROFILE") or content.get("profile")
    if profile not in ("laptop", "reference"):
        raise CourseError(f'The profile is {profile!r}: write profile = "laptop" or profile = "reference" in {path}.')
    cache = content.get("cache", {})
    folder = os.environ.get("FINETUNE_CACHE") or cache.get("folder") or user_cache_dir("finetune-course")
    try:
        chosen = Settings(
            profile=profile,
            show_solutions=content["show_solutions"],
            cache_folder=Path(folder).expanduser(),
            cache_limit_mb=int(cache["limit_mb"]),
            frozen_part=content.get("frozen_part", "float32"),
            **content[profile],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CourseError(f"{path} lacks a value or has one too many ({error}): compare it with the original file.") from None
    # "Path" is ours; every other value comes from the file, and its type is named in the class above.
    kinds = {field.name: field.type for field in fields(chosen) if field.type != "Path"}
    wrong = [name for name, kind in kinds.items() if type(getattr(chosen, name)).__name__ != kind]
    if wrong:
        raise CourseError(f"{path}: {', '.join(wrong)} is not the kind of value it should be: compare it with the original file.")
    return chosen


def _content(path: Path) -> dict[str, Any]:
    try:
        return _parsed(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise CourseError(f"{path} cannot be read ({error}): correct that line, or put the original file back.") from None


_parsed = lru_cache(maxsize=4)(tomllib.loads)  # asked for several times by each command, and changed by nobody
