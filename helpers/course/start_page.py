"""The start page, ``START.md``: the lessons with minutes and progress, and where to go on."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from helpers.course import originals, settings

PAGE = "START.md"
FOLDERS = ("notebooks", "source")  # what learners open; masters stand in before the first build
MINUTES = re.compile(r"\*\*Minutes:\*\*\s*(\d+)")
TITLE = re.compile(r"^#\s+(?:\d+\s*·\s*)?(.+)$", re.MULTILINE)

INTRODUCTION = """\
# Fine-tuning pre-trained models

A model that knows a thousand things learns ten new ones: first its final layer alone, then its last blocks as well.
"""
PICTURE = "docs/pipeline.svg"  # not among what a class is handed: shown only where it is
PICTURE_LINE = f"![The six stages, from the pre-trained model to the fine-tuned one]({PICTURE})"
ALL_RIGHT = "**All checks are right. Well done.**"
NO_LESSONS = "*There are no lessons yet: run `python -m helpers build`.*"
HOW_TO = """\
## How a lesson works

Run a cell with **Shift + Enter**. Each task has a cell for your answer and a check below it: the check says in words what is
right and what is not yet. `checks.<task>.hint()` gives a hint.

*The circles fill as your checks come out right. To see them filled, reload this page in the browser.*
"""


@dataclass(frozen=True)
class Lesson:
    """What the start page and the README say of a lesson, read from its notebook.

    Attributes:
        name: the folder's name, such as ``"03_freeze_base"``.
        title: the first heading without its number.
        minutes: planned for a learner, as the first cell says; None if it does not.
        exercises: the ``grade_id`` of each answer cell, in order.
    """

    name: str
    title: str
    minutes: int | None
    exercises: tuple[str, ...]

    @property
    def number(self) -> str:
        """The two digits the name starts with."""
        return self.name.split("_")[0]

    @property
    def path(self) -> str:
        """The learner's notebook, relative to the course's folder."""
        return f"notebooks/{self.name}/{self.name}.ipynb"


def lessons(root: Path | None = None) -> list[Lesson]:
    """All lessons in order. A notebook that cannot be read is left out: the page must open all the same."""
    root = root or settings.root()
    folder = next((root / name for name in FOLDERS if any((root / name).glob("[0-9][0-9]_*/*.ipynb"))), root / FOLDERS[0])
    paths = sorted(path / f"{path.name}.ipynb" for path in folder.glob("[0-9][0-9]_*"))
    made = originals.paths(root)
    return [lesson for path in paths if (lesson := _read(path, made.get(path.stem, path))) is not None]


def _read(path: Path, original: Path) -> Lesson | None:
    """What is said of a lesson. Its exercises are those that were handed out, whatever a learner's copy has become."""
    try:
        _, cells = (json.loads(file.read_text(encoding="utf-8-sig"))["cells"] for file in (path, original))
        first = "".join(cells[0]["source"])
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return None
    title, minutes = TITLE.search(first), MINUTES.search(first)
    graded = [cell.get("metadata", {}).get("nbgrader", {}) for cell in cells]
    return Lesson(
        name=path.parent.name,
        title=title[1].strip() if title else path.parent.name,
        minutes=int(minutes[1]) if minutes else None,
        # What is marked by hand has no check that could come out right.
        exercises=tuple(dict.fromkeys(cell["grade_id"] for cell in graded if cell.get("solution") and not cell.get("grade"))),
    )


def render(known: Mapping[str, Mapping[str, str]], root: Path | None = None) -> str:
    """The start page as Markdown; `known` is lesson name -> exercise name -> status, see `helpers.course.progress.load`."""
    root = root or settings.root()
    course = lessons(root)
    rows = ["| | Lesson | Minutes | Checks that came out right |", "|---|:---|---:|:---|"]
    following = ""
    for lesson in course:
        statuses = [known.get(lesson.name, {}).get(name) for name in lesson.exercises]
        # A quiz answer of a class is noted and no more: what the learner can do is done.
        right, noted = statuses.count("right"), statuses.count("noted")
        link, bar = f"[{lesson.title}]({lesson.path})", _bar(right, noted, len(lesson.exercises))
        rows.append(f"| {lesson.number} | {link} | {lesson.minutes or ''} | {bar} |")
        if not following and right + noted < len(lesson.exercises):
            verb = "Go on with" if known else "Start with"
            following = f"**{verb} [{lesson.number} · {lesson.title}]({lesson.path})**"
    following = following or (ALL_RIGHT if course else NO_LESSONS)
    picture = [PICTURE_LINE, ""] if (root / PICTURE).is_file() else []
    return "\n".join([INTRODUCTION, following, "", *rows, "", HOW_TO, *picture])


def _bar(right: int, noted: int, total: int) -> str:
    """Progress as signs and words: filled circles, half ones for what is noted, empty ones, then the counts."""
    if not total:
        return ""
    circles = "●" * right + "◐" * noted + "○" * (total - right - noted)
    words = f"{right} of {total}" if not noted else f"{noted} of {total} noted" + (f", {right} right" if right else "")
    return f"{circles} {words}{' · done' if right + noted == total else ''}"


def write(known: Mapping[str, Mapping[str, str]], root: Path | None = None) -> Path:
    """Write the start page for what is `known` (see `render`) if it changed; returns its path."""
    path = (root or settings.root()) / PAGE
    text = render(known, root)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    return path
