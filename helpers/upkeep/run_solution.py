"""Run a lesson's solution from top to bottom, apart from the reader's own notebooks and progress."""

import os
import time
from pathlib import Path
from subprocess import DEVNULL

import nbformat
from nbformat import NotebookNode

from helpers.course import machine, settings
from helpers.course.errors import CourseError

LIMIT_SECONDS = 1800  # one cell; far above what any lesson may take


def run(path: Path, root: Path, folder: Path, **env: str) -> tuple[NotebookNode, float]:
    """The notebook with its outputs, and the wall seconds from its first cell to its last, kernel start left out.

    Args:
        path: the notebook.
        root: the course, whose settings hold.
        folder: an empty one, where cells write what they write.
        env: more of the kernel's environment.

    Raises:
        CourseError: a cell raises, or does not end.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError

    notebook = nbformat.read(path, as_version=4)
    (folder / settings.FILE).write_bytes((root / settings.FILE).read_bytes())
    known = {**machine.FOR_KERNELS, **os.environ, "JUPYTER_PREFER_ENV_PATH": "1", **env}
    client = NotebookClient(notebook, timeout=LIMIT_SECONDS, resources={"metadata": {"path": str(folder)}})
    try:
        # What the kernel says on the terminal itself is about sockets.
        with client.setup_kernel(env=known, stderr=DEVNULL):
            start = time.perf_counter()
            for index, cell in enumerate(notebook.cells):
                client.execute_cell(cell, index)
            return notebook, time.perf_counter() - start
    except (CellExecutionError, CellTimeoutError) as error:
        raise CourseError(f"{path} does not run ({str(error).strip().splitlines()[-1]}): correct its master.") from None
