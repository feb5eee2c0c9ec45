"""The one place that writes marks: nbgrader's own converter takes an examined notebook into gradebook and ``autograded/``.

A learner's marks and notebook are made beside the old ones and then put in their place, marks first. A grader that is ended
at any moment has stored a learner's work wholly or not at all, and the next run sees which.
"""

import errno
import os
import tempfile
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from copy import deepcopy
from glob import escape
from pathlib import Path
from time import monotonic
from typing import Any

from nbformat import NotebookNode
from nbgrader.converters import Autograde
from sqlalchemy.exc import DBAPIError, SAWarning

from helpers.course.errors import CourseError
from helpers.grading.gradebook import by_hand, lateness
from helpers.grading.gradebook.one_transaction import OpenBook, Scores
from helpers.grading.judging.job import Examined
from helpers.grading.nbgrader_course import Course, quiet_converters
from helpers.notebooks import masters
from helpers.notebooks.handed_in import KEY

LOCKED_SECONDS = 60  # for another program to let go of the gradebook; formgrader holds it for a fraction of a second
STAGE = "storing-"  # folders in .course/ in which a learner's new files are made
STOP_ALL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO}  # full, or no rights
RUNS = "helpers.grading.nbgrader_steps.RunCells"  # the step of nbgrader_config.py that is done when a notebook gets here


class Storing(Autograde):
    """nbgrader's converter, which keeps what went wrong: nbgrader itself only logs it."""

    cause: Exception | None = None

    def init_assignment(self, *names: str) -> None:
        self._keep(super().init_assignment, *names)

    def convert_single_notebook(self, notebook_filename: str) -> None:
        self._keep(super().convert_single_notebook, notebook_filename)

    def _keep(self, work: Callable, *arguments: Any) -> None:
        try:
            work(*arguments)
        except Exception as error:
            self.cause = error
            raise


