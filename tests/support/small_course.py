"""A course in small for the tests of the instructor's line: one lesson, plain Python, kernels that start in a second."""

import atexit
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable
from contextlib import chdir
from pathlib import Path
from unittest import mock

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from helpers.course import machine, settings
from helpers.grading.classroom import grade, warm_cache, workers
from helpers.grading.gradebook import marks
from helpers.grading.handout import build
from helpers.grading.judging import examine
from helpers.grading.judging.job import Job
from helpers.grading.nbgrader_course import Course
from helpers.grading.sandbox import forked_kernels
from helpers.grading.sandbox.box import Box
from helpers.grading.sandbox.isolation import isolation
from helpers.notebooks import masters

REPOSITORY = Path(__file__).resolve().parents[2]
LESSON = "01_small"
FULL = 6.0

DOUBLE = '''def double(x: float) -> float:
    """Twice x."""
    ### BEGIN SOLUTION
    twice = x + x
    return twice
    ### END SOLUTION'''
TEST_DOUBLE = """# Locked: 4 points, one for each number.
numbers = [1, 2]
### BEGIN HIDDEN TESTS
from helpers.grading import hidden
numbers = [1, 2, -3, hidden.seed("double")]
### END HIDDEN TESTS
4 * sum(double(n) == 2 * n for n in numbers) / len(numbers)"""
COLOUR = """colour = None  # the colour of the sky
### BEGIN SOLUTION
colour = "blue"
### END SOLUTION"""
TEST_COLOUR = """# Locked: 2 points.
print("the sky is", colour)
mark = 2.0 if colour == "blue" else 0.0
### BEGIN HIDDEN TESTS
mark = 2.0 if str(colour).strip() == "blue" else 0.0
### END HIDDEN TESTS
mark"""
RIGHT = {"double": "def double(x):\n    return 2 * x", "colour": 'colour = "blue"'}


def master() -> nbformat.NotebookNode:
    """The master of the small lesson."""
    cells = [
        _text("intro", "# 01 · Small\n\n**Minutes:** 5"),
        _code("numbers", "base = 10", shown=True),
        _text("task-double", "Write `double`."),
        _code("double", DOUBLE, solution=True),
        _code("check-double", "double(2)", shown=True),
        _code("test_double", TEST_DOUBLE, points=4),
        _text("task-colour", "Name the colour of the sky."),
        _code("colour", COLOUR, solution=True),
        _code("check-colour", "colour", shown=True),
        _code("test_colour", TEST_COLOUR, points=2),
        _text("done", "You can double a number."),
    ]
    return masters.canonical(new_notebook(cells=cells))


def _text(name: str, source: str) -> nbformat.NotebookNode:
    return new_markdown_cell(source, id=name)


def _code(name: str, source: str, *, solution: bool = False, points: int = 0, shown: bool = False) -> nbformat.NotebookNode:
    cell = new_code_cell(source, id=name, metadata={"tags": [masters.SHOWN]} if shown else {})
    if solution or points:
        info = {"grade": bool(points), "grade_id": name, "locked": bool(points), "schema_version": 3, "solution": solution}
        cell.metadata["nbgrader"] = {**info, "task": False, **({"points": points} if points else {})}
    return cell


def make(root: Path, *, cell_seconds: int = 6, notebook_seconds: int = 25) -> Course:
    """A built course in `root`, with short limits."""
    root.mkdir(parents=True, exist_ok=True)
    shutil.copy(REPOSITORY / "course.toml", root)
    config = (REPOSITORY / "nbgrader_config.py").read_text(encoding="utf-8")
    seconds = {"timeout": cell_seconds, "notebook_timeout": notebook_seconds, "iopub_timeout": 3}
    limits = "".join(f"\nc.Execute.{name} = {value}" for name, value in seconds.items())
    (root / "nbgrader_config.py").write_text(f"{config}{limits}\n", encoding="utf-8")
    path = masters.path_of("source", LESSON, root)
    path.parent.mkdir(parents=True)
    path.write_text(masters.text(master()), encoding="utf-8", newline="\n")
    course = Course.here(root)
    build.build(course)
    return course


