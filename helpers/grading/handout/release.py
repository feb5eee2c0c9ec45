"""What learners are handed for one lesson: a zip that works offline from its own folder, or nbgrader's exchange."""

import posixpath
import re
import shutil
import tempfile
import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import helpers
from helpers.course import originals, variants
from helpers.course.errors import CourseError
from helpers.grading.handout.build import differences, of_a_reader, restore
from helpers.grading.nbgrader_course import Course, quiet_converters
from helpers.notebooks import masters, released
from helpers.notebooks.links import plain_where_missing

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can hold: equal content gives an equal file
COPIED = ("pyproject.toml", "requirements.txt")  # beside course.toml, helpers/ and the notebook
READING = (
    "docs/training-results.md",
    "docs/strategies.md",
    "docs/pitfalls.md",
    "docs/glossary.md",
    "docs/other-libraries.md",
    "docs/stages.svg",
)  # what lessons link to, and the start page's picture

README = """# {title}

One folder for the whole term: unpack the zip of each week in the same place. It adds that week's lesson here; your notebooks
of other weeks, your progress and `.venv` stay as they are. A zip that comes again replaces its lesson: move yours aside first.

1. Once, in this folder, with Python 3.11 or later:

       python -m venv .venv
       .venv/bin/python -m pip install -r requirements.txt      (Windows: .venv\\Scripts\\python)

2. Each time:

       .venv/bin/python -m helpers lab

3. To see where you stand, without Jupyter:

       .venv/bin/python -m helpers check {notebook}

Hand in the file `{notebook}` under the name it has. Keep the cells that
say "Locked" as they are: the originals are used for marks in any case.
"""


def release(course: Course, lesson: str, to: str = "zip", show_solutions: bool = False) -> Path:
    """Make what learners get for `lesson`; returns the zip, or the folder in the exchange.

    Raises:
        CourseError: no such lesson, notebooks/ is out of date, or nbgrader refused.
    """
    course.lesson(lesson)
    restore(course, lesson)
    stale = [line for line in differences(course) if line.startswith(f"notebooks/{lesson}/")]
    if stale:
        raise CourseError("\n".join(["run `python -m helpers build` first:", *stale]))
    return _zip(course, lesson, show_solutions) if to == "zip" else _exchange(course, lesson)


def _zip(course: Course, lesson: str, show_solutions: bool) -> Path:
    target = course.root / "handout" / f"{lesson}.zip"
    target.parent.mkdir(exist_ok=True)
    beside = {path.stem for path in target.parent.glob("*.zip")}  # handed out before
    files = contents(course, lesson, show_solutions, beside)  # all of it, before the former one is written over
    folder = course.directory().course_id  # one for all lessons
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(f"{folder}/{name}", EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return target


def contents(course: Course, lesson: str, show_solutions: bool = False, beside: Collection[str] = ()) -> dict[str, bytes]:
    """Path in the handout -> content. An allow-list: what is not named here is not handed out.

    The quiz's questions go out without their key and their explanations, unless solutions are to be shown. Links to what is
    neither in the handout nor one of the lessons `beside` it, handed out before, are plain words.
    """
    files = {name: (course.root / name).read_bytes() for name in (*COPIED, *READING) if (course.root / name).is_file()}
    files["course.toml"] = _settings(course, show_solutions)
    student = f"notebooks/{lesson}"
    for path in sorted((course.root / student).rglob("*")):
        if path.is_file() and not of_a_reader(path):
            files[path.relative_to(course.root).as_posix()] = path.read_bytes()
    package = Path(helpers.__file__).resolve().parent
    for path in sorted(package.rglob("*")):
        name = path.relative_to(package)
        if path.is_file() and name.parts[0] != "grading" and "__pycache__" not in name.parts:
            files[f"helpers/{name.as_posix()}"] = path.read_bytes()
    if not show_solutions:
        from helpers.checks.quiz import questions  # imports torch

        name = f"helpers/{questions.PATH.relative_to(package).as_posix()}"
        files[name] = questions.without_key(files[name].decode("utf-8")).encode("utf-8")
    # What a learner's notebook is compared with, also where it came from the exchange: so those of all lessons.
    for name, master in masters.every(course.root).items():
        made = masters.text(released.of_master(master)).encode()
        files[f"helpers/{originals.COPIES.relative_to(package).as_posix()}/{name}.ipynb"] = made
    notebook = f"{student}/{lesson}.ipynb"
    others = {masters.path_of("notebooks", name, Path()).as_posix() for name in beside}
    for name in [name for name in files if name.endswith(".md") or (name.startswith("notebooks/") and name.endswith(".ipynb"))]:
        files[name] = _with_links_that_lead_somewhere(name, files[name], {*files, *others, "README.md"})
    files["README.md"] = README.format(title=lesson[3:].replace("_", " ").capitalize(), notebook=notebook).encode()
    return files


def _with_links_that_lead_somewhere(name: str, content: bytes, known: Collection[str]) -> bytes:
    """A page or a notebook of the handout: a link to a file that is not `known` is plain words."""

    def there(address: str) -> bool:
        return posixpath.normpath(posixpath.join(posixpath.dirname(name), address)) in known

    if name.endswith(".md"):
        return plain_where_missing(content.decode("utf-8"), there).encode("utf-8")
    notebook = masters.nbformat.reads(content.decode("utf-8"), as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = plain_where_missing(cell.source, there)
    released.stamp(notebook)
    return masters.text(notebook).encode("utf-8")


def _settings(course: Course, show_solutions: bool) -> bytes:
    """The course's settings without a learner's name, and with answers switched off unless the instructor wants them shown."""
    content = (course.root / "course.toml").read_text(encoding="utf-8")
    content = variants.LINE.sub('learner = ""', content)
    return re.sub(r"(?m)^show_solutions\s*=\s*\w+", f"show_solutions = {str(show_solutions).lower()}", content).encode()


def _exchange(course: Course, lesson: str) -> Path:
    """Have nbgrader put the lesson into its exchange; where it cannot, what was there before stays."""
    from nbgrader.exchange import ExchangeFactory

    directory = course.directory(assignment_id=lesson)
    directory.ignore = [*directory.ignore, *masters.WRITTEN]  # the instructor's own; what learners hand in is not ignored
    exchange = ExchangeFactory(config=course.config)
    log = course.root / ".course" / "log" / f"release_{lesson}.log"
    target = Path(course.config.Exchange.root) / directory.course_id / "outbound" / lesson
    with quiet_converters(log), _kept(target):
        try:
            exchange.ReleaseAssignment(coursedir=directory, force=True, config=course.config).start()
        except (Exception, SystemExit) as error:
            raise CourseError(f"nbgrader could not release {lesson} ({error}): see {log}.") from None
    return target


@contextmanager
def _kept(folder: Path) -> Iterator[None]:
    """Put `folder` back as it was if what is done inside fails: nbgrader deletes the former release before it knows that."""
    with tempfile.TemporaryDirectory() as aside:
        copy = Path(aside, "former")
        if folder.is_dir():
            shutil.copytree(folder, copy)
        try:
            yield
        except BaseException:
            if copy.is_dir():
                shutil.rmtree(folder, ignore_errors=True)
                shutil.copytree(copy, folder)
            raise
