"""All that one learner handed in, taken in: the notebook wherever it lies, the files beside it, and what was left out, by name.

People hand in the notebook, the whole handout, an environment with it, or a zip of any of these.
"""

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from helpers.grading.submission import listing, preflight
from helpers.grading.submission.listing import File, Listing, shown
from helpers.notebooks.handed_in import Refused

MAX_SIDE_BYTES = 50_000_000  # of all files beside the notebook, together
LONGEST_PART = 255  # bytes of a file's name
STAMP = "timestamp.txt"  # nbgrader's own, with the time at which the work was handed in
ELSEWHERE = ("solutions", "source")  # folders of the course, in which there are notebooks of the same name


@dataclass(frozen=True)
class HandedIn:
    """What counts of it.

    Attributes:
        content: the notebook; None if it was refused.
        refused: why, in words; empty otherwise.
        files: what lies beside it: name -> content.
        notes: where the notebook was found, and what was left out.
    """

    content: bytes | None = None
    refused: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def take_in(folder: Path, lesson: str) -> HandedIn:
    """Take in what lies in a learner's folder for a lesson."""
    name = f"{lesson}.ipynb"
    found, place, notes = listing.of_folder(folder), name, []
    if not _is_there(folder / name):
        found, place, notes = _look_for(found, folder, lesson)
    try:
        content = preflight.read(folder / name) if place == name and not notes else _read(found.files[place], place)
        refused = ""
    except Refused as reason:
        content, refused = None, str(reason)
    files, left_out = _beside(found, PurePosixPath(place), name)
    if STAMP not in files and (stamp := folder / STAMP).is_file() and not stamp.is_symlink():
        files[STAMP] = preflight.content(stamp, 1000)
    left_out = [path for path in left_out if path != name]  # of that the refusal tells
    if left_out:
        notes.append(f"left out, as no part of the work or too much of it: {shown(left_out)}")
    return HandedIn(content, refused, files, tuple(notes))


def _is_there(path: Path) -> bool:
    try:
        path.lstat()
    except OSError:
        return False
    return True


def _look_for(found: Listing, folder: Path, lesson: str) -> tuple[Listing, str, list[str]]:
    """(the listing it is in, its path there, where that is in words) of a notebook that does not lie where it should."""
    name = f"{lesson}.ipynb"
    if place := _best(found, lesson):
        return found, place, [f"the notebook was found as {shown([place])}"]
    for packed in sorted(file for file in found.files if file.lower().endswith(".zip")):
        inside = listing.of_zip(folder / packed)
        if place := _best(inside, lesson):
            return inside, place, [f"the notebook was found as {shown([place])} in {shown([packed])}"]
    return found, name, []


def _best(found: Listing, lesson: str) -> str:
    """The path of the lesson's notebook: under its own name and near the top; else under a longer name."""
    paths = [PurePosixPath(path) for path in found.files if path.endswith(".ipynb")]
    exact = [path for path in paths if path.stem == lesson]
    if exact:
        return str(min(exact, key=lambda path: (any(part in ELSEWHERE for part in path.parts), len(path.parts), str(path))))
    named = [path for path in paths if lesson in path.stem]
    return str(named[0]) if len(named) == 1 else ""


def _read(file: File, place: str) -> bytes:
    name = PurePosixPath(place).name
    if file.size > preflight.MAX_BYTES:
        raise Refused(preflight.too_large(name, file.size))
    try:
        content = file.read(preflight.MAX_BYTES + 1)
    except OSError as error:
        raise Refused(f"{name} cannot be opened ({error.strerror or error}).") from None
    if len(content) > preflight.MAX_BYTES:
        raise Refused(preflight.too_large(name, len(content)))
    return content


def _beside(found: Listing, notebook: PurePosixPath, name: str) -> tuple[dict[str, bytes], list[str]]:
    """(what lies in the notebook's folder: name -> content; the names of all else)."""
    files: dict[str, bytes] = {}
    left_out, room = list(found.left_out), MAX_SIDE_BYTES
    for path, file in found.files.items():
        place = PurePosixPath(path)
        if place == notebook or path == STAMP:
            continue
        if notebook.parent not in place.parents:
            left_out.append(place.parts[0] + "/" * (len(place.parts) > 1))
            continue
        short = place.relative_to(notebook.parent)
        if place.suffix == ".ipynb" or short.parts[0] in (name, STAMP) or _is_taken(short, files):
            left_out.append(path)
        elif file.size > room:
            left_out.append(f"{path} ({file.size / 1e6:.0f} MB, at most {MAX_SIDE_BYTES / 1e6:.0f} together)")
        else:
            try:
                files[short.as_posix()] = file.read(room)
                room -= len(files[short.as_posix()])
            except OSError:
                left_out.append(path)
    return files, list(dict.fromkeys(left_out))


def _is_taken(short: PurePosixPath, files: dict[str, bytes]) -> bool:
    """Whether a file and a folder would have one name, which a zip allows and no system does, or one that is too long."""
    below = f"{short.as_posix()}/"
    clash = any(above.as_posix() in files for above in short.parents) or any(other.startswith(below) for other in files)
    return clash or any(len(part.encode()) > LONGEST_PART for part in short.parts)
