"""A submitted file looked at before anything else touches it: the few plain fields that count, or the reason why not.

nbgrader opens whatever lies in the folder: it follows symbolic links, and one odd value in a
notebook's JSON ends the run with a traceback. Here a file that is no regular notebook gives one
sentence, which becomes the learner's feedback, and the class goes on.
"""

import json
import os
import stat
from contextlib import suppress
from pathlib import Path

import nbformat
from nbformat import NotebookNode

MAX_BYTES = 20_000_000  # of a notebook; one with all its plots is about 1 MB
MAX_SIDE_BYTES = 50_000_000  # of all other files that were handed in, together
MAX_CELLS = 2_000


class Refused(Exception):
    """Why a submission cannot be graded, in words for the learner."""


def admit(path: Path) -> NotebookNode:
    """The notebook at `path`, reduced to plain fields: type, source, id and nbgrader's grade_id of each cell.

    Raises:
        Refused: not there, not a regular file, too large, or not a notebook.
    """
    return parse(read(path), path.name)


def parse(raw: bytes, name: str) -> NotebookNode:
    """The notebook in `raw`, reduced in the same way; `name` is the file's, for messages.

    Raises:
        Refused: it is not a notebook.
    """
    try:
        content = json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise Refused(f"{name} is not a notebook: its content is not JSON. Save it again from Jupyter.") from None
    try:
        if content.get("nbformat") != 4:
            content = nbformat.convert(nbformat.reader.reads(json.dumps(content)), 4)
        cells = content["cells"]
        if not 0 < len(cells) <= MAX_CELLS:
            raise Refused(f"{name} has {len(cells)} cells; between 1 and {MAX_CELLS} can be graded.")
        return nbformat.from_dict({"cells": [_plain(cell) for cell in cells], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    except Refused:
        raise
    except Exception:
        # nbformat fails in many ways on values of a wrong type; all of them mean the same here.
        raise Refused(f"{name} is JSON but not a notebook. Save it again from Jupyter.") from None


def _plain(cell: dict) -> dict:
    """One cell with nothing in it but strings of our choosing."""
    source = cell.get("source", "")
    source = "".join(source) if isinstance(source, list) else source
    if not isinstance(source, str) or cell["cell_type"] not in ("code", "markdown", "raw"):
        raise ValueError("a cell of an unknown kind")
    source = source.encode("utf-8", "replace").decode("utf-8")  # lone surrogates cannot be written back
    plain = {"cell_type": cell["cell_type"], "metadata": {}, "source": source}
    if isinstance(cell.get("id"), str):
        plain["id"] = cell["id"][:64]
    grade_id = cell.get("metadata", {}).get("nbgrader", {}).get("grade_id")
    if isinstance(grade_id, str):
        plain["metadata"] = {"nbgrader": {"grade_id": grade_id}}
    if cell["cell_type"] == "code":
        plain.update(outputs=[], execution_count=None)
    return plain


def read(path: Path) -> bytes:
    """The bytes of a regular file of a sensible size; a link is never followed.

    Raises:
        Refused: not there, not a regular file, or too large.
    """
    try:
        status = path.lstat()
    except OSError:
        others = sorted(other.name for other in path.parent.glob("*.ipynb")) if path.parent.is_dir() else []
        found = f" (there is {', '.join(others[:3])})" if others else ""
        raise Refused(f"There is no {path.name}{found}: hand in the notebook under the name it was released with.") from None
    if stat.S_ISLNK(status.st_mode):
        raise Refused(f"{path.name} is a symbolic link: hand in the notebook itself.")
    if not stat.S_ISREG(status.st_mode):
        raise Refused(f"{path.name} is not a regular file: hand in the notebook itself.")
    if status.st_size > MAX_BYTES:
        size = f"{status.st_size / 1e6:.0f} MB, at most {MAX_BYTES / 1e6:.0f}"
        raise Refused(f"{path.name} has {size}: clear all outputs and hand it in again.")
    try:
        return _content(path, MAX_BYTES + 1)
    except OSError as error:
        raise Refused(f"{path.name} cannot be opened ({error.strerror}).") from None


def _content(path: Path, most: int) -> bytes:
    """The first `most` bytes. O_NOFOLLOW, where there is one: the file may have been swapped since it was looked at."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as file:
        return file.read(most)


def side_files(folder: Path) -> dict[str, bytes]:
    """What was handed in beside the notebook, regular files only: name -> content.

    What is too large, a link, or has a name that is no text is left out.
    """
    found, room = {}, MAX_SIDE_BYTES
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.suffix == ".ipynb" or "__pycache__" in name.parts or ".ipynb_checkpoints" in name.parts:
            continue
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > room or _through_link(folder, path) or not _is_text(str(name)):
            continue
        with suppress(OSError):
            found[name.as_posix()] = _content(path, room)
            room -= len(found[name.as_posix()])
    return found


def _is_text(name: str) -> bool:
    """Whether a file's name is text: Linux allows any bytes, and some of them cannot be stored or sent."""
    return name.encode("utf-8", "replace") == name.encode("utf-8", "surrogatepass")


def _through_link(folder: Path, path: Path) -> bool:
    return any(parent.is_symlink() for parent in path.parents if parent != folder and folder in parent.parents)
