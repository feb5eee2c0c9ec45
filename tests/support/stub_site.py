"""The real course as a web site, with stub outputs in one lesson: nothing is run."""

import shutil
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_output

from helpers.course.lessons import lessons
from helpers.notebooks import masters
from helpers.upkeep.site import build
from tests.support.small_course import REPOSITORY, once

LESSON = "03_freeze_base"
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PICTURE = f'<img alt="a picture of nothing" src="data:image/png;base64,{PNG}">'


def solved(html: str = PICTURE) -> NotebookNode:
    """A lesson's solution; its first cell shows `html`."""
    notebook = masters.read(masters.path_of("solutions", LESSON, REPOSITORY))
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    first.outputs = [new_output("display_data", data={"text/html": html, "image/png": PNG, "text/plain": "words"})]
    return notebook


def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the site, built once in a test run."""
    return once(tmp_path_factory, "stub_site", _make) / "built"


def _make(folder: Path) -> None:
    folder.mkdir()
    course = lessons(REPOSITORY)
    build.make(REPOSITORY, folder, course, {lesson.name: solved() if lesson.name == LESSON else None for lesson in course})
    shutil.rmtree(folder / "pages")
