"""How learning platforms name what they let an instructor download, read back into who, what and which attempt.

Canvas (``get_filename`` and ``add_upload_submission`` in ``lib/content_zipper.rb``, ``make_unique_filename`` in
``app/models/attachment.rb`` of https://github.com/instructure/canvas-lms): one flat folder of ``NAME_LATE_USER_ATTACHMENT_FILE``.
NAME is the name to sort by without anything but letters and digits, small (``betaalpha``); ``LATE`` stands there if the work
was late by Canvas's own due date; USER is Canvas's own number, column ID of its gradebook file; the number of the attachment
grows with each upload. An upload under a name that the learner has used before is called ``FILE-1``, ``FILE-2`` and so on, and
from the eighth on ``FILE-UUID``. With anonymous marking NAME is missing and USER is ``anon_`` with five signs.

Moodle (``public/mod/assign/classes/downloader.php`` in https://github.com/moodle/moodle): a folder for each learner,
``FULL NAME_NUMBER_assignsubmission_file`` (until Moodle 4.0 with one more ``_``), or, where an instructor has switched folders
off, one flat folder of ``FULL NAME_NUMBER_assignsubmission_file_FILE``. NUMBER belongs to this one assignment and is in no list
of learners. Moodle says nothing of lateness there.

A plain download is a folder for each learner, as in nbgrader's ``submitted/``, or files ``LEARNER_LESSON.ipynb`` or
``LEARNER.zip``.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from helpers.grading.collect.download import Item

CANVAS, MOODLE, PLAIN = "Canvas", "Moodle", "a plain folder"
_NAMED = r"(?P<name>\w+?)_(?P<late>LATE_)?(?P<number>\d+)"
_ANONYMOUS = r"(?P<hidden>LATE_)?(?P<anonymous>anon_[^_]+)"
_CANVAS = re.compile(rf"(?:{_NAMED}|{_ANONYMOUS})_(?P<attachment>[1-9]\d*)_(?P<file>.+)")
_MOODLE = re.compile(r"(?P<name>.+)_(?P<number>\d+)_assignsubmission_[a-z]+(?:_(?P<file>.*))?")
# What Canvas, browsers, Jupyter and people add to a file's name at each further copy.
_COPY = re.compile(r"(?:-\d{1,2}|-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}| ?\(\d+\)|-Copy\d+)+$")


@dataclass(frozen=True)
class Found:
    """One file of a download, and what its name says.

    Attributes:
        item: the file.
        platform: one of `CANVAS`, `MOODLE`, `PLAIN`.
        who: what the platform calls the learner; empty if it does not say.
        inner: the file's path below what belongs to the learner, as the learner named it.
        number: the platform's number of the learner.
        attempt: grows with each attempt; 0 where the platform does not count.
        late: whether the platform calls it late.
    """

    item: Item
    platform: str
    who: str
    inner: tuple[str, ...]
    number: str = ""
    attempt: int = 0
    late: bool = False

    @property
    def order(self) -> tuple[int, datetime, tuple[str, ...]]:
        """The later of two attempts has the greater one."""
        return self.attempt, self.item.changed, self.item.parts

    @property
    def kind(self) -> str:
        """How the file's name ends, in small letters, such as ``".ipynb"``; empty if it has no dot."""
        _, dot, end = self.inner[-1].rpartition(".")
        return f"{dot}{end}".lower() if dot else ""


def recognised(items: Iterable[Item], lessons: Iterable[str]) -> list[Found]:
    """Every file with what its name says. `lessons`: the names of all, by which a learner's folders are told from a class's."""
    items, known = list(items), set(lessons)
    while _wrapped(items, known):
        items = [item._replace(parts=item.parts[1:]) for item in items]
    return [_one(item, known) for item in items]


def _wrapped(items: list[Item], lessons: set[str]) -> bool:
    """Whether everything lies in one folder that is around a whole class, and not one learner's."""
    tops = {item.parts[0] for item in items}
    if len(tops) != 1 or any(len(item.parts) == 1 for item in items) or _MOODLE.fullmatch(next(iter(tops))):
        return False
    files = {item.parts[1] for item in items if len(item.parts) == 2}
    folders = {item.parts[1] for item in items if len(item.parts) > 2}
    if any(_CANVAS.fullmatch(name) for name in files) or any(map(_MOODLE.fullmatch, files | folders)):
        return True
    if len({who for name in files if (who := _owner(name, lessons))}) > 1:
        return True
    return not files and not folders & {*lessons, "notebooks"}


def _one(item: Item, lessons: set[str]) -> Found:
    top, rest = item.parts[0], item.parts[1:]
    if found := _MOODLE.fullmatch(top):
        inner = rest or ((found["file"],) if found["file"] else (top,))
        return Found(item, MOODLE, found["name"], inner, found["number"])
    if rest:
        return Found(item, PLAIN, top, rest)
    beside, found = _beside(top, lessons), _CANVAS.fullmatch(top)
    if not found or (beside and not any(lesson in found["file"] for lesson in lessons)):  # as in s_123_10_capstone.ipynb
        return Found(item, PLAIN, _owner(top, lessons), (top,))
    late, number, file = bool(found["late"] or found["hidden"]), found["number"] or "", found["file"]
    if file.endswith(".py"):
        file = f"{_COPY.sub('', file[:-3])}.py"  # nobody can import flag_tools-1
    return Found(item, CANVAS, found["name"] or found["anonymous"], (file,), number, int(found["attachment"]), late)


def _beside(name: str, lessons: Iterable[str]) -> str:
    """The learner in the name of a file such as ``ada_03_freeze_base.ipynb``; empty if there is none."""
    stem = _COPY.sub("", name.rpartition(".")[0])
    for lesson in lessons:
        for part in (stem.removesuffix(lesson), stem.removeprefix(lesson)):
            if part != stem:
                return part.strip(" _-")
    return ""


def _owner(name: str, lessons: Iterable[str]) -> str:
    """The same, or the whole name of a notebook or a zip that is no lesson's, such as ``ada.zip``."""
    stem, _, end = name.rpartition(".")
    stem = _COPY.sub("", stem)
    return _beside(name, lessons) or (stem if end.lower() in ("ipynb", "zip") and stem not in lessons else "")


def lesson_of(found: Found, lessons: Iterable[str]) -> str:
    """The lesson that the name of a file, or else of the folder that it lies in, says; empty if neither does."""
    stem = _COPY.sub("", found.inner[-1].rpartition(".")[0]).casefold()
    bare = stem
    if found.platform == PLAIN and len(found.item.parts) == 1:
        bare = stem.removeprefix(found.who.casefold()).removesuffix(found.who.casefold()).strip(" _-")
    named = [lesson for lesson in lessons if lesson.casefold() in (stem, bare)]
    return next(iter([*named, *(lesson for lesson in lessons if lesson in found.inner[:-1])]), "")
