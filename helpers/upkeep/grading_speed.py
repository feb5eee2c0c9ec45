"""How fast a class is graded: `python -m helpers grade` beside stock ``nbgrader autograde``, on the same submissions."""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from helpers.course import settings
from helpers.course.errors import CourseError
from helpers.course.machine import ONE_THREAD
from helpers.grading.gradebook import marks
from helpers.grading.handout import build
from helpers.grading.inside.namespaces import SUBREAPER, prctl
from helpers.grading.nbgrader_course import CONFIG, Course
from helpers.grading.sandbox.isolation import isolation
from helpers.notebooks import masters

LESSONS = ("03_freeze_base", "04_train_head")
# The settings that stock nbgrader cannot do without, and a limit that no honest cell reaches.
STOCK = """c = get_config()
c.CourseDirectory.root = {root!r}
c.CourseDirectory.course_id = "stock"
c.Execute.timeout = 300
"""


@dataclass(frozen=True)
class SpeedComparison:
    """Seconds of commands, their starts included: of the clock, and of all their processes' processors.

    Attributes:
        submissions, stock_submissions: how many ours graded, and how many of these stock nbgrader, of all lessons together.
        stock, stock_cpu: lesson -> seconds of ``nbgrader autograde``.
        ours, ours_cpu: seconds of one ``python -m helpers grade`` for all lessons.
        same: whether the marks of all that both graded agree.
    """

    submissions: int
    stock_submissions: int
    stock: dict[str, float]
    stock_cpu: dict[str, float]
    ours: float
    ours_cpu: float
    same: bool

    @property
    def cpu_each(self) -> tuple[float, float]:
        """Processor seconds of one submission: stock, ours."""
        return sum(self.stock_cpu.values()) / self.stock_submissions, self.ours_cpu / self.submissions

    @property
    def cpu_ratio(self) -> float:
        """How many times as much of a processor the stock command takes."""
        return self.cpu_each[0] / self.cpu_each[1]

    def __str__(self) -> str:
        times = self.submissions / self.stock_submissions
        stock, cpu = (times * sum(seconds.values()) for seconds in (self.stock, self.stock_cpu))
        words = f"{self.submissions} submissions, stock {stock:.0f} s, ours {self.ours:.0f} s: {stock / self.ours:.1f} x"
        words += f"; CPU {cpu:.0f} s and {self.ours_cpu:.0f} s: {self.cpu_ratio:.1f} x"
        words += ", of one submission {:.2f} s and {:.2f} s".format(*self.cpu_each)
        words += f", {'same' if self.same else 'DIFFERENT'} marks"
        if times == 1:
            return words
        return f"{words}. Stock graded {self.stock_submissions} of them: its seconds are those times {times:.3g}"


def run(count: int, lessons: tuple[str, ...] = LESSONS, few: int | None = None) -> SpeedComparison:
    """Grade `count` submissions a lesson in both ways and print how long each took.

    The submissions are the course's own answers, every third with the last answer not attempted, and no two alike: each is posed
    hidden problems of its own. Works in a folder of its own;
    the cache of features is the user's. Ours is timed after stock nbgrader's first lesson, neither first nor last.
    Both have one thread a process.

    Args:
        few: how many of them stock nbgrader grades; None for all. It begins anew with each, so that all take as many times as
            long, but for its own start (2 s of a processor), which is then multiplied as well.

    Raises:
        CourseError: one of the two failed; shows its last words.
    """
    few = min(few or count, count)
    print(f"{os.cpu_count()} cores. {isolation()}", flush=True)
    with tempfile.TemporaryDirectory(prefix="speed-") as folder:
        here = _course(Path(folder, "ours"), lessons, count)
        there = _stock_course(Path(folder, "stock"), here, lessons, few)
        stock, stock_cpu, ours, ours_cpu = {}, {}, 0.0, 0.0
        for lesson in lessons:
            stock[lesson], stock_cpu[lesson] = _seconds(there.root, "nbgrader", "autograde", lesson)
            print(f"{lesson}: {few} submissions, stock {stock[lesson]:.0f} s", flush=True)
            if not ours:
                ours, ours_cpu = _seconds(here.root, "helpers", "grade", *lessons)
                print(f"{', '.join(lessons)}: {count} submissions each, ours {ours:.0f} s", flush=True)
        same = True
        for lesson in lessons:
            our_marks = _marks(here, lesson)
            for student, mark in _marks(there, lesson).items():
                if mark != our_marks.get(student):
                    same = False
                    print(f"{lesson}, {student}: {our_marks.get(student)}, stock {mark}")
    race = SpeedComparison(count * len(lessons), few * len(lessons), stock, stock_cpu, ours, ours_cpu, same)
    print(race)
    return race


