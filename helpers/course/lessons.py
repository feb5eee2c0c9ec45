"""What a lesson's notebook says of itself: title, minutes, words, exercises. Read as JSON: pages must open without nbformat."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from helpers.course import originals, settings
from helpers.course.one_line import heading

FOLDERS = ("notebooks", "source")  # what learners open; masters stand in before the first build
MINUTES = re.compile(r"\*\*Minutes:\*\*\s*(\d+)")
TITLE = re.compile(r"^#\s+(?:\d+\s*·\s*)?(.+)$", re.MULTILINE)
HEADING = re.compile(r"^###\s+(.+?)\s*$", re.MULTILINE)  # of an exercise
DONE = frozenset({"right", "noted"})  # a quiz answer of a class is noted and no more: what the learner can do is done
LEVEL = re.compile(r"^\*(?:easy|medium|hard) · (\d+) minutes?\*$", re.MULTILINE)  # stands under an exercise's heading
WORD = re.compile(r"\w[\w'’.-]*")
# How the minutes of a lesson are planned: slow readers of a technical text in a language that may not be theirs, a look at
# each output, what each exercise says, and the waiting of a first run.
WORDS_A_MINUTE, SECONDS_A_CELL = 150, 20


@dataclass(frozen=True)
class Lesson:
    """What the start page and the README say of a lesson, read from its notebook.

    Attributes:
        name: the folder's name, such as ``"03_freeze_base"``.
        title: the first heading without its number.
        minutes: planned for a learner, as the first cell says; None if it does not.
        exercises: the ``grade_id`` of each answer cell, in order.
        places: for each of them the heading of its task, of a quiz question its number, and the id of the cell before it.
        words: in its text cells.
        cells: code cells to run and to look at, answers and locked tests left out.
        exercise_minutes: the sum of what its exercises say of themselves.
    """

    name: str
    title: str
    minutes: int | None
    exercises: tuple[str, ...] = ()
    places: tuple[tuple[str, str], ...] = ()
    words: int = 0
    cells: int = 0
    exercise_minutes: int = 0

    @property
    def number(self) -> str:
        """The two digits the name starts with."""
        return self.name.split("_")[0]

    @property
    def path(self) -> str:
        """The learner's notebook, relative to the course's folder."""
        return f"notebooks/{self.name}/{self.name}.ipynb"

    def place(self, exercise: str) -> tuple[str, str]:
        """What an exercise is called, and where JupyterLab finds its task; the lesson itself where nobody knows."""
        title, cell = self.places[self.exercises.index(exercise)]
        return title, f"{self.path}#cell-id={cell}" if cell else self.path

    def least_minutes(self, waiting: float = 0.0) -> int:
        """What reading, running, doing the exercises and `waiting` seconds come to: `minutes` may be more, and not less."""
        return math.ceil(self.words / WORDS_A_MINUTE + (self.cells * SECONDS_A_CELL + waiting) / 60 + self.exercise_minutes)


def lessons(root: Path | None = None) -> list[Lesson]:
    """All lessons in order. A notebook that cannot be read is left out: the page must open all the same."""
    root = root or settings.root()
    folder = next((root / name for name in FOLDERS if any((root / name).glob("[0-9][0-9]_*/*.ipynb"))), root / FOLDERS[0])
    paths = sorted(path / f"{path.name}.ipynb" for path in folder.glob("[0-9][0-9]_*"))
    made = originals.paths(root)
    return [lesson for path in paths if (lesson := _read(path, made.get(path.stem, path))) is not None]


def unfinished(course: list[Lesson], known: Mapping[str, Mapping[str, str]]) -> Lesson | None:
    """Where to go on: the first lesson with something left to do that does not lie before the furthest one touched.

    Who is further on has left out on purpose what is unfinished before that. None where all is done.

    Args:
        course: all lessons, in order.
        known: lesson name -> exercise name -> status.
    """
    left, furthest = [], ""
    for lesson in course:
        statuses = [known.get(lesson.name, {}).get(name) for name in lesson.exercises]
        furthest = lesson.name if any(statuses) else furthest
        left += [lesson] if sum(status in DONE for status in statuses) < len(statuses) else []
    return next((lesson for lesson in left if lesson.name >= furthest), left[0] if left else None)


def hours(minutes: float) -> str:
    """Minutes as people say them: ``"45 minutes"``, ``"7 h 10"``."""
    whole = round(minutes)
    return f"{whole} minutes" if whole < 60 else f"{whole // 60} h" + (f" {whole % 60:02d}" if whole % 60 else "")


def _read(path: Path, original: Path) -> Lesson | None:
    """What is said of a lesson: by what was handed out, whatever a learner's copy has become."""
    try:
        _, cells = (json.loads(file.read_text(encoding="utf-8-sig"))["cells"] for file in (path, original))
        sources = ["".join(cell["source"]) for cell in cells]
        kinds = [cell["cell_type"] for cell in cells]
        graded = [cell.get("metadata", {}).get("nbgrader", {}) for cell in cells]
        first = sources[0]
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError):
        return None
    above, before, exercises = "", "", {}
    for cell, source, info in zip(cells, sources, graded, strict=True):
        found = HEADING.findall(source) if cell["cell_type"] == "markdown" else []
        above = heading(found[-1]) if found else above
        if info.get("solution") and not info.get("grade"):  # what is marked by hand has no check that could come out right
            exercises.setdefault(info["grade_id"], (above or f"Question {len(exercises) + 1}", before))
            above = ""
        before = cell.get("id", "")
    title, minutes = TITLE.search(first), MINUTES.search(first)
    text = "\n".join(source for kind, source in zip(kinds, sources, strict=True) if kind == "markdown")
    return Lesson(
        name=path.parent.name,
        title=title[1].strip() if title else path.parent.name,
        minutes=int(minutes[1]) if minutes else None,
        exercises=tuple(exercises),
        places=tuple(exercises.values()),
        words=len(WORD.findall(text)),
        cells=sum(kind == "code" and not info for kind, info in zip(kinds, graded, strict=True)),
        exercise_minutes=sum(map(int, LEVEL.findall(text))),
    )
