"""A folder of one's own images -> an `ImageSet`: one sub-folder a class, looked through with care.

Lessons (``dataset = "FOLDER"`` in course.toml) and `data.choose` come through here alike.
"""

import hashlib
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import torch

from helpers.course.errors import CourseError
from helpers.data.files import SUFFIXES, FileImages, legible
from helpers.data.images import ImageSet
from helpers.data.survey import kind_of, reading_of

# Folders that systems and programs make for themselves, beside those whose names begin with a dot or with "__".
NOT_OURS = {"$recycle.bin", "@eadir", "lost+found", "system volume information", "thumbs.db", "desktop.ini"}
# The words that splits are called by, by what they are for, and those that may stand beside them.
SPLIT_WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "eval", "evaluation"), "val"),
    **dict.fromkeys(("test", "testing", "pred", "prediction", "holdout", "unlabeled", "unlabelled"), "test"),
}
FILLERS = {"set", "sets", "split", "data", "dataset", "image", "images", "img", "imgs", "photos", "pictures", "folder", "dir"}
_SPLIT_NAME = re.compile(rf"({'|'.join(sorted(SPLIT_WORDS, key=len, reverse=True))})({'|'.join(FILLERS)})?")


def load_folder(path: str | Path) -> ImageSet:
    """The images of a folder that has one sub-folder a class, in alphabetical order.

    Every file is opened once, which costs about 0.1 ms; hidden files and folders, and what is no image by its suffix, are passed
    over. Exact copies count once. The notes say what was done.

    Raises:
        CourseError: no such folder, fewer than two classes, splits in the place of classes, a class without images, one image in
            two classes, or a file that is no image in spite of its suffix, or cannot be shown. The sentence names it.
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise CourseError(f"There is no folder {folder}: give the path of a folder that has one sub-folder of images a class.")
    files = {entry: sorted(_files(entry)) for entry in sorted(folder.iterdir()) if entry.is_dir() and not _hidden(entry.name)}
    found = {entry: [file for file in inside if file.suffix.lower() in SUFFIXES] for entry, inside in files.items()}
    _refuse_what_are_no_classes(folder, found)
    names = _class_names(found)
    labels = torch.tensor([label for label, inside in enumerate(found.values()) for _ in inside])
    reading, notes = reading_of({file: kind_of(file) for inside in found.values() for file in inside})
    others = _told_kinds([file for inside in files.values() for file in inside])
    if others:
        notes.insert(0, f"Passed over, since they are no images by their names: {others}.")
    paths = [file for inside in found.values() for file in inside]
    images, copies = without_copies(ImageSet(FileImages(paths, reading), labels, names, legible(folder.resolve().name)))
    return replace(images, notes=(*notes, *copies))


def _hidden(name: str) -> bool:
    return name.startswith((".", "__")) or name.lower() in NOT_OURS


def _files(folder: Path) -> Iterator[Path]:
    """Every file in the folder and below it, through links as well, but for what is hidden; no folder twice."""
    seen = set()
    for inside, folders, names in os.walk(folder, followlinks=True):
        where = os.path.realpath(inside)
        folders[:] = [] if where in seen else [name for name in folders if not _hidden(name)]
        if where not in seen:
            yield from (Path(inside, name) for name in names if not _hidden(name))
        seen.add(where)


def _refuse_what_are_no_classes(folder: Path, found: dict[Path, list[Path]]) -> None:
    splits = _splits([entry.name for entry, images in found.items() if images])
    if splits:
        first = folder / min(splits, key=lambda name: _split_words(name)[0] != "train")
        raise CourseError(
            f"The sub-folders of {folder} are called {', '.join(splits)}: these are splits, not classes. "
            f"Give one of them, such as {first}; the course makes its own splits."
        )
    if len(found) < 2:
        inner = [sub for sub in next(iter(found), folder).iterdir() if sub.is_dir() and not _hidden(sub.name)] if found else []
        hint = f", or give {next(iter(found))}, which has {len(inner)}" if len(inner) > 1 else ""
        raise CourseError(f"{folder} has {len(found)} sub-folders: make one for the images of each class, two at least{hint}.")
    for entry, images in found.items():
        if not images:
            others = _told_kinds(list(_files(entry)))
            but = f", but {others}, which cannot be read here" if others else ""
            kinds = ", ".join(SUFFIXES)
            raise CourseError(
                f"The class folder {legible(str(entry))} holds no images{but}: put some in ({kinds}), or remove it."
            )


def _splits(names: list[str]) -> list[str]:
    """Those of the names that say what a split is for, and no class: train2017 and val2017, but not test_sick and test_well."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for name in names:
        purpose, rest = _split_words(name)
        if purpose:
            alike.setdefault(rest, []).append(name)
    for group in alike.values():
        purposes = {_split_words(name)[0] for name in group}
        if len(purposes) > 1 and ("train" in purposes or len(group) == len(names)):
            return sorted(group)
    return []


def _split_words(name: str) -> tuple[str, tuple[str, ...]]:
    """(what the split is for, empty if the name does not say; the name's words beside it, without numbers and fillers)."""
    words = re.findall(r"[^\W\d_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())
    matches = {word: match for word in words if (match := _SPLIT_NAME.fullmatch(word))}
    purpose = next((SPLIT_WORDS[match[1]] for match in matches.values()), "")
    return purpose, tuple(word for word in words if word not in matches and word not in FILLERS)


def _class_names(folders: Iterable[Path]) -> tuple[str, ...]:
    """The folders' names as text that can be written and drawn anywhere.

    Raises:
        CourseError: two look alike (an accent can be part of its letter or a character of its own).
    """
    names = tuple(_one_line(unicodedata.normalize("NFC", legible(folder.name))) for folder in folders)
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise CourseError(f"Two class folders are called {twice!r}, in different spellings: move their images into one.")
    return names


def _one_line(name: str) -> str:
    """The name with a sign for each control character, line break and mark that turns the direction of writing."""
    unseen = [c for c in name if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in "\u202a\u202b\u202c\u202d\u202e"]
    return name.translate({ord(c): "\N{REPLACEMENT CHARACTER}" for c in unseen})


def _told_kinds(files: list[Path]) -> str:
    """Files that are no images by their names, counted by suffix, in words; empty if there are none."""
    kinds = Counter(legible(file.suffix.lower()) or "no suffix" for file in files if file.suffix.lower() not in SUFFIXES)
    return ", ".join(f"{count} of kind {kind}" for kind, count in sorted(kinds.items()))


def without_copies(images: ImageSet) -> tuple[ImageSet, list[str]]:
    """The set without files that are copies of others, byte for byte, and a note on them: a test image must not be learned from.

    Raises:
        CourseError: the same image is in two classes.
    """
    paths = images.images.paths
    sizes = [path.stat().st_size for path in paths]
    lengths = Counter(sizes)
    first: dict[bytes, int] = {}
    kept = []
    for index, path in enumerate(paths):
        if lengths[sizes[index]] > 1:  # files of different lengths differ: no need to read them
            known = first.setdefault(hashlib.sha256(path.read_bytes()).digest(), index)
            if images.labels[known] != images.labels[index]:
                raise CourseError(f"{paths[known]} and {path} are the same image in two classes: delete one of them.")
            if known != index:
                continue
        kept.append(index)
    copies = len(paths) - len(kept)
    files = f"{copies} files that are exact copies of others" if copies > 1 else "one file that is an exact copy of another"
    note = f"Left out: {files}, so that no image is in two splits."
    return (images.subset(kept), [note]) if copies else (images, [])
