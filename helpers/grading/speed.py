"""How fast a class is graded: `python -m helpers grade` beside stock ``nbgrader autograde``, on the same submissions."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from helpers import notebooks, settings
from helpers.errors import CourseError
from helpers.grading import building, classroom, engine, marks
from helpers.grading.course import CONFIG, Course
from helpers.grading.isolation import isolation

LESSONS = ("03_freeze_base", "04_train_head")
# The settings that stock nbgrader cannot do without, and a limit that no honest cell reaches.
STOCK = """c = get_config()
c.CourseDirectory.root = {root!r}
c.CourseDirectory.course_id = "stock"
c.Execute.timeout = 300
"""


@dataclass(frozen=True)
class Race:
    """Wall seconds for one lesson's submissions.

    Attributes:
        lesson, submissions: what was graded.
        stock, ours: seconds, start-up included.
        same: whether all marks agree.
    """

    lesson: str
    submissions: int
    stock: float
    ours: float
    same: bool

    def __str__(self) -> str:
        seconds = f"stock {self.stock:.0f} s, ours {self.ours:.0f} s: {self.stock / self.ours:.1f} x"
        return f"{self.lesson}: {self.submissions} submissions, {seconds}, {'same' if self.same else 'DIFFERENT'} marks"


def run(count: int, lessons: tuple[str, ...] = LESSONS) -> list[Race]:
    """Grade `count` submissions a lesson in both ways and print how long each took.

    The submissions are the course's own answers, every third with the last answer not attempted. Works in a folder of its own.
    Either way begins with a gradebook that knows the lessons. Of ours the first lesson's time includes the start of the workers,
    as with ``python -m helpers grade LESSON LESSON``.

    Raises:
        CourseError: stock nbgrader failed; shows its last words.
    """
    print(f"{os.cpu_count()} cores. {isolation()}", flush=True)
    races = []
    with tempfile.TemporaryDirectory(prefix="speed-") as folder:
        ours = _course(Path(folder, "ours"), lessons, count)
        stock = _stock_course(Path(folder, "stock"), ours, lessons)
        for lesson in lessons:
            classroom.prepare(ours, lesson)
        with engine.Workers() as workers:
            seconds = {lesson: _seconds(lambda lesson=lesson: _grade(ours, lesson, workers)) for lesson in lessons}
        for lesson in lessons:
            theirs = _seconds(lambda lesson=lesson: _nbgrader(stock.root, "autograde", lesson))
            here, there = _marks(ours, lesson), _marks(stock, lesson)
            races.append(Race(lesson, count, theirs, seconds[lesson], here == there))
            for student in sorted(here):
                if here[student] != there.get(student):
                    print(f"{student}: {here[student]}, stock {there.get(student)}")
            print(races[-1], flush=True)
    counts, theirs, own = ([getattr(race, name) for race in races] for name in ("submissions", "stock", "ours"))
    print(Race("together", sum(counts), sum(theirs), sum(own), all(race.same for race in races)))
    return races


def _grade(course: Course, lesson: str, workers: engine.Workers) -> None:
    classroom.grade(course, lesson, options=classroom.Options(progress=False), workers=workers)


def _seconds(work: Callable[[], None]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def _course(root: Path, lessons: tuple[str, ...], count: int) -> Course:
    """A course with these lessons and their submissions."""
    origin = settings.root()
    root.mkdir(parents=True)
    for name in (settings.FILE, CONFIG):
        shutil.copy(origin / name, root)
    for lesson in lessons:
        shutil.copytree(origin / "source" / lesson, root / "source" / lesson, ignore=shutil.ignore_patterns(".*"))
    course = Course.here(root)
    building.build(course)
    for lesson in lessons:
        _hand_in(root, lesson, count)
    return course


def _hand_in(root: Path, lesson: str, count: int) -> None:
    solved = notebooks.read(notebooks.path_of("solutions", lesson, root))
    released = notebooks.read(notebooks.path_of("notebooks", lesson, root))
    stubs = {cell.id: cell.source for cell in released.cells if cell.metadata.get("nbgrader", {}).get("solution")}
    last = list(stubs)[-1]
    for number in range(count):
        notebook = notebooks.nbformat.from_dict(solved)
        for cell in notebook.cells:
            if cell.id == last and number % 3 == 2:
                cell.source = stubs[last]
        target = notebooks.path_of(f"submitted/learner-{number:03}", lesson, root)
        target.parent.mkdir(parents=True)
        target.write_text(notebooks.text(notebook), encoding="utf-8")


def _stock_course(root: Path, course: Course, lessons: tuple[str, ...]) -> Course:
    """The same masters and submissions, with settings of stock nbgrader's own."""
    root.mkdir()
    shutil.copy(course.root / settings.FILE, root)
    for name in ("source", "submitted"):
        shutil.copytree(course.root / name, root / name)
    (root / CONFIG).write_text(STOCK.format(root=str(root)), encoding="utf-8")
    for lesson in lessons:
        _nbgrader(root, "generate_assignment", lesson)
    return Course.here(root)


def _nbgrader(root: Path, command: str, lesson: str) -> None:
    programs = Path(sys.executable).parent
    env = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"}
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", command, lesson], cwd=root, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CourseError(f"nbgrader {command} stopped: {' '.join(done.stderr.splitlines()[-3:])}")


def _marks(course: Course, lesson: str) -> dict[str, dict[str, float]]:
    return {entry.student: dict(entry.points) for entry in marks.marks(course, lesson)}
