"""Which checks have come out right on this computer; the start page follows. Nothing here is a mark."""

import json
import os
from pathlib import Path

from helpers.course import settings, start_page


def _path() -> Path:
    return settings.root() / ".course" / "progress.json"


def load() -> dict[str, dict[str, str]]:
    """Lesson name -> exercise name -> status. A file that cannot be read counts as empty."""
    try:
        content = json.loads(_path().read_text(encoding="utf-8"))
        return {str(k): {str(n): str(s) for n, s in v.items()} for k, v in content.items()}
    except (OSError, ValueError, AttributeError):
        return {}


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
        _path().parent.mkdir(exist_ok=True)
        temporary = _path().with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(json.dumps(content, indent=1, sort_keys=True), encoding="utf-8")
        temporary.replace(_path())
        start_page.write(content)
    except OSError:
        return
