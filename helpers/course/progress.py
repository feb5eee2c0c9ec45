"""Which checks have come out right on this computer; the start page follows. Nothing here is a mark."""

import os

from helpers.course import files, start_page

FILE = "progress.json"


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
