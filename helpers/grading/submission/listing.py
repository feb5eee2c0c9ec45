"""What lies in a folder or a zip that was handed in: plain files, and what is left out, without opening any of it.

Environments, caches and hidden folders are no part of anybody's work, and may hold tens of thousands of files: they are not even
listed.
"""

import os
import stat
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from helpers.course.one_line import one_line
from helpers.grading.submission.preflight import content

MOST_FILES, MOST_FOLDERS_DEEP = 2_000, 20
ENVIRONMENT = {"pyvenv.cfg", "conda-meta"}  # one of these lies in every environment
NEVER = {"node_modules", "site-packages", "__pycache__", "__MACOSX"}
SILENT = {"__pycache__", "__MACOSX", ".ipynb_checkpoints"}  # which tools make by themselves: nobody needs to hear of them
ROOM_FOR_NAMES = 4  # in a note


@dataclass(frozen=True)
class File:
    """One plain file.

    Attributes:
        size: bytes, as it is said to have.
        read: gives its content, at most so many bytes.
    """

    size: int
    read: Callable[[int], bytes]


@dataclass
class Listing:
    """The plain files by their path from the top, as ``"data/a.txt"``; and the names of what was left out."""

    files: dict[str, File] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def of_folder(top: Path) -> Listing:
    """What lies in a folder. Links, pipes and the like, and names that are no text are left out."""
    found, waiting = Listing(), [(top, 0)]
    while waiting:
        folder, depth = waiting.pop(0)
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            found.left_out.append(_name(top, folder))
            continue
        if depth and ENVIRONMENT & {entry.name for entry in entries}:
            found.left_out.append(_name(top, folder))
            continue
        for entry in entries:
            _take(found, top, entry, depth, waiting)
    return found


def _take(found: Listing, top: Path, entry: os.DirEntry, depth: int, waiting: list[tuple[Path, int]]) -> None:
    name, path = _name(top, Path(entry.path)), Path(entry.path)
    if entry.is_dir(follow_symlinks=False):
        if _is_work(entry.name) and depth < MOST_FOLDERS_DEEP:
            waiting.append((path, depth + 1))
        elif entry.name not in SILENT:
            found.left_out.append(name)
        return
    status = entry.stat(follow_symlinks=False)
    if not stat.S_ISREG(status.st_mode) or not _is_text(name) or len(found.files) >= MOST_FILES:
        found.left_out.append(name)
    else:
        found.files[name] = File(status.st_size, partial(content, path))


def of_zip(path: Path) -> Listing:
    """What lies in a zip, links and locked files left out; nothing if it cannot be read as one."""
    found = Listing()
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return found
    roots = {PurePosixPath(e.filename).parent for e in entries if PurePosixPath(e.filename).name in ENVIRONMENT}
    for entry in entries:
        name = PurePosixPath(entry.filename)
        if entry.is_dir() or name.is_absolute() or ".." in name.parts or "\\" in entry.filename:
            continue
        odd = next((str(part) for part in reversed(name.parents) if part.name and (part in roots or not _is_work(part.name))), "")
        if odd:
            found.left_out += [odd] * (odd not in found.left_out and PurePosixPath(odd).name not in SILENT)
        elif entry.flag_bits & 1 or stat.S_ISLNK(entry.external_attr >> 16) or len(found.files) >= MOST_FILES:
            found.left_out.append(str(name))
        else:
            found.files[str(name)] = File(entry.file_size, partial(_unpacked, path, entry.filename))
    return found


def _unpacked(path: Path, name: str, most: int) -> bytes:
    """The first bytes of a file in a zip, whatever it says of their number."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(name) as file:
            return file.read(most)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError, EOFError) as error:
        raise OSError(f"it cannot be unpacked ({type(error).__name__})") from None


def _is_work(name: str) -> bool:
    """Whether a folder of this name may hold somebody's own work."""
    return not name.startswith(".") and name not in NEVER


def _name(top: Path, path: Path) -> str:
    return path.relative_to(top).as_posix()


def _is_text(name: str) -> bool:
    """Whether a file's name is text: Linux allows any bytes, and some of them cannot be stored or sent."""
    return name.encode("utf-8", "replace") == name.encode("utf-8", "surrogatepass")


def shown(names: list[str]) -> str:
    """Some names of files as one line of plain text."""
    plain = [one_line(name, 60) for name in names]
    return ", ".join(plain[:ROOM_FOR_NAMES]) + (f" and {len(plain) - ROOM_FOR_NAMES} more" if len(plain) > ROOM_FOR_NAMES else "")
