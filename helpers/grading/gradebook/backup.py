"""Before a class is graded: a copy of the gradebook, and a look at whether marks can be stored at all."""

import os
import shutil
import sqlite3
import tempfile
import time
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

from sqlalchemy import URL, make_url

from helpers.course.errors import CourseError
from helpers.grading.gradebook.store import STAGE
from helpers.grading.nbgrader_course import Course

BACKUPS = 10  # copies of the gradebook that are kept
LOCKED_SECONDS = 20  # for another program to let go of the gradebook
STALE_SECONDS = 24 * 3600  # a folder this old was left by a grader that was killed


def url(course: Course) -> URL:
    """The gradebook's address."""
    return make_url(course.directory().db_url)


def words(course: Course) -> str:
    """Where marks and their copies are, a sentence for the instructor."""
    place = url(course)
    if place.get_backend_name() == "sqlite":
        return f"Marks go to {place.database}; its last {BACKUPS} copies are in .course/backups/."
    return f"Marks go to {place.render_as_string()}: backing it up is its server's business (pg_dump for PostgreSQL)."


def back_up(course: Course) -> Path | None:
    """A copy of the gradebook as it is now, in ``.course/backups/``; None if there is none yet or a server keeps it.

    The last `BACKUPS` copies are kept. To go back to one, put it in the gradebook's place; the next run of
    `python -m helpers grade` then grades everyone anew whose marks are not those in the copy.

    Raises:
        CourseError: the gradebook or the folder cannot be read or written.
    """
    place = url(course)
    path = Path(place.database or "")
    if place.get_backend_name() != "sqlite" or not path.is_file():
        return None
    folder = course.root / ".course" / "backups"
    target = folder / f"gradebook-{datetime.now():%Y%m%d-%H%M%S-%f}.db"
    half = target.with_suffix(".half")  # a copy that was not finished is none
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _copy(path, half)
        half.rename(target)
        for old in [*sorted(folder.glob("gradebook-*.db"))[:-BACKUPS], *folder.glob("*.half")]:
            old.unlink(missing_ok=True)
    except (OSError, sqlite3.Error) as error:
        with suppress(OSError):
            half.unlink()
        remedy = "close what holds it open" if "locked" in str(error) else "make room, or correct its rights"
        raise CourseError(f"The gradebook {path} could not be backed up ({error}): {remedy}, and grade again.") from None
    return target


def _copy(path: Path, target: Path) -> None:
    deadline = time.monotonic() + LOCKED_SECONDS

    def look(*_: int) -> None:  # Python itself would wait for ever
        if time.monotonic() > deadline:
            raise sqlite3.OperationalError("database is locked")

    with closing(sqlite3.connect(path, timeout=0.2)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy, progress=look, pages=1000)


def writable(course: Course) -> None:
    """Make sure before any work is done that marks can be stored.

    Raises:
        CourseError: a folder cannot be written.
    """
    for name in ("autograded", ".course"):
        folder = course.root / name
        try:
            folder.mkdir(exist_ok=True)
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(b"x" * 4096)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise CourseError(f"{folder} cannot be written ({error.strerror}): make room or correct its rights.") from None
    for left in (course.root / ".course").glob(f"{STAGE}*"):
        if time.time() - left.lstat().st_mtime > STALE_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
