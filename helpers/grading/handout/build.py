"""Masters -> ``notebooks/`` (by nbgrader's own converter) and ``solutions/``; and the check that both are up to date."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path

from nbformat import NotebookNode
from nbgrader.converters import GenerateAssignment
from traitlets.config import Config

from helpers.course.errors import CourseError
from helpers.grading.nbgrader_course import Course, quiet_converters
from helpers.notebooks.master_faults import faults, lint
from helpers.notebooks.masters import MARKERS, WRITTEN, canonical, every, path_of, read, solution, text

FOLDERS = ("notebooks", "solutions")


def build(course: Course) -> list[str]:
    """Write all student and solution versions; returns the names of the lessons.

    Masters are rewritten in their canonical form first (no outputs, sorted keys, our metadata), so an
    author may edit them in Jupyter or formgrader and commit no noise. Files in the two folders that no
    master gives are left alone here; `differences` names them.

    Raises:
        CourseError: a master is not well formed; names each problem.
    """
    masters = every(course.root)
    problems = _look(masters, faults)
    if problems:
        raise CourseError("\n".join(["the masters need a correction first:", *problems]))
    for name, master in masters.items():
        _write(path_of("source", name, course.root), text(canonical(master)).encode())
    for path, content in _fresh(course, masters):
        _write(course.root / path, content)
    return list(masters)


def differences(course: Course) -> list[str]:
    """What `build` would change or complain of, one sentence each; empty if all is up to date."""
    masters = every(course.root)
    problems = _look(masters, faults)
    if problems:
        return problems
    problems = _look(masters, lint)
    for name, master in masters.items():
        if path_of("source", name, course.root).read_text(encoding="utf-8") != text(canonical(master)):
            problems.append(f"source/{name}/{name}.ipynb is not in canonical form")
    expected = dict(_fresh(course, masters))
    for path, content in expected.items():
        problems += _file_problems(course.root / path, path, content)
    for folder in FOLDERS:
        found = {path.relative_to(course.root) for path in (course.root / folder).rglob("*") if path.is_file()}
        extra = {path for path in found - set(expected) if not of_a_reader(path)}
        problems += [f"{path.as_posix()} comes from no master" for path in sorted(extra)]
    return problems


def of_a_reader(path: Path) -> bool:
    """Whether a file in a lesson's folder comes from working in it, in Jupyter or by a cell of the lesson."""
    return any(fnmatch(part, pattern) for part in path.parts for pattern in (".ipynb_checkpoints", *WRITTEN))


def _file_problems(path: Path, shown: Path, content: bytes) -> Iterator[str]:
    """What is wrong with one generated file, read from disk and not from what it should be."""
    if not path.is_file():
        yield f"{shown.as_posix()} is missing"
        return
    if path.read_bytes() != content:
        yield f"{shown.as_posix()} is not what its master gives"
    found = path.read_bytes().decode("utf-8", "replace")
    yield from (f'{shown.as_posix()} holds the marker "{marker}"' for marker in MARKERS if marker in found)
    if "helpers.grading" in found:
        yield f"{shown.as_posix()} holds a hidden test"
    if '"output_type"' in found:
        yield f"{shown.as_posix()} holds outputs"


def _look(masters: dict[str, NotebookNode], look: Callable[[NotebookNode, str], list[str]]) -> list[str]:
    """What `look` says of all masters."""
    return [problem for name, master in masters.items() for problem in look(master, name)]


def _fresh(course: Course, masters: dict[str, NotebookNode]) -> Iterator[tuple[Path, bytes]]:
    """(path in the course, content) of every file that these masters give."""
    with tempfile.TemporaryDirectory() as folder:
        students = Path(folder) / "notebooks"
        for name in masters:
            generate(course, name, students, database=False)
        for path in sorted(students.rglob("*")):
            if path.is_file():
                yield Path("notebooks") / path.relative_to(students), path.read_bytes()
    for name, master in masters.items():
        yield path_of("solutions", name, Path()), text(solution(master)).encode()


def generate(course: Course, lesson: str, target: Path, *, database: bool) -> None:
    """Have nbgrader write the student version of `lesson` under `target`, and its cells into the gradebook if wanted.

    Raises:
        CourseError: nbgrader refused; ends with its own words.
    """
    # The masters are copied so that nbgrader reads their canonical form, whatever is on disk.
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        original = path_of("source", lesson, course.root)
        shutil.copytree(original.parent, source / lesson, ignore=shutil.ignore_patterns(".*", "__pycache__", *WRITTEN))
        _write(source / lesson / original.name, text(canonical(read(original))).encode())
        directory = course.directory(assignment_id=lesson, source_directory=str(source), release_directory=str(target))
        converter = GenerateAssignment(coursedir=directory, config=course.config)
        converter.force, converter.no_database = True, not database
        if not database:  # so nobody looks at the notebook until its last step: there it is validated, and what comes twice comes
            converter.update_config(Config(Exporter={"optimistic_validation": True}))
            steps = [step for step in converter.preprocessors if getattr(step, "__name__", step) != "SaveCells"]
            converter.preprocessors = [step for place, step in enumerate(steps, 1) if step not in steps[place:]]
        log = course.root / ".course" / "log" / f"generate_{lesson}.log"
        with quiet_converters(log):
            try:
                converter.start()
            except Exception as error:
                raise CourseError(f"nbgrader could not convert {lesson} ({error}): see {log}.") from None


def restore(course: Course, lesson: str) -> None:
    """Write a lesson's student version where there is none any more: ``nbgrader generate_assignment --force`` deletes it, and may
    refuse only then.

    Raises:
        CourseError: nbgrader refused; ends with its own words.
    """
    if not path_of("notebooks", lesson, course.root).is_file():
        for path, content in _fresh(course, {lesson: read(path_of("source", lesson, course.root))}):
            if path.parts[0] == "notebooks":
                _write(course.root / path, content)


def _write(path: Path, content: bytes) -> None:
    """Write only where something changes, so that a second build touches nothing."""
    if not path.is_file() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
