"""Which checks have come out right on this computer; the start page follows. Nothing here is a mark."""

import os
from collections.abc import Callable

from helpers.course import files, start_page

FILE = "progress.json"
_followers: dict[str, Callable[[], None]] = {}


def follow(tell: Callable[[], None], name: str) -> None:
    """Have `tell` called after each check from now on, in place of what was to be told under the same name."""
    _followers[name] = tell


def load() -> dict[str, dict[str, str]]:
    """Lesson name -> exercise name -> status. A file that cannot be read counts as empty."""
    return {lesson: {name: str(status) for name, status in known.items()} for lesson, known in files.load(FILE).items()}


def record(lesson: str, exercise: str, status: str) -> None:
    """Note a check and show it on the start page. Once right stays right. A folder that cannot be written is no error."""
    if os.environ.get("NBGRADER_EXECUTION"):
        return
    content = load()
    exercises = content.setdefault(lesson, {})
    if exercises.get(exercise) == "right":
        return
    exercises[exercise] = status
    try:
        files.save(FILE, content)
        start_page.write(content)
    except OSError:
        return
    for tell in _followers.values():
        tell()