def whole(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """The real lessons in a course of their own, built once in a test run. Tests may add to it; they change nothing in it."""
    return Course.here(once(tmp_path_factory, "whole", lambda root: real(root, masters.lessons(REPOSITORY))))


def real(root: Path, lessons: Iterable[str]) -> None:
    """A built course of some of the real lessons in `root`."""
    root.mkdir(parents=True)
    for name in ("course.toml", "nbgrader_config.py", "pyproject.toml", "requirements.txt"):
        shutil.copy(REPOSITORY / name, root)
    for lesson in lessons:
        target = masters.path_of("source", lesson, root)
        target.parent.mkdir(parents=True)
        shutil.copy(masters.path_of("source", lesson, REPOSITORY), target)
    build.build(Course.here(root))


def answered(course: Course, answers: dict[str, str]) -> nbformat.NotebookNode:
    """The released notebook with the given sources in its answer cells."""
    notebook = masters.read(masters.path_of("notebooks", LESSON, course.root))
    for cell in notebook.cells:
        cell.source = answers.get(cell.id, cell.source)
    return notebook


def few_images(folder: Path, **numbers: int) -> None:
    """Put a course.toml into `folder` with 60 images a split, or with `numbers`: cells run in a fraction of the time."""
    text = (REPOSITORY / settings.FILE).read_text(encoding="utf-8")
    for name, number in ({"num_train": 60, "num_val": 60, "num_test": 60} | numbers).items():
        text = re.sub(rf"(?m)^{name} = \d+", f"{name} = {number}", text)
    (folder / settings.FILE).write_text(text, encoding="utf-8")


def hand_in(course: Course, student: str, notebook: nbformat.NotebookNode | str | bytes) -> Path:
    """Put a notebook, or raw content, where nbgrader expects the learner's submission."""
    path = masters.path_of(f"submitted/{student}", LESSON, course.root)
    path.parent.mkdir(parents=True, exist_ok=True)
    content = notebook if isinstance(notebook, str | bytes) else nbformat.writes(notebook)
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def grade_here(course: Course, students: list[str] | None = None, lesson: str = LESSON, **options: bool) -> list[grade.Graded]:
    """Grade as `classroom.grade` does, but in this very process: without workers, which take seconds to start."""
    # A worker takes on its course's folder and its learner's name: both are put back.
    with pytest.MonkeyPatch.context() as patch, mock.patch.dict(os.environ), chdir("."):
        patch.setattr(workers.Workers, "crew", lambda *_: None)
        patch.setattr(workers, "compute_ahead", _compute_ahead)
        patch.setattr(examine, "_box", _box)
        patch.setattr(workers, "examined", lambda _, jobs: ((job, examine.examine(job)) for job in jobs))
        return grade.grade(course, lesson, students, grade.Options(progress=False, **options))


def _compute_ahead(_: object, root: str, release: str, whole: bool, __: bool) -> None:
    warm_cache.compute(root, warm_cache.pieces(release, whole))


def _box(job: Job) -> Box:
    """One box for all courses whose boxes would be alike."""
    root, here = Path(job.root), settings.common()
    key = (
        (root / settings.FILE).read_bytes(), forked_kernels._import_much(root), job.require_box,
        here.profile, here.cache_folder, machine.torch_hub_folder(),
    )  # fmt: skip
    if key not in _boxes:
        if len(_boxes) == MOST_BOXES:
            _boxes.pop(next(iter(_boxes))).close()
        _boxes[key] = Box(root, isolation(job.require_box)).__enter__()
        atexit.register(_boxes[key].close)
    return _boxes[key]


MOST_BOXES = 2
_boxes: dict[tuple, Box] = {}


def shared(name: str, make_it: Callable[[Path], object]) -> Callable[..., Course]:
    """A fixture: the course that `make_it` puts into a folder, once in a test run."""

    @pytest.fixture(scope="module")
    def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
        return Course.here(once(tmp_path_factory, name, make_it))

    return course


def entry(course: Course, student: str, lesson: str = LESSON) -> marks.Marks:
    """The one learner's marks for the lesson."""
    [found] = marks.marks(course, lesson, [student])
    return found


def once(tmp_path_factory: pytest.TempPathFactory, name: str, make_it: Callable[[Path], object]) -> Path:
    """A folder that `make_it` fills once in a test run, also where several test processes want it."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / name
    done, failed = folder.with_suffix(".done"), folder.with_suffix(".failed")
    try:
        folder.with_suffix(".lock").mkdir()
    except FileExistsError:
        while not done.exists():
            assert not failed.exists(), f"{name} could not be made by another test process"
            time.sleep(0.2)
        return folder
    try:
        make_it(folder)
    except BaseException:
        failed.touch()
        raise
    done.touch()
    return folder
