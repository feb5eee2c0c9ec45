"""All that examining one submission takes, and what comes of it, as plain data that travels between processes."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from nbformat import NotebookNode

from helpers.notebooks.run_cells import RunLimits


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
        notes: what was noticed while it was taken in.
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
    notes: tuple[str, ...] = ()
    limits: RunLimits = field(default_factory=RunLimits)
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
        starved: whether it ran out of time while it had less than half of a processor: others may have had the rest.
    """

    student: str
    notebook: str
    refused: str = ""
    seconds: float = 0.0
    starved: bool = False


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


def number(job: Job) -> int:
    """From what this notebook's own random numbers start: of the submitted file alone, since the notebook can read it."""
    return int.from_bytes(hashlib.sha256(b"numbers\0" + (job.content or b"")).digest()[:4], "big")


def fingerprint(job: Job) -> str:
    """Equal for equal work to be graded in the same way: a run that finds it in a graded notebook need not grade it again."""
    settings = (job.refused, job.notes, job.limits, job.whole)
    parts = [job.release, json.dumps(dict(job.tests), sort_keys=True), job.secret, repr(settings), job.settings]
    digest = hashlib.sha256("\0".join(parts).encode())
    digest.update(job.content or b"")
    for name, content in sorted(job.files.items()):
        digest.update(name.encode() + b"\0" + content)
    return digest.hexdigest()
