"""How grading grows with the class: small notebooks, each a short answer and its test, in the sandbox.

What a class of real lessons takes is `helpers.upkeep.grading_speed`'s business. Here it is whether each submission costs the same
in a large class as in a small one, and whether the process that writes marks stays as small as it was (Linux).
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import psutil
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from helpers.course import settings
from helpers.course.errors import CourseError
from helpers.grading.gradebook import marks
from helpers.grading.handout import build
from helpers.grading.inside.namespaces import SUBREAPER, prctl
from helpers.grading.nbgrader_course import CONFIG, Course
from helpers.notebooks import masters
from helpers.upkeep.grading_speed import used_by_children

LESSON, POINTS = "01_small", 4
SIZES = (50, 250, 1000)
STEP_SECONDS = 0.2
ANSWER = "def double(x):\n    ### BEGIN SOLUTION\n    return x + x\n    ### END SOLUTION"
TEST = f"# Locked: {POINTS} points.\n{POINTS} * (double(2) == 4)"


@dataclass(frozen=True)
class ClassSize:
    """One class.

    Attributes:
        submissions: how many there were.
        seconds: of the clock, the start included.
        cpu: processor seconds of all processes, the start included.
        early_mb, late_mb, most_mb: MB (10^6 bytes) of memory of the process that writes marks: when a tenth of the class was
            stored, at the end, and at most.
    """

    submissions: int
    seconds: float
    cpu: float
    early_mb: float
    late_mb: float
    most_mb: float

    def __str__(self) -> str:
        each = f"{self.cpu / self.submissions:.2f} CPU-s each"
        memory = f"memory {self.early_mb:.0f} MB early, {self.late_mb:.0f} late, {self.most_mb:.0f} at most"
        return f"{self.submissions} submissions: {self.seconds:.0f} s, {self.cpu:.0f} CPU-s, {each}; {memory}"


def run(sizes: Iterable[int] = SIZES) -> list[ClassSize]:
    """Grade a class of each size and print what it took.

    Raises:
        CourseError: grading failed, or somebody has another mark than all points.
    """
    found = []
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="sizes-") as folder:
            found.append(_graded(_course(Path(folder), size), size))
        print(found[-1], flush=True)
    return found


def _course(root: Path, size: int) -> Course:
    """A course with the small lesson, and so many who have handed it in, no two alike."""
    for name in (settings.FILE, CONFIG):
        shutil.copy(settings.root() / name, root)
    path = masters.path_of("source", LESSON, root)
    path.parent.mkdir(parents=True)
    path.write_text(masters.text(_master()), encoding="utf-8", newline="\n")
    course = Course.here(root)
    build.build(course)
    solved = masters.read(masters.path_of("solutions", LESSON, root))
    (answer,) = (cell for cell in solved.cells if cell.id == "double")
    source = answer.source
    for number in range(size):
        answer.source = f"{source}\n# {number}"
        target = masters.path_of(f"submitted/learner-{number:05}", LESSON, root)
        target.parent.mkdir(parents=True)
        target.write_text(masters.text(solved), encoding="utf-8")
    return course


def _master():
    info = {"grade_id": "double", "grade": False, "locked": False, "schema_version": 3, "solution": True, "task": False}
    test = {**info, "grade_id": "test_double", "grade": True, "locked": True, "solution": False, "points": POINTS}
    cells = [
        new_markdown_cell("# Small", id="intro"),
        new_code_cell(ANSWER, id="double", metadata={"nbgrader": info}),
        new_code_cell(TEST, id="test_double", metadata={"nbgrader": test}),
    ]
    return masters.canonical(new_notebook(cells=cells))


def _graded(course: Course, size: int) -> ClassSize:
    prctl(SUBREAPER, 1)
    began, before, seen = time.monotonic(), used_by_children(), []
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    grader = subprocess.Popen([sys.executable, "-m", "helpers", "grade", LESSON], cwd=course.root, env=os.environ, **options)
    watcher = Thread(target=_watch, args=(psutil.Process(grader.pid), course.root / "autograded", seen))
    watcher.start()
    said = grader.communicate()[0]
    seconds = time.monotonic() - began
    watcher.join()
    if grader.returncode or [entry.total for entry in marks.marks(course, LESSON)] != [POINTS] * size:
        raise CourseError(f"grading {size} submissions stopped: {' '.join(said.splitlines()[-3:])}")
    early = next(memory for stored, memory in seen if stored >= size / 10)
    memories = [memory for _, memory in seen]
    return ClassSize(size, seconds, used_by_children() - before, early, memories[-1], max(memories))


def _watch(grader: psutil.Process, stored: Path, seen: list[tuple[int, float]]) -> None:
    """Note as long as it runs how many are stored and how much memory it has."""
    try:
        while grader.status() != psutil.STATUS_ZOMBIE:
            memory = grader.memory_info().rss / 1e6
            if memory:
                seen.append((len(os.listdir(stored)) if stored.is_dir() else 0, memory))
            time.sleep(STEP_SECONDS)
    except psutil.NoSuchProcess:
        return
