"""A download as a list of files, whether it is a folder or a zip; nothing is unpacked, and no link is followed."""

import os
import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from helpers.course.errors import CourseError
from helpers.course.one_line import one_line
from helpers.grading.gradebook import spelling

MOST_BYTES = 200_000_000  # of one file
MOST_DEEP, LONGEST_NAME = 24, 255  # folders inside one another, more than grading looks into; bytes that any system can write
NO_WORK = {"__MACOSX", "__pycache__", "node_modules", "site-packages", "venv", "env", "Thumbs.db", "desktop.ini"}


class Item(NamedTuple):
    """One file of a download.

    Attributes:
        parts: its path in the download, each part in the one spelling of `spelling.one`.
        changed: when it was last changed, in the local time of whoever wrote it: good for an order, not for a moment.
        size: bytes.
        read: gives its content.
        packed: whether it is from a zip, which keeps that time; a folder may have the time at which it was unpacked.
    """

    parts: tuple[str, ...]
    changed: datetime
    size: int
    read: Callable[[], bytes]
    packed: bool = False

    @property
    def path(self) -> str:
        """Its path, for messages: what cannot be printed is shown and not obeyed."""
        return one_line("/".join(self.parts))


@contextmanager
def opened(path: Path) -> Iterator[list[Item]]:
    """The files of the download at `path`, without those that are no part of anybody's work.

    Raises:
        CourseError: it is neither a folder nor a zip that can be read.
    """
    if path.is_dir():
        yield list(_below(path))
        return
    if not path.is_file():
        raise CourseError(f"There is no {path}: give the zip or the folder that the learning platform let you download.")
    try:
        archive = _archive(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise CourseError(f"{path} is no zip that can be read ({error}): download it again.") from None
    with archive:
        yield list(_inside(archive))


def _archive(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path, metadata_encoding="utf-8")  # macOS writes UTF-8 and does not say so
    except UnicodeDecodeError:
        return zipfile.ZipFile(path)


def _is_work(parts: tuple[str, ...]) -> bool:
    return not any(part in NO_WORK or part.startswith(".") for part in parts)


def _can_be_written(parts: tuple[str, ...]) -> bool:
    return len(parts) <= MOST_DEEP + 1 and all(len(part.encode("utf-8", "surrogateescape")) <= LONGEST_NAME for part in parts)


def _below(folder: Path) -> Iterator[Item]:
    for place, folders, files in os.walk(folder):
        deep = len(Path(place).relative_to(folder).parts) >= MOST_DEEP
        folders[:] = sorted(name for name in folders if not deep and _is_work((name,)) and not Path(place, name).is_symlink())
        for name in sorted(files):
            path = Path(place, name)
            about = path.lstat()
            parts = tuple(spelling.one(part) for part in path.relative_to(folder).parts)
            if stat.S_ISREG(about.st_mode) and _is_work((name,)) and about.st_size <= MOST_BYTES:
                yield Item(parts, datetime.fromtimestamp(about.st_mtime), about.st_size, path.read_bytes)


def _inside(archive: zipfile.ZipFile) -> Iterator[Item]:
    for info in archive.infolist():
        name = info.filename.replace("\\", "/")  # some programs on Windows write it so
        parts = tuple(spelling.one(part) for part in name.split("/") if part not in ("", "."))
        plain = not info.is_dir() and not stat.S_ISLNK(info.external_attr >> 16) and ".." not in parts
        if parts and plain and _is_work(parts) and _can_be_written(parts) and info.file_size <= MOST_BYTES:
            yield Item(parts, datetime(*info.date_time), info.file_size, lambda info=info: _content(archive, info), packed=True)


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """CourseError: the archive is damaged, or asks for a password."""
    try:
        with archive.open(info) as file:
            return file.read(MOST_BYTES)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, EOFError) as error:
        raise CourseError(f"{one_line(info.filename)} cannot be read from the zip ({error}): download it again.") from None
