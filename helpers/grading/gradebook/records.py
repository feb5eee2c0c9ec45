"""What this course remembers of a learning platform, in ``.course/``: Canvas's own numbers, and what was collected of whom.

nbgrader's gradebook has one field for a platform, ``lms_user_id``, and Canvas tells learners apart by three: its column ID is a
number of its own that stands in its files alone, and another number there is nobody, or somebody else.
"""

import csv
import json
import os
from pathlib import Path
from typing import Any

from helpers.course.errors import CourseError

CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")  # the first columns of Canvas's gradebook file
_LEARNER = "learner"
_CANVAS_FILE, _COLLECTED_FILE = "canvas.csv", "collected.json"


def canvas(root: Path) -> dict[str, dict[str, str]]:
    """Learner -> what Canvas's file has in its columns `CANVAS`; empty where nothing is known."""
    path = root / ".course" / _CANVAS_FILE
    if not path.is_file():
        return {}
    with open(path, newline="", encoding="utf-8") as file:
        return {line[_LEARNER]: {name: line[name] or "" for name in CANVAS} for line in csv.DictReader(file)}


def remember_canvas(root: Path, lines: dict[str, dict[str, str]]) -> None:
    """Keep what Canvas says of learners, beside what is known already; an empty field changes nothing."""
    known = canvas(root)
    for learner, line in lines.items():
        known[learner] = {name: line.get(name) or known.get(learner, {}).get(name, "") for name in CANVAS}

    def write(path: Path) -> None:
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, [_LEARNER, *CANVAS])
            writer.writeheader()
            writer.writerows({_LEARNER: learner, **line} for learner, line in sorted(known.items()))

    _replace(root / ".course" / _CANVAS_FILE, write)


def collected(root: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """Lesson -> learner -> what `python -m helpers collect` noted of the file that it put into ``submitted/``.

    Raises:
        CourseError: the record cannot be read.
    """
    path = root / ".course" / _COLLECTED_FILE
    if not path.is_file():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except ValueError:
        raise CourseError(f"{path} is not JSON any more: move it away (it says which files are the newest).") from None


def remember_collected(root: Path, found: dict[str, dict[str, dict[str, Any]]]) -> None:
    """Keep the whole record."""
    text = json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    _replace(root / ".course" / _COLLECTED_FILE, lambda path: path.write_text(text, encoding="utf-8"))


def late(root: Path, lesson: str) -> dict[str, str]:
    """Learner -> the platform, of those whose work a platform called late without saying how late."""
    return {learner: str(one["platform"]) for learner, one in collected(root).get(lesson, {}).items() if one.get("late")}


def _replace(path: Path, write: Any) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(exist_ok=True)
    half = path.with_suffix(".half")
    write(half)
    os.replace(half, path)
