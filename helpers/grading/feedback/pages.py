"""The feedback pages of a class, made beside this process, each within limits of time and memory.

What takes long or much is one learner's text, so it costs that learner's page and nobody else's: who has none is named, and gets
a plain one with marks and reasons.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from glob import escape
from importlib import import_module
from multiprocessing import connection
from pathlib import Path
from time import monotonic

import psutil
from nbgrader.converters import GenerateFeedback

from helpers.course.errors import CourseError
from helpers.course.one_line import one_line
from helpers.grading.classroom import forkserver
from helpers.grading.feedback import plain_page
from helpers.grading.gradebook import marks, spelling
from helpers.grading.judging.trace_note import TRACE_MIME
from helpers.grading.nbgrader_course import Course, quiet_converters
from helpers.notebooks import masters

# What a page needs, imported once for all of them where processes are forked; the last two where it has a trace.
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
    # This process has imported what pages need: fork it, unless it has threads, which a fork would not take over.
    alone = forkserver.METHOD == "forkserver" and psutil.Process().num_threads() == 1
    method = "fork" if alone else forkserver.METHOD
    needed = NEEDED if any(_has_trace(course, lesson, student) for student in students) else NEEDED[:2]
    if alone:
        for name in needed:
            import_module(name)
        _make_ready(course, lesson)
    else:
        forkserver.start(*needed)
    waiting, makers = list(reversed(students)), []
    try:
        while waiting or makers:
            while waiting and len(makers) < (os.cpu_count() or 1):
                makers.append(_Maker(method, course, lesson, limits))
                makers[-1].begin(waiting.pop())
            ready = connection.wait([maker.line for maker in makers], timeout=1)
            for maker in list(makers):
                if maker.line not in ready and monotonic() < maker.ends:
                    continue
                if why := maker.why_failed():
                    yield maker.student, why
                if waiting and maker.process.is_alive():
                    maker.begin(waiting.pop())
                else:
                    maker.end()
                    makers.remove(maker)
    finally:
        for maker in makers:
            maker.end()


def _make_ready(course: Course, lesson: str) -> None:
    """Make HTML of what was released, so that those who are forked have most of it; no learner's text is looked at here."""
    from helpers.grading.feedback.one_page import cells_as_html

    with suppress(CourseError):
        cells_as_html(masters.read(masters.path_of("notebooks", lesson, course.root)))


def _has_trace(course: Course, lesson: str, student: str) -> bool:
    path = course.folder("autograded", student, lesson) / f"{lesson}.ipynb"
    return TRACE_MIME.encode() in path.read_bytes()


class _Maker:
    """A process that makes pages in turn, each within the limits: templates are read once, and who breaks it gets another."""

    def __init__(self, method: str, course: Course, lesson: str, limits: PageLimits):
        context, self.limits = multiprocessing.get_context(method), limits
        self.line, theirs = context.Pipe()
        self.process = context.Process(target=_make_pages, args=(theirs, course, lesson, limits), daemon=True)
        self.process.start()
        theirs.close()

    def begin(self, student: str) -> None:
        """Have it make this learner's page. One that has just ended is found out by `why_failed`."""
        self.student, self.ends = student, monotonic() + self.limits.wall
        with suppress(OSError):
            self.line.send(student)

    def why_failed(self) -> str:
        """Empty if the page has been made. To be asked when the line has something, or when its time is over."""
        try:
            if self.line.poll():
                return "" if self.line.recv() else "the page could not be made"
            self.end()
            return _why(None, self.limits)
        except (EOFError, OSError):
            self.process.join()
            return _why(self.process.exitcode, self.limits)

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.line.close()


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


def _make_pages(line: connection.Connection, course: Course, lesson: str, limits: PageLimits) -> None:
    """In a process of its own: make the pages of the learners that come by the line; whether each was made goes back."""
    with suppress(EOFError):
        while True:
            student = line.recv()
            _limit(limits)
            line.send(_make(course, lesson, student))


def _make(course: Course, lesson: str, student: str) -> bool:
    try:
        os.chdir(course.root)
        with quiet_converters(_log(course, lesson, student)):
            directory = course.directory(assignment_id=lesson, student_id=escape(student))
            converter = _Making(coursedir=directory, config=course.config)
            converter.force = True
            converter.start()
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except (Exception, SystemExit):  # nbgrader's log has it
        return False
    return True


def _limit(limits: PageLimits) -> None:
    """Hold this process to them from here on, where the system can (Linux, macOS)."""
    try:
        import resource
    except ImportError:
        return
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    used = resource.getrusage(resource.RUSAGE_SELF)
    wanted = {resource.RLIMIT_CPU: int(used.ru_utime + used.ru_stime) + limits.seconds}
    if sys.platform == "linux":
        wanted[resource.RLIMIT_AS] = psutil.Process().memory_info().vms + limits.memory_mb * 1_000_000
    for kind, value in wanted.items():
        most = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (value if most == resource.RLIM_INFINITY else min(value, most), most))
