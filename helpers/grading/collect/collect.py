"""`python -m helpers collect DOWNLOAD`: what a platform lets an instructor download -> ``submitted/LEARNER/LESSON/``.

Of several attempts the newest counts. What was there before goes to ``.course/replaced/``, and is named.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from helpers.course.errors import CourseError
from helpers.grading.collect.download import opened
from helpers.grading.collect.platforms import MOODLE, recognised
from helpers.grading.collect.put import OLDER, REPLACED, newest, put
from helpers.grading.collect.sort_out import NOTEBOOKS, ROSTER, SortedOut, sort_out
from helpers.grading.gradebook import records, spelling
from helpers.grading.gradebook.people import People
from helpers.grading.nbgrader_course import Course
from helpers.notebooks import masters

SHOWN = 3  # files of one folder that are named when they belong to no work


@dataclass(frozen=True)
class Collected:
    """What became of a download.

    Attributes:
        outcomes: (learner, lesson) -> what happened, one of those of `helpers.grading.collect.put`.
        said: the same and all that an instructor should know, line by line.
    """

    outcomes: dict[tuple[str, str], str]
    said: list[str]


def collect(course: Course, download: Path, lesson: str | None = None) -> Collected:
    """Put the newest attempts of a download into ``submitted/``.

    Args:
        course: the course.
        download: a zip or a folder from Canvas or Moodle, or with a folder for each learner.
        lesson: which one the notebooks are that say so neither by their name nor by their cells.

    Raises:
        CourseError: no such lesson; the download cannot be read; or no notebook in it fits anybody.
    """
    if lesson is not None:
        course.lesson(lesson)
    said = spelling.settle(course)
    with course.gradebook() as gradebook:
        people = People.of(gradebook, records.canvas(course.root))
    aside = course.root / ".course" / "replaced" / f"{datetime.now():%Y%m%d-%H%M%S-%f}"
    with opened(download) as items:
        found = recognised(items, masters.lessons(course.root))
        sorted_out = sort_out(course, found, people, lesson)
        outcomes = _put_all(course, sorted_out, aside)
    if any(one.platform == MOODLE for one in found) and not people.listed:
        said.append(f"Moodle's files name learners, and its import of marks wants more than names: {ROSTER} with Moodle's list.")
    if made := sorted({learner for learner, _ in outcomes} - people.ids):
        said.append(f"Nobody in the gradebook yet, so these ids are what the files say: {', '.join(made)}.")
    lines = [*_lines(sorted_out, outcomes, aside), *said]
    if not outcomes:
        raise CourseError("\n".join([f"Nothing in {download} is a notebook of a learner of this course.", *lines]))
    records.remember_canvas(course.root, {learner: {"ID": number} for learner, number in sorted_out.numbers.items()})
    return Collected(outcomes, lines)


def _put_all(course: Course, sorted_out: SortedOut, aside: Path) -> dict[tuple[str, str], str]:
    """Put everybody's work in place; whose cannot be is named among the unfit, and the others go on."""
    noted, outcomes = records.collected(course.root), {}
    try:
        for (learner, lesson), files in sorted(sorted_out.works.items()):
            before = noted.get(lesson, {}).get(learner, {})
            try:
                outcomes[learner, lesson], about = put(course, learner, lesson, files, before, aside)
            except (OSError, CourseError) as error:
                sorted_out.unfit.append(f"{newest(files).item.path}: {error}")
            else:
                noted.setdefault(lesson, {})[learner] = about
    finally:
        records.remember_collected(course.root, noted)
    return outcomes


def _lines(sorted_out: SortedOut, outcomes: dict[tuple[str, str], str], aside: Path) -> list[str]:
    """What an instructor reads: how many, then a list for each thing that may need a look."""
    works = sorted_out.works
    counts = {outcome: list(outcomes.values()).count(outcome) for outcome in sorted(set(outcomes.values()))}
    how = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    said = [f"{len(outcomes)} collected: {how}."] if outcomes else []
    groups = {
        f"Replaced; what was there is in {aside}": [f"{who}, {what}" for (who, what), one in outcomes.items() if one == REPLACED],
        "Left out, since a later attempt is there": [f"{who}, {what}" for (who, what), one in outcomes.items() if one == OLDER],
        "Left out, since a later attempt is in the download": [
            f"{who}: {one.item.path}"
            for (who, _), files in works.items()
            for one in files
            if one.kind in NOTEBOOKS and one is not newest(files)
        ],
        "Late, as the platform says; it does not say by how much": [
            f"{who}, {what}" for (who, what), files in works.items() if newest(files).late
        ],
        "Handed in beside a notebook": sorted_out.beside,
        "Not collected": _short(sorted_out.unfit),
    }
    for title, entries in groups.items():
        said += [f"{title}:", *(f"  {entry}" for entry in sorted(entries))] if entries else []
    return said


def _short(entries: list[str]) -> list[str]:
    """The first `SHOWN` entries of each folder of a download, and how many more there are in it."""
    folders: dict[str, list[str]] = {}
    for entry in sorted(entries):
        folder, slash, _ = entry.partition("/")
        folders.setdefault(folder if slash else "", []).append(entry)
    shown = [entry for folder, those in folders.items() for entry in (those[:SHOWN] if folder else those)]
    more = {folder: len(those) - SHOWN for folder, those in folders.items() if folder and len(those) > SHOWN}
    return shown + [f"{folder}/: {count} more" for folder, count in more.items()]
