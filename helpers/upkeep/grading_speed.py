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
        submissions: how many were graded, of all lessons together.
        stock, stock_cpu: lesson -> seconds of ``nbgrader autograde``.
        ours, ours_cpu: seconds of one ``python -m helpers grade`` for all lessons.
        same: whether all marks agree.
    """

    submissions: int
    stock: dict[str, float]
    stock_cpu: dict[str, float]
    ours: float
    ours_cpu: float
    same: bool

    @property
    def cpu_ratio(self) -> float:
        """How many times as much of a processor the stock command takes."""
        return sum(self.stock_cpu.values()) / self.ours_cpu

    def __str__(self) -> str:
        stock = sum(self.stock.values())
        seconds = f"stock {stock:.0f} s, ours {self.ours:.0f} s: {stock / self.ours:.1f} x"
        seconds += f"; CPU {sum(self.stock_cpu.values()):.0f} s and {self.ours_cpu:.0f} s: {self.cpu_ratio:.1f} x"
        return f"{self.submissions} submissions, {seconds}, {'same' if self.same else 'DIFFERENT'} marks"


def run(count: int, lessons: tuple[str, ...] = LESSONS) -> SpeedComparison:
    """Grade `count` submissions a lesson in both ways and print how long each took.

    The submissions are the course's own answers, every third with the last answer not attempted, and no two alike: each is posed
    hidden problems of its own. Works in a folder of its own;
    the cache of features is the user's. Ours is timed after stock nbgrader's first lesson, neither first nor last.

    Raises:
        CourseError: one of the two failed; shows its last words.
    """
    print(f"{os.cpu_count()} cores. {isolation()}", flush=True)
    with tempfile.TemporaryDirectory(prefix="speed-") as folder:
        here = _course(Path(folder, "ours"), lessons, count)
        there = _stock_course(Path(folder, "stock"), here, lessons)
        stock, stock_cpu, ours, ours_cpu = {}, {}, 0.0, 0.0
        for lesson in lessons:
            stock[lesson], stock_cpu[lesson] = _seconds(there.root, "nbgrader", "autograde", lesson)
            print(f"{lesson}: {count} submissions, stock {stock[lesson]:.0f} s", flush=True)
            if not ours:
                ours, ours_cpu = _seconds(here.root, "helpers", "grade", *lessons)
                print(f"{', '.join(lessons)}: {count} submissions each, ours {ours:.0f} s", flush=True)
        same = True
        for lesson in lessons:
            our_marks, stock_marks = _marks(here, lesson), _marks(there, lesson)
            same = same and our_marks == stock_marks
            for student, mark in our_marks.items():
                if mark != stock_marks.get(student):
                    print(f"{lesson}, {student}: {mark}, stock {stock_marks.get(student)}")
    race = SpeedComparison(count * len(lessons), stock, stock_cpu, ours, ours_cpu, same)
    print(race)
    return race


def _seconds(root: Path, *command: str) -> tuple[float, float]:
    """(wall, CPU) seconds of a Python module run as a command, and of all processes that it has started (Linux)."""
    prctl(SUBREAPER, 1)  # those that outlive the command become children of this process, which counts them
    began, before = time.monotonic(), used_by_children()
    programs = Path(sys.executable).parent
    env = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"}
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


def _stock_course(root: Path, course: Course, lessons: tuple[str, ...]) -> Course:
    """The same masters and submissions, with settings of stock nbgrader's own."""
    root.mkdir()
    shutil.copy(course.root / settings.FILE, root)
    for name in ("source", "submitted"):
        shutil.copytree(course.root / name, root / name)
    (root / CONFIG).write_text(STOCK.format(root=str(root)), encoding="utf-8")
    for lesson in lessons:
        _seconds(root, "nbgrader", "generate_assignment", lesson)
    return Course.here(root)


def _marks(course: Course, lesson: str) -> dict[str, dict[str, float]]:
    return {entry.student: dict(entry.points) for entry in marks.marks(course, lesson)}
