"""A whole class graded, several learners at once, each in a separate process; one of them never stops the others."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import local

from helpers import notebooks
from helpers.errors import CourseError
from helpers.grading import hidden, worker
from helpers.grading.building import generate
from helpers.grading.course import Course
from helpers.grading.preprocessors import ONE_THREAD

UNUSABLE = set("[]*?{}")  # nbgrader takes them for patterns
SPARE_SECONDS = 120  # for starting, reading and storing, on top of the notebook's own limit


@dataclass(frozen=True)
class Outcome:
    """What became of one learner's submission; `reason` says why it was not graded, empty if it was."""

    student: str
    reason: str = ""


def submitters(course: Course, lesson: str) -> list[str]:
    """The learners who have handed in something for `lesson`, in order."""
    folder = course.root / "submitted"
    found = [path.parent.name for path in folder.glob(f"*/{lesson}")] if folder.is_dir() else []
    return sorted(name for name in found if not name.startswith("."))


def grade(
    course: Course, lesson: str, students: list[str] | None = None, workers: int | None = None, progress: bool = True
) -> list[Outcome]:
    """Grade the submissions of `lesson`: marks go to the gradebook, graded notebooks to ``autograded/``.

    Args:
        course: the course.
        lesson: such as ``"03_freeze_base"``.
        students: learners to grade; None for all who have handed in.
        workers: processes at once; None for as many as there are cores.
        progress: whether to show a progress bar.

    Raises:
        CourseError: no such lesson or learner, nothing handed in, or notebooks/ is out of date.
    """
    course.lesson(lesson)
    names = _chosen(course, lesson, students)
    if workers is not None and workers < 1:
        raise CourseError(f"--workers is {workers}: take 1 or more.")
    prepare(course, lesson)
    limit = float(course.config.Execute.get("notebook_timeout", 900)) + SPARE_SECONDS
    with _one_thread(), _Pool(limit) as pool, ThreadPoolExecutor(workers or os.cpu_count() or 1) as threads:
        jobs = [threads.submit(_grade_one, pool, course, lesson, name) for name in names]
        return sorted(_collected(jobs, progress), key=lambda outcome: outcome.student)


def prepare(course: Course, lesson: str) -> None:
    """Bring the gradebook up to date with the master, and make the secret: once, before several processes need them.

    Raises:
        CourseError: what was released is not what the master gives.
    """
    with TemporaryDirectory() as folder:
        generate(course, lesson, Path(folder), database=True)
        fresh = notebooks.path_of("", lesson, Path(folder))
        released = notebooks.path_of("notebooks", lesson, course.root)
        if not released.is_file() or released.read_bytes() != fresh.read_bytes():
            raise CourseError(f"notebooks/{lesson} is not what source/{lesson} gives: run `python -m helpers build` first.")
    hidden.seed(lesson)


def _chosen(course: Course, lesson: str, students: list[str] | None) -> list[str]:
    there = submitters(course, lesson)
    if not there:
        remedy = f"put notebooks into submitted/<learner>/{lesson}/, or run nbgrader collect"
        raise CourseError(f"Nobody has handed in {lesson}: {remedy}.")
    missing = sorted(set(students or []) - set(there))
    if missing:
        raise CourseError(f"{', '.join(missing)} handed in nothing for {lesson}: those who did are {', '.join(there)}.")
    return sorted(set(students)) if students else there


def _grade_one(pool: _Pool, course: Course, lesson: str, student: str) -> Outcome:
    """Grade one learner; whatever goes wrong is theirs alone, and leaves a 0 with a reason instead of an old mark."""
    root = str(course.root)
    if UNUSABLE & set(student) or student != student.strip():
        return Outcome(student, "not graded: nbgrader cannot read such a folder name, rename it (letters, digits, - and _)")
    reason = pool.run(worker.grade_one, root, lesson, student)
    if reason.startswith(_Pool.FAILED):
        pool.run(worker.refuse_one, root, lesson, student, reason)
    return Outcome(student, reason)


def _collected(jobs: list[Future], progress: bool) -> Iterator[Outcome]:
    from tqdm import tqdm

    with tqdm(total=len(jobs), unit="learner", desc="grading", disable=not progress) as bar:
        for job in as_completed(jobs):
            outcome = job.result()
            bar.set_postfix_str(outcome.student)
            bar.update()
            yield outcome


class _Pool:
    """A process for each calling thread. A dead or endless one is replaced and costs only the job it had."""

    FAILED = "grading failed"

    def __init__(self, limit: float):
        self.limit = limit
        self.mine = local()
        self.all: list[ProcessPoolExecutor] = []

    def run(self, job: Callable[..., str | None], *arguments: str) -> str:
        """The job's result, or a sentence that begins with `FAILED`."""
        if not hasattr(self.mine, "executor"):
            self.mine.executor = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
            self.all.append(self.mine.executor)
            self.mine.pid = self.mine.executor.submit(os.getpid).result()
        try:
            return self.mine.executor.submit(job, *arguments).result(self.limit) or ""
        except TimeoutError:
            self._replace()
            return f"{self.FAILED}: it took more than {self.limit:.0f} seconds in all"
        except BrokenProcessPool:
            self._replace()
            return f"{self.FAILED}: the grading process was ended from outside or ran out of memory"
        except Exception as error:
            return f"{self.FAILED}: {type(error).__name__}: {str(error)[:200]}"

    def _replace(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(self.mine.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        self.mine.executor.shutdown(wait=False)
        del self.mine.executor

    def __enter__(self) -> _Pool:
        return self

    def __exit__(self, *_: object) -> None:
        for executor in self.all:
            executor.shutdown(wait=False)


@contextmanager
def _one_thread() -> Iterator[None]:
    """One torch thread for every process started inside; set before they start, since torch reads it on import."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