class Writer(AbstractContextManager):
    """Stores the submissions of one lesson, one after the other. Use it in a ``with`` statement.

    Raises:
        CourseError: the gradebook cannot be opened.
    """

    def __init__(self, course: Course, lesson: str):
        self.course, self.lesson = course, lesson
        self._book: OpenBook = course.gradebook(OpenBook)

    def __exit__(self, *_: object) -> None:
        self._book.close()

    def stored(self) -> dict[str, str]:
        """Learner -> fingerprint of the work that is stored, of those whose notebook and marks in the gradebook agree.

        So nobody is left out whose marks were lost: with a gradebook that was deleted, moved or put back from a backup.
        """
        found = {}
        for student, scores in self._book.scores(self.lesson).items():
            try:
                own = masters.read(self._place(student) / f"{self.lesson}.ipynb").metadata.get(KEY, {})
            except CourseError:
                continue
            if own.get("scores") == scores:
                found[student] = str(own.get("fingerprint", ""))
        self._book.db.remove()
        return found

    def store(self, examined: Examined, files: dict[str, bytes], fingerprint: str) -> Scores:
        """Put an examined submission into the gradebook and ``autograded/``; a mark given by hand stays.

        Args:
            examined: what came of it.
            files: what was handed in beside the notebook.
            fingerprint: of the work and the way to grade it; empty has the next run grade it anew.

        Returns:
            What the grader gave for each graded cell.

        Raises:
            CourseError: it could not be stored, and what was there before is as it was; says why, with the remedy.
            NotStored: the same, where another submission may well be stored.
        """
        deadline = monotonic() + LOCKED_SECONDS
        while True:
            try:
                return self._store(examined, files, fingerprint)
            except (OSError, DBAPIError, _GaveUp) as error:
                cause = error.__cause__ if isinstance(error, _GaveUp) and error.__cause__ else error
                if "database is locked" not in str(cause) or monotonic() > deadline:
                    stops_all = isinstance(cause, DBAPIError) or getattr(cause, "errno", None) in STOP_ALL
                    raise (CourseError if stops_all else NotStored)(self._words(examined.student, cause)) from None

    def _store(self, examined: Examined, files: dict[str, bytes], fingerprint: str) -> Scores:
        student, place = examined.student, self._place(examined.student)
        place.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            handed_in = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            stage = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=STAGE, dir=self.course.root / ".course")))
            files, unread = _stamped(files, lateness.zone_of(self.course))
            _lay_out(handed_in / student / self.lesson, self.lesson, examined.notebook, files)
            with self._book.one_learner():
                listed = by_hand.waiting(self._book, self.lesson, student)
                self._convert(student, handed_in, stage.relative_to(self.course.root) / "new")
                scores = self._book.scores(self.lesson, student).get(student, {})
                fresh = stage / "new" / student / self.lesson
                now = masters.read(fresh / f"{self.lesson}.ipynb")
                review = by_hand.settle(self._book, self.lesson, student, listed, self._former(student), now)
                if lateness.STAMP not in files:
                    lateness.forget(self._book, self.lesson, student)
                seal = {"fingerprint": fingerprint, "scores": scores, by_hand.REVIEW: review, lateness.STAMP: unread}
                _seal(fresh / f"{self.lesson}.ipynb", seal)
            if place.exists():
                place.rename(stage / "old")
            fresh.rename(place)
        return scores

    def _place(self, student: str) -> Path:
        return self.course.folder("autograded", student, self.lesson)

    def _former(self, student: str) -> NotebookNode | None:
        """The graded notebook that is stored already; None if there is none."""
        with suppress(CourseError):
            return masters.read(self._place(student) / f"{self.lesson}.ipynb")
        return None

    def _convert(self, student: str, handed_in: Path, target: Path) -> None:
        config = deepcopy(self.course.config)  # its own copy() shares what is inside
        first, *steps = [step for step in config.Autograde.autograde_preprocessors if step != RUNS]
        plain = "nbconvert.exporters.NotebookExporter"
        config.Autograde.update(exporter_class=plain, sanitize_preprocessors=[first], autograde_preprocessors=steps)
        config.Exporter.optimistic_validation = True  # when the last step is done; nbconvert 7.17 fails where there is none
        # The target is relative, since nbgrader takes an absolute one for a pattern.
        folders = {"submitted_directory": str(handed_in), "autograded_directory": target.as_posix()}
        directory = self.course.directory(assignment_id=self.lesson, student_id=escape(student), **folders)
        converter = Storing(coursedir=directory, config=config)
        with quiet_converters(self._log(student)), warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)  # of nbgrader's own way to add rows
            try:
                converter.start()
            except Exception as error:
                raise _GaveUp(str(error)) from converter.cause

    def _log(self, student: str) -> Path:
        return self.course.root / ".course" / "log" / self.lesson / f"{student}.log"

    def _words(self, student: str, error: BaseException) -> str:
        what = (str(getattr(error, "orig", None) or error).strip() or type(error).__name__).splitlines()[0]
        remedy = f"look at {self._log(student)}, and grade again"
        if "database is locked" in what:
            remedy = "close what holds the gradebook open (formgrader, another grader, a database browser), and grade again"
        elif "is full" in what or getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            remedy = "make room, and grade again"
        stays = "What was stored before stays, and a new run goes on from there"
        return f"The marks of {student} could not be stored ({what}): {remedy}. {stays}."


class NotStored(CourseError):
    """One submission could not be stored, for a reason that need not hold for others."""


class _GaveUp(Exception):
    """nbgrader gave up; what went wrong is its cause."""


def _lay_out(folder: Path, lesson: str, notebook: str, files: dict[str, bytes]) -> None:
    """Write a submission as nbgrader expects it."""
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / f"{lesson}.ipynb").write_text(notebook, encoding="utf-8")


def _seal(path: Path, content: dict[str, Any]) -> None:
    """Note in a graded notebook what it was made from and what it earned."""
    notebook = masters.read(path)
    notebook.metadata.setdefault(KEY, {}).update(content)
    rights = path.stat().st_mode
    path.unlink()  # nbgrader makes it read-only
    path.write_text(masters.text(notebook), encoding="utf-8", newline="\n")
    os.chmod(path, rights)


def _stamped(files: dict[str, bytes], zone: str) -> tuple[dict[str, bytes], str]:
    """The files with their time stamp as nbgrader reads it right, and why there is none now; one it cannot read would stop it."""
    if lateness.STAMP not in files:
        return files, ""
    content, why = lateness.stamp(files[lateness.STAMP], zone)
    rest = {name: other for name, other in files.items() if name != lateness.STAMP}
    return (rest if content is None else {**rest, lateness.STAMP: content}), why