def _seconds(root: Path, *command: str) -> tuple[float, float]:
    """(wall, CPU) seconds of a Python module run as a command, and of all processes that it has started (Linux)."""
    prctl(SUBREAPER, 1)  # those that outlive the command become children of this process, which counts them
    began, before = time.monotonic(), used_by_children()
    programs = Path(sys.executable).parent
    env = {**os.environ, **ONE_THREAD, "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"}
    done = subprocess.run([sys.executable, "-m", *command], cwd=root, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CourseError(f"{' '.join(command)} stopped: {' '.join(done.stderr.splitlines()[-3:])}")
    wall = time.monotonic() - began
    return wall, used_by_children() - before


def used_by_children() -> float:
    """Processor seconds of all processes that this one has started and those have, once they have ended: waits for that."""
    with suppress(ChildProcessError):
        while True:
            os.wait()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _course(root: Path, lessons: tuple[str, ...], count: int) -> Course:
    """A course with these lessons and their submissions."""
    origin = settings.root()
    root.mkdir(parents=True)
    for name in (settings.FILE, CONFIG):
        shutil.copy(origin / name, root)
    for lesson in lessons:
        shutil.copytree(origin / "source" / lesson, root / "source" / lesson, ignore=shutil.ignore_patterns(".*"))
    course = Course.here(root)
    build.build(course)
    for lesson in lessons:
        _hand_in(root, lesson, count)
    return course


def _hand_in(root: Path, lesson: str, count: int) -> None:
    solved = masters.read(masters.path_of("solutions", lesson, root))
    released = masters.read(masters.path_of("notebooks", lesson, root))
    stubs = {cell.id: cell.source for cell in released.cells if cell.metadata.get("nbgrader", {}).get("solution")}
    last = list(stubs)[-1]
    for number in range(count):
        notebook = masters.nbformat.from_dict(solved)
        for cell in notebook.cells:
            if cell.id == last and number % 3 == 2:
                cell.source = stubs[last]
            if cell.id in stubs:
                cell.source += f"\n# {number}"
        target = masters.path_of(f"submitted/learner-{number:03}", lesson, root)
        target.parent.mkdir(parents=True)
        target.write_text(masters.text(notebook), encoding="utf-8")


def _stock_course(root: Path, course: Course, lessons: tuple[str, ...], few: int) -> Course:
    """The same masters and the first few submissions, with settings of stock nbgrader's own."""
    root.mkdir()
    shutil.copy(course.root / settings.FILE, root)
    shutil.copytree(course.root / "source", root / "source")
    for folder in sorted((course.root / "submitted").iterdir())[:few]:
        shutil.copytree(folder, root / "submitted" / folder.name)
    (root / CONFIG).write_text(STOCK.format(root=str(root)), encoding="utf-8")
    for lesson in lessons:
        _seconds(root, "nbgrader", "generate_assignment", lesson)
    return Course.here(root)


def _marks(course: Course, lesson: str) -> dict[str, dict[str, float]]:
    return {entry.student: dict(entry.points) for entry in marks.marks(course, lesson)}
