"""``python -m helpers site``: solved lessons and documents as pages that any browser opens, from disk or from a server."""

import io
import shutil
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from importlib.util import find_spec
from pathlib import Path

from nbformat import NotebookNode

from helpers.course import settings
from helpers.course.errors import CourseError
from helpers.course.lessons import Lesson, lessons
from helpers.upkeep.site import links, outputs, pages

FOLDER = "site"  # ignored by git
NEEDS = ("sphinx", "myst_nb", "furo")


def run(target: Path | None = None, *, quick: bool = False) -> Path:
    """Build the site and follow all its links; returns its first page.

    Args:
        target: where to; what a former build put there goes. Default: ``site/`` in the course.
        quick: run nothing: lessons of which there are no outputs of today's say so, and show none.

    Raises:
        CourseError: a lesson does not run, a link leads nowhere, or Sphinx is not installed. The former site stays then.
    """
    if not all(map(find_spec, NEEDS)):
        raise CourseError('The site needs Sphinx: `python -m pip install -e ".[site]"`.')
    root = settings.root()
    target = target or root / FOLDER
    if target.exists() and not (target / "searchindex.js").is_file() and any(target.iterdir()):
        raise CourseError(f"{target} holds something else than a site: name another folder.")
    course = lessons(root)
    solved = {lesson.name: _solved(lesson, root, quick) for lesson in course}
    with tempfile.TemporaryDirectory(prefix="site-") as folder:
        built = make(root, Path(folder).resolve(), course, solved)
        if target.exists():
            shutil.rmtree(target)
        shutil.copytree(built, target)
    return target / "index.html"


def make(root: Path, folder: Path, course: list[Lesson], solved: dict[str, NotebookNode | None]) -> Path:
    """Build the pages in an empty `folder`, and follow their links; returns the folder of the site.

    Raises:
        CourseError: Sphinx warns, or a link leads nowhere; a line for each.
    """
    source, built = folder / "pages", folder / "built"
    source.mkdir()
    pages.write(root, source, course, solved)
    said = _sphinx(source, built)
    for lesson in course:
        for name, text in outputs.written(solved[lesson.name]).items():
            (built / lesson.path).with_name(name).write_text(text, encoding="utf-8")
    faults = [line.replace(f"{source}/", "") for line in said] or links.broken(built)
    if faults:
        raise CourseError("\n".join(["The site is not built, since this is wrong with its pages:", *faults]))
    return built


def _solved(lesson: Lesson, root: Path, quick: bool) -> NotebookNode | None:
    found = outputs.kept(lesson.name, root)
    if found is None and quick:
        print(f"{lesson.name}: without outputs, since it has not been run as it is now")
    elif found is None:
        print(f"{lesson.name}: running ...", flush=True)
        found = outputs.run(lesson.name, root)
    return found


def _sphinx(source: Path, built: Path) -> list[str]:
    """Run Sphinx; its warnings, a line each.

    Raises:
        CourseError: it fails, in its own words.
    """
    from sphinx.cmd.build import build_main

    said, heard = io.StringIO(), io.StringIO()
    with redirect_stderr(heard), redirect_stdout(said):
        status = build_main(["-q", "--keep-going", "-d", str(built.parent / "trees"), str(source), str(built)])
    lines = [line for line in heard.getvalue().splitlines() if line.strip()]
    if status:
        raise CourseError("\n".join(["Sphinx could not build the site:", *lines]))
    shutil.rmtree(built / ".doctrees", ignore_errors=True)
    return lines
