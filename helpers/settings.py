"""The course's settings: one file, ``course.toml``, read by every notebook.

The file is looked for in the current folder and its parents, then beside the installed package.
``FINETUNE_PROFILE`` and ``FINETUNE_CACHE`` in the environment override the profile and the cache
folder for one process (tests and graders use them).
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

from helpers.errors import CourseError

FILE = "course.toml"
SEED = 0


@dataclass(frozen=True)
class Settings:
    """What the lessons run on.

    Attributes:
        profile: ``"laptop"`` or ``"reference"``.
        backbone: a key of `helpers.models.BACKBONES`.
        dataset: a key of `helpers.data.DATASETS`, or the path of a folder of images.
        image_size: side of the square image the model sees, in pixels.
        num_train, num_val, num_test: images in each split.
        batch_size: images in a batch.
        show_solutions: whether ``checks.<exercise>.solution()`` may answer.
        cache_folder: where computed features and unpacked data are kept.
        cache_limit_mb: how large that folder may grow, in MB (10^6 bytes).
        seed: the seed of splits, heads and loaders.
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
    seed: int = SEED


def root() -> Path:
    """The folder that holds ``course.toml``: the current one, a parent, or the package's own.

    Raises:
        CourseError: no such file was found.
    """
    package = Path(__file__).resolve().parent
    here = Path.cwd()
    for folder in (here, *here.parents, package.parent):
        if (folder / FILE).is_file():
            return folder
    raise CourseError(f"There is no {FILE} in {here} or above it: run this inside the course's folder.")


def load() -> Settings:
    """Read ``course.toml``.

    Raises:
        CourseError: the file is not valid TOML, or names an unknown profile, or lacks a value.
    """
    path = root() / FILE
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CourseError(f"{path} cannot be read ({error}): correct that line, or put the original file back.") from None
    profile = os.environ.get("FINETUNE_PROFILE") or content.get("profile")
    if profile not in ("laptop", "reference"):
        raise CourseError(f'The profile is {profile!r}: write profile = "laptop" or profile = "reference" in {path}.')
    cache = content.get("cache", {})
    folder = os.environ.get("FINETUNE_CACHE") or cache.get("folder") or _default_cache()
    try:
        chosen = Settings(
            profile=profile,
            show_solutions=content["show_solutions"],
            cache_folder=Path(folder).expanduser(),
            cache_limit_mb=int(cache["limit_mb"]),
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


def _default_cache() -> Path:
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("finetune-course"))
