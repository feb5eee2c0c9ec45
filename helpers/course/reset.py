"""An exercise, or a whole lesson, as it was handed out. What stood there is kept in ``.course/kept/``."""

import json
import shutil
import time
from contextlib import suppress
from pathlib import Path

from helpers.course import files, originals, settings
from helpers.course.errors import CourseError

CHOICES = "choices.json"  # what was clicked in the quiz


def keep(name: str, text: str) -> Path:
    """Keep a text; returns where it is.

    Args:
        name: what the file's name begins and ends with, such as ``"freeze_base.py"``; the time stands between.
    """
    path = _place(name)
    path.write_text(text, encoding="utf-8")
    return path


def reset(lesson: str, exercise: str = "") -> Path:
    """Put an exercise's answer cell, or all of a lesson's, back to what was handed out; returns where the old notebook is kept.

    Args:
        lesson: such as ``"03_freeze_base"``, or its number.
        exercise: ``grade_id`` of the answer; empty for all of them.

    Raises:
        CourseError: no such lesson or exercise, or a notebook that cannot be read.
    """
    known = originals.paths()
    lesson = next((name for name in known if lesson in (name, name[:2])), lesson)
    stubs = originals.stubs(lesson)
    path = settings.root() / "notebooks" / lesson / f"{lesson}.ipynb"
    if not stubs or not path.is_file():
        raise CourseError(f"There is no lesson {lesson!r} to reset: take one of {', '.join(known)}.")
    if exercise and exercise not in stubs:
        raise CourseError(f"There is no exercise {exercise!r} in {lesson}: take one of {', '.join(stubs)}.")
    wanted = {exercise: stubs[exercise]} if exercise else stubs
    try:
        notebook = json.loads(path.read_text(encoding="utf-8-sig"))
        named = {cell.get("metadata", {}).get("nbgrader", {}).get("grade_id"): cell for cell in notebook["cells"]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CourseError(f"{path} cannot be read ({error}): put the notebook that was handed out in its place.") from None
    if lost := [name for name in wanted if name not in named]:
        remedy = "put the notebook that was handed out in its place"
        raise CourseError(f"{path} has no answer cell {', '.join(lost)} any more: {remedy}.")
    kept = _place(path.name)
    shutil.copy(path, kept)
    for name, stub in wanted.items():
        named[name]["source"] = stub
        if named[name]["cell_type"] == "code":
            named[name] |= {"outputs": [], "execution_count": None}
    files.replace(path, json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")
    forget(lesson, *wanted)
    return kept


def forget(lesson: str, *exercises: str) -> None:
    """Forget what was clicked: the view of a question would write it into the answer cell again."""
    content = files.load(CHOICES)
    left = {name: letters for name, letters in content.get(lesson, {}).items() if name not in exercises}
    if left != content.get(lesson, {}):
        with suppress(OSError):
            files.save(CHOICES, content | {lesson: left})


def _place(name: str) -> Path:
    """A file that is not there yet, in a folder that is."""
    stem, _, end = name.rpartition(".")
    folder = files.path("kept")
    folder.mkdir(parents=True, exist_ok=True)
    began, number = f"{stem}-{time.strftime('%Y-%m-%d-%H%M%S')}", 1
    path = folder / f"{began}.{end}"
    while path.exists():
        number += 1
        path = folder / f"{began}-{number}.{end}"
    return path
