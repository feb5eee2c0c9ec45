"""A file that was handed in, read with care before anything else touches it.

nbgrader opens whatever lies in the folder: it follows symbolic links, and takes a pipe for a notebook. Here what is no regular
file of a sensible size gives one sentence, which becomes the learner's feedback, and the class goes on.
"""

import os
import stat
from pathlib import Path

from nbformat import NotebookNode

from helpers.notebooks.handed_in import Refused, parse

MAX_BYTES = 20_000_000  # of a notebook; one with all its plots is about 1 MB


def admit(path: Path) -> NotebookNode:
    """The notebook at `path`, reduced to plain fields.

    Raises:
        Refused: not there, not a regular file, too large, or not a notebook.
    """
    return parse(read(path), path.name)


def read(path: Path) -> bytes:
    """The bytes of a notebook's file; a link is never followed.

    Raises:
        Refused: not there, not a regular file, or too large.
    """
    try:
        status = path.lstat()
    except OSError:
        others = sorted(other.name for kind in ("*.ipynb", "*.zip") for other in path.parent.glob(kind))
        found = f" (there is {', '.join(others[:3])})" if others else ""
        raise Refused(f"There is no {path.name}{found}: hand in the notebook under the name it was released with.") from None
    if stat.S_ISLNK(status.st_mode):
        raise Refused(f"{path.name} is a symbolic link: hand in the notebook itself.")
    if not stat.S_ISREG(status.st_mode):
        raise Refused(f"{path.name} is not a regular file: hand in the notebook itself.")
    if status.st_size > MAX_BYTES:
        raise Refused(too_large(path.name, status.st_size))
    try:
        return content(path, MAX_BYTES + 1)
    except OSError as error:
        raise Refused(f"{path.name} cannot be opened ({error.strerror}).") from None


def too_large(name: str, size: int) -> str:
    """What is said of a notebook of so many bytes."""
    return f"{name} has {size / 1e6:.0f} MB, at most {MAX_BYTES / 1e6:.0f}: clear all outputs and hand it in again."


def content(path: Path, most: int) -> bytes:
    """The first `most` bytes. O_NOFOLLOW, where there is one: the file may have been swapped since it was looked at."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as file:
        return file.read(most)
