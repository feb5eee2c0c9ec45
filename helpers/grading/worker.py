"""One learner graded by nbgrader's own autograder. Runs in a process of its own (see `helpers.grading.classroom`).

This is the place where another engine (a sandbox, a judge in another process) goes in: it takes a
course, a lesson and a learner, leaves the marks in the gradebook and the graded notebook in ``autograded/``.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from glob import escape
from pathlib import Path

from nbgrader.converters import Autograde
from nbgrader.utils import parse_utc

from helpers.grading.course import Course, QuietConverters
from helpers.grading.preflight import Refused, admit, copy_side_files


def grade_one(root: str, lesson: str, student: str) -> str:
    """Grade one submission; returns why it was refused, empty if it was graded.

    nbgrader never sees the learner's folder: it is given a copy with regular files only, since
    nbgrader itself follows symbolic links and would copy what they point to.
    """
    course = Course.here(Path(root))
    log = log_of(course, lesson, student)
    _screen_to(log.with_suffix(".screen"))
    with tempfile.TemporaryDirectory() as folder, QuietConverters(log):
        reason = stage(course.folder("submitted", student, lesson), Path(folder) / student / lesson, lesson)
        _autograde(course, lesson, student, Path(folder), reason)
    return reason


def stage(submission: Path, target: Path, lesson: str) -> str:
    """Copy what counts of a submission to `target`; returns why its notebook is refused, empty if it is not."""
    target.mkdir(parents=True)
    notebook = target / f"{lesson}.ipynb"
    notebook.touch()  # nbgrader skips a learner without a file; a refused one is to be marked as well
    if submission.is_symlink() or submission.parent.is_symlink() or not submission.is_dir():
        return "the submission is not a folder: hand in a folder with the notebook in it"
    copy_side_files(submission, target)
    if not _is_time(target / "timestamp.txt"):
        (target / "timestamp.txt").unlink(missing_ok=True)
    try:
        admit(submission / notebook.name)
    except Refused as refused:
        return str(refused)
    shutil.copyfile(submission / notebook.name, notebook, follow_symlinks=False)
    return ""


def refuse_one(root: str, lesson: str, student: str, reason: str) -> None:
    """Mark a learner 0 with `reason`, without opening or running anything of theirs."""
    course = Course.here(Path(root))
    with tempfile.TemporaryDirectory() as folder, QuietConverters(log_of(course, lesson, f"{student}.refused")):
        target = Path(folder) / student / lesson
        target.mkdir(parents=True)
        (target / f"{lesson}.ipynb").touch()
        _autograde(course, lesson, student, Path(folder), reason)


def log_of(course: Course, lesson: str, student: str) -> Path:
    """Where nbgrader's log of this learner goes."""
    return course.root / ".course" / "log" / lesson / f"{student}.log"


def _autograde(course: Course, lesson: str, student: str, submitted: Path, reason: str) -> None:
    directory = course.directory(assignment_id=lesson, student_id=escape(student), submitted_directory=str(submitted))
    config = course.config.copy()
    config.SubmissionExporter.refused = reason
    converter = Autograde(coursedir=directory, config=config)
    converter.force = True  # a re-grade replaces what is there
    converter.start()


def _screen_to(path: Path) -> None:
    """Send what this process and its kernels print to a file: the screen belongs to the class's progress."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def _is_time(path: Path) -> bool:
    """Whether nbgrader can read the time stamp; one that it cannot read would stop it."""
    try:
        return bool(parse_utc(path.read_text(encoding="utf-8").strip()))
    except Exception:
        return False
