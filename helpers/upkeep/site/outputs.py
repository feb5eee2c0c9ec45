"""Solutions with their outputs: run once, and kept under ``.course/site/`` for as long as nothing that they come from changes.

Pages that a lesson writes, such as the capstone's report, are kept with its outputs, in the notebook's metadata.
"""

import hashlib
import tempfile
from importlib.metadata import version
from pathlib import Path

import nbformat
from nbformat import NotebookNode

import helpers
from helpers.course import files, settings
from helpers.notebooks import masters
from helpers.upkeep import run_solution

APART = ("grading", "upkeep", "lab_config", "__pycache__")  # parts of helpers/ that no output comes from
WRITTEN = "written"  # below the course's key in the metadata: name of a page -> its text
LIBRARIES = ("torch", "torchvision", "timm", "matplotlib", "ipykernel")


def kept(lesson: str, root: Path) -> NotebookNode | None:
    """The solution with the outputs that it has today; None where it has not been run as it is now."""
    path = _path(lesson, root)
    return nbformat.read(path, as_version=4) if path.is_file() else None


def run(lesson: str, root: Path) -> NotebookNode:
    """Run the solution, and keep it with its outputs in place of former ones.

    Raises:
        CourseError: it does not run.
    """
    path = _path(lesson, root)  # by what is there now: it may change while the lesson runs
    with tempfile.TemporaryDirectory(prefix="site-") as folder:
        notebook, _ = run_solution.run(masters.path_of("solutions", lesson, root), root, Path(folder))
        pages = {page.name: page.read_text(encoding="utf-8") for page in sorted(Path(folder).glob("*.html"))}
    notebook.metadata[masters.FINETUNE] = {WRITTEN: pages}
    path.parent.mkdir(parents=True, exist_ok=True)
    for former in path.parent.glob(f"{lesson}-*.ipynb"):
        former.unlink()
    files.replace(path, nbformat.writes(notebook))
    return notebook


def written(notebook: NotebookNode | None) -> dict[str, str]:
    """Name -> text of the pages that a lesson wrote when it was run."""
    return dict(notebook.metadata.get(masters.FINETUNE, {}).get(WRITTEN, {})) if notebook else {}


def _path(lesson: str, root: Path) -> Path:
    """Where it is kept: the name goes by all that its outputs come from: answers, helpers, settings, libraries."""
    package = Path(helpers.__file__).resolve().parent
    of_helpers = (path for path in package.rglob("*") if path.is_file() and not set(path.relative_to(package).parts) & set(APART))
    digest = hashlib.sha256("\n".join(f"{name} {version(name)}" for name in LIBRARIES).encode())
    for path in (masters.path_of("solutions", lesson, root), root / settings.FILE, *sorted(of_helpers)):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return root / ".course" / "site" / f"{lesson}-{digest.hexdigest()[:16]}.ipynb"
