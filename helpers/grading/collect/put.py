"""One learner's work on one lesson put into ``submitted/``: whole or not at all, and nothing that is there is lost."""

import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from helpers.grading.collect.platforms import Found
from helpers.grading.collect.sort_out import NOTEBOOKS
from helpers.grading.gradebook import lateness
from helpers.grading.nbgrader_course import Course

NEW, SAME, REPLACED, OLDER = "new", "there already", "replaced", "older than what is there"


def newest(files: list[Found]) -> Found:
    """The attempt that counts: the latest, and a notebook before a zip."""
    return max((one for one in files if one.kind in NOTEBOOKS), key=lambda one: (one.kind == ".ipynb", *one.order))


def put(
    course: Course, learner: str, lesson: str, files: list[Found], before: Mapping[str, Any], aside: Path
) -> tuple[str, dict[str, Any]]:
    """Put the newest attempt in place, unless it is there already, or a later one is.

    Args:
        course: into whose ``submitted/``.
        learner, lesson: whose work on what.
        files: all attempts, and what was handed in with them.
        before: what was noted of the work that was collected last.
        aside: the folder to which work goes that is replaced.

    Returns:
        One of `NEW`, `SAME`, `REPLACED`, `OLDER`, and what to note of the work that is there now.

    Raises:
        OSError: it could not be written; what was there is as it was.
        CourseError: the download is damaged.
    """
    chosen, target = newest(files), course.folder("submitted", learner, lesson)
    content = _content(course, lesson, chosen, files)
    about = {
        "attempt": chosen.attempt,
        "changed": chosen.item.changed.isoformat() if chosen.item.packed else "",
        "digest": _digest(content),
        "file": chosen.item.path,
        "late": chosen.late,
        "platform": chosen.platform,
    }
    if not os.path.lexists(target):
        _write(course, target, content)
        return NEW, about
    there = _digest(_there(target))
    if there == about["digest"]:
        return SAME, dict(before) or about
    if there == before.get("digest") and _later(before, about):
        return OLDER, dict(before)
    place = aside / learner / lesson
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(target, place)
    try:
        _write(course, target, content)
    except OSError:
        shutil.move(place, target)
        raise
    return REPLACED, about


def _later(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether what is there came after what is collected: Canvas counts attempts, other platforms' zips have times."""
    for key in ("attempt", "changed"):
        if before.get(key) and now[key] and before.get("platform") == now["platform"]:
            return bool(before[key] > now[key])
    return False


def _content(course: Course, lesson: str, chosen: Found, files: list[Found]) -> dict[str, bytes]:
    """Path in the submission -> content: the notebook under its lesson's name, and what was handed in with it."""
    content = {f"{lesson}{chosen.kind}": chosen.item.read()}
    folder = chosen.inner[:-1]
    others = [one for one in files if one.kind not in NOTEBOOKS]
    for one in sorted(others, key=lambda one: one.order):  # of one name the later one stays
        name, data = "/".join(one.inner[len(folder) :]), one.item.read()
        if name == lateness.STAMP:
            data = lateness.stamp(data, lateness.zone_of(course))[0] or data
        content[name] = data
    return content


def _there(folder: Path) -> dict[str, bytes]:
    """What is in a submission's folder; a link, an odd file or endless folders make it unlike anything that is collected."""
    found = {}
    try:
        for path in sorted(folder.rglob("*")) if not folder.is_symlink() else []:
            kind = path.lstat().st_mode
            if not stat.S_ISDIR(kind):
                found[path.relative_to(folder).as_posix()] = path.read_bytes() if stat.S_ISREG(kind) else b"odd"
    except (OSError, RecursionError):
        found[""] = b"odd"
    return found


def _digest(content: Mapping[str, bytes]) -> str:
    parts = {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _write(course: Course, target: Path, content: Mapping[str, bytes]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    (course.root / ".course").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="collect-", dir=course.root / ".course") as folder:
        fresh = Path(folder, "new")
        for name, data in content.items():
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        fresh.rename(target)
