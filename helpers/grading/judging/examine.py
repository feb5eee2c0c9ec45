"""One submission examined: read with care, its answers put into the released notebook, run and judged. Knows no gradebook.

A `Job` holds all that it takes, as plain data, so that it can be done in any process on any machine that has the course; what
comes back, an `Examined`, is plain data as well.
"""

from __future__ import annotations

import atexit
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from threading import Lock
from time import perf_counter
from typing import TYPE_CHECKING

import nbformat
import psutil
from nbformat import NotebookNode

from helpers.course.one_line import one_line
from helpers.course.variants import LEARNER
from helpers.grading.judging.job import Examined, Job, number, seed
from helpers.grading.submission.inert import make_inert
from helpers.notebooks import masters
from helpers.notebooks.handed_in import KEY, Refused, parse
from helpers.notebooks.shown_cells import skipped_cells
from helpers.notebooks.transplant import notes_of, transplant
from helpers.notebooks.verdicts import OVER_TIME

if TYPE_CHECKING:
    from helpers.grading.sandbox.box import Box

UNSEEN = {"HungUp", "Unusable"}  # an exercise whose judge had to go without a sight of what the answer does

FULL_SHARE = 0.5  # of a processor, while a notebook runs: one that computes without end, and has it to itself, has nearly all
# As `helpers.notebooks.run_cells` says it, and `helpers.grading.judging.judged_run` of a kernel that was too slow to connect.
OUT_OF_TIME = ("was stopped after", "had used up its", "nobody came to answer")

_boxes: dict[tuple[str, bool], Box] = {}
_at_work = Lock()


def examine(job: Job) -> Examined:
    """Examine one submission. Never raises on anything that a learner can hand in."""
    began = perf_counter()
    release = nbformat.reads(job.release, as_version=4)
    try:
        if job.refused or job.content is None:
            raise Refused(job.refused)
        submitted = parse(job.content, f"{job.lesson}.ipynb")
    except Refused as reason:
        why = one_line(reason)
        notes_of(release)[:] = [why, *map(one_line, job.notes)]
        release.metadata[KEY]["refused"] = why
        return Examined(job.student, masters.text(release), why)
    graded = transplant(release, submitted)
    notes_of(graded).extend(job.notes)
    with _at_work:
        starved = _run(graded, job)
    graded.metadata[KEY]["seconds"] = round(perf_counter() - began, 2)
    return Examined(job.student, masters.text(graded), "", perf_counter() - began, starved)


def _run(graded: NotebookNode, job: Job) -> bool:
    """Run and judge the notebook in place, and note what ended early; whether that may be for want of a processor."""
    from helpers.grading.judging.judged_run import run_judged  # imports torch

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
        skipped = set() if job.whole else skipped_cells(graded)
        box = _box(job)
        box.variables = own
        began, used = perf_counter(), _processor_seconds(box)
        said = run_judged(box, graded, dict(job.tests), Path(folder), job.limits, skipped, number(job))
        share = (_processor_seconds(box) - used) / (perf_counter() - began)
    graded.metadata[KEY]["skipped"] = len(skipped)
    for place, cell in enumerate(graded.cells, start=1):
        kinds = {OVER_TIME} | (UNSEEN if cell.id in job.tests else set())
        ended = [output.evalue for output in cell.get("outputs", []) if output.get("ename") in kinds]
        notes_of(graded).extend(f"cell {place} ({cell.id}): {words}" for words in ended)
    notes_of(graded).extend(said)
    make_inert(graded)
    return share < FULL_SHARE and any(sign in note for note in notes_of(graded) for sign in OUT_OF_TIME)


def _processor_seconds(box: Box) -> float:
    """What the box's processes have used so far, those that have ended included where the system tells (Linux)."""
    used = 0.0
    for process in box.processes():
        with suppress(psutil.Error):
            times = process.cpu_times()
            used += times.user + times.system + getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return used


def _box(job: Job) -> Box:
    """This process's box for the job's course: made at first use, in the thread that all jobs of a worker run in."""
    from helpers.grading.sandbox.box import Box
    from helpers.grading.sandbox.isolation import isolation

    key = (job.root, job.require_box)
    if key not in _boxes:
        end_boxes()
        _boxes[key] = Box(Path(job.root), isolation(job.require_box)).__enter__()
        atexit.register(_boxes[key].close)
    return _boxes[key]


def close_boxes() -> None:
    """End this process's box, unless a job of another grading is just running in it; the next job makes a new one."""
    if _at_work.acquire(blocking=False):
        try:
            end_boxes()
        finally:
            _at_work.release()


def end_boxes() -> None:
    """End this process's box, whatever runs in it."""
    while _boxes:
        _boxes.popitem()[1].close()
