"""The one place that writes marks: nbgrader's own converter takes an examined notebook into gradebook and ``autograded/``."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing
from datetime import datetime
from glob import escape
from pathlib import Path

from nbgrader.converters import Autograde
from nbgrader.utils import parse_utc
from traitlets.config import Config

from helpers import notebooks
from helpers.errors import CourseError
from helpers.grading.course import Course, QuietConverters
from helpers.grading.examination import Examined
from helpers.grading.transplant import KEY

BACKUPS = 10  # copies of the gradebook that are kept
# What nbgrader does after the run: the notebook that it gets here has been read, transplanted, run and judged already.
SANITIZE = ["nbgrader.preprocessors.OverwriteKernelspec", "nbgrader.preprocessors.CheckCellMetadata"]
STORE = [
    "helpers.grading.preprocessors.Verdicts",
    "nbgrader.preprocessors.LimitOutput",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]


def store(course: Course, lesson: str, examined: Examined, files: dict[str, bytes], fingerprint: str) -> None:
    """Put an examined submission into the gradebook and ``autograded/``; a mark given by hand stays.

    Raises:
        CourseError: nbgrader could not store it; names the log.
    """
    log = course.root / ".course" / "log" / lesson / f"{examined.student}.log"
    notebook = notebooks.nbformat.reads(examined.notebook, as_version=4)
    notebook.metadata.setdefault(KEY, {})["fingerprint"] = fingerprint
    with tempfile.TemporaryDirectory() as folder, QuietConverters(log):
        target = Path(folder) / examined.student / lesson
        for name, content in files.items():
            if name != "timestamp.txt" or _is_time(content):
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                (target / name).write_bytes(content)
        target.mkdir(parents=True, exist_ok=True)
        (target / f"{lesson}.ipynb").write_text(notebooks.text(notebook), encoding="utf-8")
        directory = course.directory(
            assignment_id=lesson, student_id=escape(examined.student), submitted_directory=folder
        )
        converter = Autograde(coursedir=directory, config=_config(course))
        converter.force = True  # a re-grade replaces what is there
        try:
            converter.start()
        except Exception as error:
            raise CourseError(f"the marks of {examined.student} could not be stored ({error}): see {log}") from None


def _config(course: Course) -> Config:
    config = course.config.copy()
    config.Autograde.exporter_class = "nbconvert.exporters.NotebookExporter"
    config.Autograde.sanitize_preprocessors, config.Autograde.autograde_preprocessors = SANITIZE, STORE
    return config


def stored(course: Course, lesson: str, student: str) -> str:
    """The fingerprint of what is stored for this learner; empty if there is nothing, or not all of it."""
    path = course.folder("autograded", student, lesson) / f"{lesson}.ipynb"
    try:
        return str(notebooks.read(path).metadata.get(KEY, {}).get("fingerprint", ""))
    except CourseError:
        return ""


def _is_time(content: bytes) -> bool:
    """Whether nbgrader can read the time stamp; one that it cannot read would stop it."""
    try:
        return bool(parse_utc(content.decode("utf-8").strip()))
    except Exception:
        return False


def back_up(course: Course) -> Path | None:
    """A copy of the gradebook as it is now, in ``.course/backups/``; None if it is no SQLite file or there is none yet.

    Raises:
        CourseError: the gradebook or the folder cannot be read or written.
    """
    url = course.directory().db_url
    path = Path(url.removeprefix("sqlite:///"))
    if not url.startswith("sqlite:///") or not path.is_file():
        return None
    folder = course.root / ".course" / "backups"
    target = folder / f"gradebook-{datetime.now():%Y%m%d-%H%M%S-%f}.db"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path, timeout=30)) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
        for old in sorted(folder.glob("gradebook-*.db"))[:-BACKUPS]:
            old.unlink(missing_ok=True)
    except (OSError, sqlite3.Error) as error:
        raise CourseError(
            f"The gradebook {path} could not be backed up ({error}): close what holds it open, or make room, and grade again."
        ) from None
    return target


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
