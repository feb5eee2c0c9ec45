"""The feedback pages of a class, each made in a process of its own within limits of time and memory.

What takes long or much is one learner's text, so it costs that learner's page and nobody else's: who has none is named, and gets
a plain one with marks and reasons.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from glob import escape
from multiprocessing import connection
from pathlib import Path
from time import monotonic

from nbgrader.converters import GenerateFeedback

from helpers.course.errors import CourseError
from helpers.course.one_line import one_line
from helpers.grading.classroom import forkserver
from helpers.grading.feedback import plain_page
from helpers.grading.gradebook import marks, spelling
from helpers.grading.nbgrader_course import Course, quiet_converters

# What a page needs, imported once for all of them where processes are forked.
NEEDED = ("helpers.grading.feedback.pages", "helpers.grading.feedback.one_page", "helpers.plots.trace", "PIL.Image")
OUT_OF_MEMORY = 77  # the exit code of a process that has used up its memory


@dataclass(frozen=True)
class PageLimits:
    """What making one page may use.

    Attributes:
        seconds: processor time.
        wall: seconds in all, for one that waits.
        memory_mb: MB (10^6 bytes) on top of what the process begins with.
    """

    seconds: int = 40
    wall: int = 400
    memory_mb: int = 1500


@dataclass
class Pages:
    """What became of a class's pages.

    Attributes:
        paths: the pages, in order.
        plain: learner -> why the page is a plain one, or why there is none.
    """

    paths: list[Path] = field(default_factory=list)
    plain: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return "\n".join(["Feedback pages:", *(f"  {one_line(path)}" for path in self.paths), *self.to_look_at()])

    def to_look_at(self) -> list[str]:
        """Who has a plain page or none, a line each."""
        lines = [f"  {one_line(student)}: {why}" for student, why in self.plain.items()]
        return ["", "To look at:", *lines] if lines else []


def feedback(course: Course, lesson: str, *students: str, limits: PageLimits = PageLimits()) -> Pages:
    """Write the pages of one lesson, all or those of some learners, to ``feedback/``.

    Raises:
        CourseError: nothing has been graded.
    """
    graded = sorted(path.parts[-3] for path in (course.root / "autograded").glob(f"*/{lesson}/{lesson}.ipynb"))
    graded = [name for name in graded if not students or name in {spelling.one(student) for student in students}]
    if not graded:
        raise CourseError(f"There is nothing graded for {lesson}: run `python -m helpers grade {lesson}` first.")
    made = Pages()
    failed = dict(_failed(course, lesson, graded, limits))
    entries = {entry.student: entry for entry in marks.marks(course, lesson, [*failed])} if failed else {}
    for name, why in sorted(failed.items()):
        try:
            plain_page.write(course, lesson, entries[name], why)
            log = _log(course, lesson, name).relative_to(course.root)
            made.plain[name] = f"{why}, so it has marks and reasons alone; nbgrader's messages are in {one_line(log)}"
        except (KeyError, OSError, CourseError) as error:
            made.plain[name] = f"{why}, and there is no plain page either ({type(error).__name__})"
    places = [course.folder("feedback", name, lesson) / f"{lesson}.html" for name in graded]
    made.paths = [path for path in places if path.is_file()]
    return made


def _failed(course: Course, lesson: str, students: list[str], limits: PageLimits) -> Iterator[tuple[str, str]]:
    """Make the pages, as many at once as there are cores; gives (learner, why) of those that could not be made."""
    forkserver.start(*NEEDED)
    context = multiprocessing.get_context(forkserver.METHOD)
    waiting, running = list(reversed(students)), {}
    try:
        while waiting or running:
            while waiting and len(running) < (os.cpu_count() or 1):
                student = waiting.pop()
                process = context.Process(target=_make, args=(course, lesson, student, limits), daemon=True)
                process.start()
                running[process.sentinel] = (process, student, monotonic() + limits.wall)
            ended = connection.wait(list(running), timeout=1)
            for sentinel, (process, student, ends) in list(running.items()):
                if sentinel not in ended and monotonic() < ends:
                    continue
                process.kill()
                process.join()
                del running[sentinel]
                code = process.exitcode if sentinel in ended else None
                if code != 0:
                    yield student, _why(code, limits)
    finally:
        for process, *_ in running.values():
            process.kill()


def _why(code: int | None, limits: PageLimits) -> str:
    """What a process's exit code says, in words for the learner; None is one that had to be ended."""
    known = {
        None: f"making the page took more than {limits.wall} s",
        OUT_OF_MEMORY: f"making the page took more than {limits.memory_mb} MB of memory",
        -int(getattr(signal, "SIGXCPU", 0)): f"making the page took more than {limits.seconds} s of processor time",
    }
    return known.get(code, "the page could not be made")


def _log(course: Course, lesson: str, student: str) -> Path:
    return course.root / ".course" / "log" / lesson / "feedback" / f"{student}.log"


class _Making(GenerateFeedback):
    """nbgrader's converter, which itself would take used up memory for any error."""

    def convert_single_notebook(self, notebook_filename: str) -> None:
        try:
            super().convert_single_notebook(notebook_filename)
        except MemoryError:
            os._exit(OUT_OF_MEMORY)


def _make(course: Course, lesson: str, student: str, limits: PageLimits) -> None:
    """One page, in a process of its own. Ends it with an exit code other than 0 if it cannot be made."""
    try:
        _limit(limits)
        os.chdir(course.root)
        with quiet_converters(_log(course, lesson, student)):
            directory = course.directory(assignment_id=lesson, student_id=escape(student))
            converter = _Making(coursedir=directory, config=course.config)
            converter.force = True
            converter.start()
    except Exception:  # nbgrader's log has it
        sys.exit(1)


def _limit(limits: PageLimits) -> None:
    """Hold this process to them where the system can (Linux, macOS)."""
    try:
        import resource
    except ImportError:
        return
    import psutil

    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + limits.seconds
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    if sys.platform == "linux":
        memory = psutil.Process().memory_info().vms + limits.memory_mb * 1_000_000
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
