"""What a learner's notebook must leave as it is: files of the course, the gradebook's rows, processes, the temporary folder."""

import hashlib
import json
import os
import select
import socket
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from multiprocessing.util import get_temp_dir
from pathlib import Path

import psutil
import pytest

from helpers.grading.nbgrader_course import Course

TREES = ("source", "notebooks", "solutions", "submitted", ".course/secret", "course.toml", "nbgrader_config.py")  # to stay as is
DASK = "dask-scratch-space"  # Dask leaves this folder of its own, with empty lock files


def digests(root: Path) -> dict[str, str]:
    """All in `TREES`: name -> kind, rights and content. Nothing odd is followed or opened."""
    found = {}
    for name in TREES:
        for path in (root / name, *(root / name).rglob("*")):
            status = path.lstat()
            regular, link = path.is_file() and not path.is_symlink(), path.is_symlink()
            content = path.read_bytes() if regular else os.readlink(path).encode() if link else b""
            found[str(path.relative_to(root))] = f"{status.st_mode:o} {hashlib.sha256(content).hexdigest()}"
    return found


def rows(course: Course) -> set[str]:
    """Every row of the gradebook, as text."""
    with closing(sqlite3.connect(f"file:{course.root / 'gradebook.db'}?mode=ro", uri=True)) as book:
        tables = [name for (name,) in book.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {f"{table} {row}" for table in tables for row in book.execute(f'SELECT * FROM "{table}"')}


def add_bystander(course: Course) -> None:
    """A learner of another lesson, whose marks, by machine and by hand, nobody grades now."""
    with course.gradebook() as book:
        book.add_assignment("00_before")
        book.add_notebook("work", "00_before")
        book.add_grade_cell("test_before", "work", "00_before", max_score=5, cell_type="code")
        book.add_student("bystander")
        book.add_submission("00_before", "bystander")
        grade = book.find_grade("test_before", "work", "00_before", "bystander")
        grade.auto_score, grade.manual_score = 3.0, 4.5
        book.db.commit()


def processes(*words: str) -> list[str]:
    """The command lines of all running processes on this system that hold one of these words."""
    running = [one.info for one in psutil.process_iter(["cmdline", "status"]) if one.info["status"] != psutil.STATUS_ZOMBIE]
    lines = [" ".join(info["cmdline"] or ()) for info in running]
    return [line for line in lines if any(word in line for word in words)]


@contextmanager
def watched(course: Course, marker: str) -> Iterator[Callable[[], None]]:
    """Note in ``outside.json`` what is different after the block than when the block called what it is given.

    Connections would come to the port in the file ``port``; temporary files lie in a folder of their own meanwhile.
    """
    get_temp_dir()  # multiprocessing's own folder lasts as long as this process
    with tempfile.TemporaryDirectory(prefix="t-") as folder, socket.create_server(("127.0.0.1", 0)) as server:
        (course.root / "port").write_text(str(server.getsockname()[1]))
        before = {}
        with pytest.MonkeyPatch.context() as patch:

            def start() -> None:
                add_bystander(course)
                before.update(files=digests(course.root), rows=rows(course))
                patch.setenv("TMPDIR", folder)
                patch.setattr(tempfile, "tempdir", folder)

            yield start
        connected = bool(select.select([server], [], [], 0)[0])
        after = digests(course.root)
        changed = sorted({name for name, _ in set(after.items()) ^ set(before["files"].items())})
        dask = {DASK} if not any(path.is_dir() or path.stat().st_size for path in Path(folder, DASK).glob("*")) else set()
        found = {"files": changed, "rows": sorted(before["rows"] - rows(course)), "processes": processes(marker, folder),
                 "temporary": sorted({*os.listdir(folder)} - dask), "connected": connected}  # fmt: skip
        (course.root / "outside.json").write_text(json.dumps(found))
