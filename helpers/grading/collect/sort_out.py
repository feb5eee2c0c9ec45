"""Whose each file of a download is, and for which lesson."""

import io
import zipfile
from collections import defaultdict
from dataclasses import dataclass, field

from helpers.course.one_line import one_line
from helpers.grading.collect.platforms import CANVAS, MOODLE, PLAIN, Found, lesson_of
from helpers.grading.gradebook import lateness
from helpers.grading.gradebook.people import People, letters
from helpers.grading.gradebook.roster import usable
from helpers.grading.nbgrader_course import Course
from helpers.grading.submission import preflight
from helpers.notebooks import masters

NOTEBOOKS = (".ipynb", ".zip")  # a zip may hold the notebook: grading looks into it
HALF = 0.5  # of a lesson's graded cells: who has them has that lesson's notebook, whatever its name
ROSTER = "`python -m helpers roster FILE`"


@dataclass
class SortedOut:
    """What belongs together.

    Attributes:
        works: (learner, lesson) -> the notebooks, one for each attempt, and what was handed in beside them.
        numbers: learner -> Canvas's own number.
        beside: what was handed in beside a notebook, in words.
        unfit: files that belong to no learner or no lesson, with the reason.
    """

    works: dict[tuple[str, str], list[Found]] = field(default_factory=lambda: defaultdict(list))
    numbers: dict[str, str] = field(default_factory=dict)
    beside: list[str] = field(default_factory=list)
    unfit: list[str] = field(default_factory=list)


def sort_out(course: Course, found: list[Found], people: People, told: str | None) -> SortedOut:
    """Put the files of a download together by learner and lesson.

    Args:
        course: whose lessons there can be.
        found: the files.
        people: the learners in its gradebook.
        told: the lesson of the notebooks that do not say theirs.
    """
    result, theirs = SortedOut(), defaultdict(list)
    namesakes: dict[str, set[str]] = defaultdict(set)
    for one in found:
        namesakes[letters(one.who)].add(one.number)
    for one in found:
        learner, why = _learner(one, people, namesakes[letters(one.who)])
        if learner:
            theirs[learner].append(one)
        else:
            result.unfit.append(f"{one.item.path}: {why}")
    lessons = Lessons(course, told)
    for learner, files in theirs.items():
        _sort_files(learner, files, lessons, result)
    return result


def _sort_files(learner: str, files: list[Found], lessons: "Lessons", result: SortedOut) -> None:
    """Give one learner's notebooks to their lessons, and other files to the notebook that they lie beside or below."""
    books = {one: lesson for one in files if one.kind in NOTEBOOKS and (lesson := lessons.of(one))}
    for one, lesson in books.items():
        result.works[learner, lesson].append(one)
        if one.platform == CANVAS and one.number:
            result.numbers[learner] = one.number
    for one in [one for one in files if one not in books]:
        near = {lesson for book, lesson in books.items() if one.inner[: len(book.inner) - 1] == book.inner[:-1]}
        forged = one.inner[-1] == lateness.STAMP and one.platform != PLAIN  # there it is a learner who says when it was
        if len(near) == 1 and one.kind not in NOTEBOOKS and not forged:
            result.works[learner, near.pop()].append(one)
            result.beside += [f"{learner}: {one_line('/'.join(one.inner))}"] if one.inner[-1] != lateness.STAMP else []
        else:
            result.unfit.append(f"{one.item.path}: of {learner}, but of no lesson that can be told")


def _learner(one: Found, people: People, namesakes: set[str]) -> tuple[str, str]:
    """(id, "") of the learner whose file it is, or ("", why that cannot be told). `namesakes`: numbers of those of one name."""
    if not one.who:
        return "", "it names no learner"
    number = one.number if one.platform == CANVAS else ""
    if known := people.numbers.get(number) or _with_number(one, people):
        return known, ""
    unknown = namesakes - people.numbers.keys()
    if len(unknown) > 1 and (people.listed or one.platform == MOODLE):
        return "", f"{len(unknown)} learners are called {one_line(one.who)}: put each into submitted/LEARNER/LESSON/ by hand"
    if len(unknown) <= 1 and (known := people.find((one.who,) if one.platform == PLAIN else (), one.who, number)):
        return known, ""
    if several := people.of_name(one.who, number):
        those = " or ".join(sorted(several))
        return "", f"{one_line(one.who)} may be {those}: {ROSTER} with the platform's list tells them apart"
    if people.listed:
        return "", f"nobody in the gradebook is {one_line(one.who)}: {ROSTER} adds who is missing"
    name = one.who if one.platform == PLAIN else letters(one.who)
    if number and (len(unknown) > 1 or name in people.ids):
        name = f"{name}_{number}"
    return (name, "") if usable(name) else ("", f"{one_line(one.who)} cannot be the id of a learner")


def _with_number(one: Found, people: People) -> str | None:
    """Who has the platform's number in the gradebook's field for it, and the name as well."""
    fitting = people.others.get(one.number, set()) & people.names.get(letters(one.who), set()) if one.number else set()
    return next(iter(fitting)) if len(fitting) == 1 else None


class Lessons:
    """Tells which lesson a file belongs to: by its name, its folder, what is in it, or because the instructor says so."""

    def __init__(self, course: Course, told: str | None):
        read = masters.every(course.root)
        self._told, self._names = told or "", list(read)
        self._cells = {name: {c.id for c in book.cells if c.metadata.get("nbgrader")} for name, book in read.items()}

    def of(self, one: Found) -> str:
        """The lesson; empty if there is none."""
        by_name = lesson_of(one, self._names)
        if by_name or one.item.size > preflight.MAX_BYTES:
            return by_name
        return self._inside_zip(one) if one.kind == ".zip" else self._by_cells(one) or self._told

    def _by_cells(self, one: Found) -> str:
        try:
            ids = {str(cell.get("id")) for cell in preflight.parse(one.item.read(), one.inner[-1]).cells}
        except preflight.Refused:
            return ""
        shares = {name: len(ids & own) / len(own) for name, own in self._cells.items() if own}
        best = max(shares, key=lambda name: shares[name], default="")
        return best if best and shares[best] >= HALF else ""

    def _inside_zip(self, one: Found) -> str:
        try:
            with zipfile.ZipFile(io.BytesIO(one.item.read())) as archive:
                stems = {name.rpartition("/")[2].removesuffix(".ipynb") for name in archive.namelist() if name.endswith(".ipynb")}
        except (zipfile.BadZipFile, OSError, ValueError):
            return ""
        named = stems & set(self._names)
        return named.pop() if len(named) == 1 else ""
