"""One submission examined: read with care, its answers put into the released notebook, run and judged. Knows no gradebook.

A `Job` holds all that it takes, as plain data, so that it can be done in any process on any machine that has the course; what
comes back, an `Examined`, is plain data as well.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from time import perf_counter
from typing import TYPE_CHECKING

import nbformat
from nbformat import NotebookNode

from helpers import notebooks
from helpers.grading.needed import idle_cells
from helpers.grading.preflight import Refused, parse
from helpers.grading.transplant import KEY, notes_of, transplant
from helpers.variants import LEARNER
from helpers.verdicts import OVER_TIME

if TYPE_CHECKING:
    from helpers.grading.box import Box


UNSEEN = {"HungUp", "Unusable"}  # an exercise whose judge had to go without a sight of what the answer does

_boxes: dict[tuple[str, bool], Box] = {}
_at_work = Lock()


@dataclass(frozen=True)
class Limits:
    """What one submission may use.

    Attributes:
        cell: seconds for one cell.
        notebook: seconds for all cells together.
        output: bytes of output kept of one cell.
        stop: seconds that a cell has to stop when it is told to.
    """

    cell: int = 120
    notebook: int = 600
    output: int = 1_000_000
    stop: int = 10


@dataclass(frozen=True)
class Job:
    """What it takes to examine one submission.

    Attributes:
        root: the course's folder, as the examining machine sees it.
        lesson, student: whose work on what.
        release: the released notebook.
        tests: cell id -> source of the master's test cell, hidden part included.
        secret: the course's secret; hidden problems are drawn from it and from the submitted notebook, see `seed`.
        content: the submitted notebook; None if it was refused before it was read.
        refused: why, in words; empty otherwise.
        files: what was handed in beside it: name -> content.
        limits: what it may use.
        require_box: refuse to run anything where there is no sandbox.
        whole: run the cells that no mark depends on as well.
        settings: what marks may depend on of the course's settings, as text.
    """

    root: str
    lesson: str
    student: str
    release: str
    tests: Mapping[str, str]
    secret: str
    content: bytes | None = None
    refused: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)
    limits: Limits = Limits()
    require_box: bool = False
    whole: bool = False
    settings: str = ""


@dataclass(frozen=True)
class Examined:
    """What came of it.

    Attributes:
        student: whose work.
        notebook: the released notebook with the learner's answers and all outputs; notes are in its metadata.
        refused: why the file was not graded, in words; empty if it was.
        seconds: wall time of the run.
    """

    student: str
    notebook: str
    refused: str = ""
    seconds: float = 0.0


def examine(job: Job) -> Examined:
    """Examine one submission. Never raises on anything that a learner can hand in."""
    began = perf_counter()
    release = nbformat.reads(job.release, as_version=4)
    try:
        if job.refused or job.content is None:
            raise Refused(job.refused)
        submitted = parse(job.content, f"{job.lesson}.ipynb")
    except Refused as reason:
        notes_of(release)[:] = [str(reason)]
        release.metadata[KEY]["refused"] = str(reason)
        return Examined(job.student, notebooks.text(release), str(reason))
    graded = transplant(release, submitted)
    with _at_work:
        _run(graded, job)
    graded.metadata[KEY]["seconds"] = round(perf_counter() - began, 2)
    return Examined(job.student, notebooks.text(graded), "", perf_counter() - began)


def _run(graded: NotebookNode, job: Job) -> None:
    """Run and judge the notebook in place, and note what ended early."""
    from helpers.grading.judging import run_judged

    own = {LEARNER: job.student}  # whose variant of the course: the same for the judge and in the box
    graded.metadata[KEY]["seed"] = seed(job)
    os.environ.update(own, FINETUNE_SECRET=seed(job), NBGRADER_EXECUTION="autograde")
    if Path(job.root).is_dir():
        os.chdir(job.root)  # the judge reads this course's settings
    with tempfile.TemporaryDirectory(prefix="side-") as folder:
        for name, content in job.files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        idle = set() if job.whole else idle_cells(graded, job.tests, _own(graded))
        box = _box(job)
        box.variables = own
        trouble = run_judged(box, graded, dict(job.tests), Path(folder), job.limits, idle)
    graded.metadata[KEY]["idle"] = len(idle)
    for number, cell in enumerate(graded.cells, start=1):
        kinds = {OVER_TIME} | (UNSEEN if cell.id in job.tests else set())
        said = [output.evalue for output in cell.get("outputs", []) if output.get("ename") in kinds]
        notes_of(graded).extend(f"cell {number} ({cell.id}): {words}" for words in said)
    if trouble:
        notes_of(graded).append(trouble)


def _own(graded: NotebookNode) -> set[str]:
    """Ids of the cells with the learner's own source: the answers, and what `transplant` added."""
    answers = {cell.id for cell in graded.cells if cell.metadata.get("nbgrader", {}).get("solution")}
    return answers | set(graded.metadata[KEY].get("extra", ()))


def _box(job: Job) -> Box:
    """This process's box for the job's course: made at first use, in the thread that all jobs of a worker run in."""
    from helpers.grading.box import Box, isolation

    key = (job.root, job.require_box)
    if key not in _boxes:
        _close()
        _boxes[key] = Box(Path(job.root), isolation(job.require_box)).__enter__()
        atexit.register(_boxes[key].close)
    return _boxes[key]


def close_boxes() -> None:
    """End this process's box, unless a job of another grading is just running in it; the next job makes a new one."""
    if _at_work.acquire(blocking=False):
        try:
            _close()
        finally:
            _at_work.release()


def _close() -> None:
    while _boxes:
        _boxes.popitem()[1].close()


def tests_of(master: NotebookNode) -> dict[str, str]:
    """Cell id -> source of each test cell of a master, hidden part included."""
    return {
        cell.id: cell.source
        for cell in master.cells
        if cell.cell_type == "code"
        and cell.metadata.get("nbgrader", {}).get("grade")
        and not cell.metadata.nbgrader.get("solution")
    }


def seed(job: Job) -> str:
    """What this submission's hidden problems are drawn from, noted in the graded notebook. Stock nbgrader poses the same ones
    with it as FINETUNE_SECRET.

    A new version of the work meets new problems, so nothing can be learned from a verdict about the next ones; the same file
    meets the same ones at every grading.
    """
    return hashlib.sha256(job.secret.encode() + b"\0" + (job.content or b"")).hexdigest()[:32]


def fingerprint(job: Job) -> str:
    """Equal for equal work to be graded in the same way: a run that finds it in a graded notebook need not grade it again."""
    settings = (job.refused, job.limits, job.whole)
    parts = [job.release, json.dumps(dict(job.tests), sort_keys=True), job.secret, repr(settings), job.settings]
    digest = hashlib.sha256("\0".join(parts).encode())
    digest.update(job.content or b"")
    for name, content in sorted(job.files.items()):
        digest.update(name.encode() + b"\0" + content)
    return digest.hexdigest()
