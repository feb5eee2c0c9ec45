"""A class list as spreadsheets and learning platforms save it -> learners in the gradebook.

Three kinds of columns are known: nbgrader's own; those of Canvas's gradebook file (``lib/gradebook_exporter.rb`` in
https://github.com/instructure/canvas-lms), whose column ID is a number of Canvas's own; and those of Moodle's exports of
participants, marks and grading worksheets (``grade/export/txt`` and ``mod/assign/feedback/offline`` in
https://github.com/moodle/moodle).
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from nbgrader.api import Student

from helpers.course.errors import CourseError
from helpers.grading.gradebook import records, spelling
from helpers.grading.gradebook.people import UNUSABLE, People, letters
from helpers.grading.nbgrader_course import Course

MOST_BYTES = 20_000_000
NBGRADER = ("id", "first_name", "last_name", "email", "lms_user_id")
TITLES = 10  # lines among which the headings are looked for
_SEPARATORS = ",;\t|"
_IDS = {"id", "student_id"}  # the second in nbgrader's own grades.csv
_CANVAS = {"id", "section"}
_MOODLE = {"username", "id_number", "email_address", "full_name"}
_KNOWN = {*NBGRADER, *_IDS, *_CANVAS, *_MOODLE, "student", "lastname", "firstname", "sis_login_id", "sis_user_id", "surname"}
_ROUNDED = re.compile(r"\d[.,]\d+E\+\d+", re.IGNORECASE)  # how a spreadsheet shows a long number, and saves it
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx and .ods; .xls
Line = dict[str, str]  # heading, in small letters and with _ for blanks -> field


@dataclass(frozen=True)
class Entry:
    """One learner of a list; an empty field says nothing.

    Attributes:
        ids: what may be the id, the likeliest first.
        fixed: whether the first of them is the id, and not one by which to look for it.
        canvas: the first columns of Canvas's file, if it is one.
    """

    ids: tuple[str, ...]
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    lms_user_id: str = ""
    fixed: bool = False
    canvas: Line = field(default_factory=dict)


def read(path: Path) -> tuple[list[Entry], str]:
    """The learners of a list, and what an instructor should know of how it was read.

    Raises:
        CourseError: it cannot be read for certain; says why, in one sentence.
    """
    text, said = _text(path)
    lines = _lines(text, path)
    headings = {name for _, line in lines[:1] for name in line}
    if headings >= _CANVAS and headings & {"student", "lastname"}:
        entries = [(number, _canvas(line)) for number, line in lines if _is_canvas_learner(line)]
    elif headings & _IDS:
        entries = [(number, _plain(line)) for number, line in lines]
    else:
        entries = [(number, _moodle(line)) for number, line in lines]
    _look(entries, path)
    return [entry for _, entry in entries], said


def _text(path: Path) -> tuple[str, str]:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise CourseError(f"{path} has more than {MOST_BYTES // 1_000_000} MB: that is no class list.")
        raw = path.read_bytes()
    except OSError as error:
        raise CourseError(f"{path} cannot be read ({error.strerror}).") from None
    if raw.startswith(_WORKBOOKS):
        raise CourseError(f"{path} is a spreadsheet's own file: save it as CSV (UTF-8), and import that.")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace"), ""
    if raw[1:2] == b"\0" or raw[:1] == b"\0":  # UTF-16 that does not say so
        return raw.decode("utf-16-le" if raw[1:2] == b"\0" else "utf-16-be", "replace"), ""
    try:
        return raw.decode("utf-8-sig"), ""
    except UnicodeDecodeError:
        text = raw.decode("cp1252", "replace")
    example = next((word for word in re.findall(r"\w+", text) if not word.isascii()), "")
    return text, f'{path} is not UTF-8: it was read in the code page of western Europe. Look whether "{example}" is right.'


def _lines(text: str, path: Path) -> list[tuple[int, Line]]:
    """The number of each line that has a field, and its fields; what stands above the headings, such as a title, is no line."""
    told = re.match(r"sep=(.)\r?\n", text)
    text = text[told.end() :] if told else text
    separator = told[1] if told else max(_SEPARATORS, key=lambda sign: _known_headings(text, sign))
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        rows = [(reader.line_num + bool(told), [field.strip() for field in row]) for row in reader]
    except csv.Error as error:
        raise CourseError(f"{path} is no CSV file that can be read ({error}, line {reader.line_num}).") from None
    rows = [(number, row) for number, row in rows if any(row)]
    if not rows:
        raise CourseError(f"{path} is empty.")
    start = max(range(min(len(rows), TITLES)), key=lambda place: (_is_heading(rows[place][1]), -place))
    names = [_heading(name) for name in rows[start][1]]
    rows = rows[start + 1 :]
    if not rows:
        raise CourseError(f"{path} has headings and no learner.")
    for number, row in rows:
        if len(row) > len(names) and any(row[len(names) :]):
            more = f"line {number} has {len(row)} fields under {len(names)} headings"
            raise CourseError(f'{path}, {more}: a field with "{separator}" in it must stand in quotes.')
    return [(number, dict(zip(names, [*row, *[""] * len(names)], strict=False))) for number, row in rows]


def _known_headings(text: str, separator: str) -> int:
    """How many headings that are known here one line has, if `separator` stands between them."""
    rows = (line.replace('"', "").split(separator) for line in text[:10_000].splitlines()[:TITLES])
    return max(map(_is_heading, rows), default=0)


def _heading(name: str) -> str:
    return re.sub(r"\s+", "_", name.strip().lower())


def _is_heading(row: list[str]) -> int:
    """How many of a line's fields are headings that are known here."""
    return len(_KNOWN & {_heading(name) for name in row})


def _plain(line: Line) -> Entry:
    name = next(line[key] for key in ("id", "student_id") if key in line)
    return Entry((name,), *(line.get(key, "") for key in NBGRADER[1:]), fixed=True)


def _is_canvas_learner(line: Line) -> bool:
    """Whether a line is none of those that Canvas adds: maxima, what is hidden, its student for tests."""
    name = line.get("student") or line.get("lastname", "")
    return bool(line["id"]) and "Points Possible" not in name and name != "Student, Test"


def _canvas(line: Line) -> Entry:
    if "student" in line:
        last, _, first = (part.strip() for part in line["student"].partition(","))
    else:
        last, first = line["lastname"], line.get("firstname", "")
    login, number = line.get("sis_login_id", ""), line.get("sis_user_id", "")
    name = line.get("student") or ", ".join(part for part in (last, first) if part)
    known = dict(zip(records.CANVAS, (name, line["id"], number, login, line.get("section", "")), strict=True))
    return Entry((login, number, line["id"]), first, last, login if "@" in login else "", number, canvas=known)


def _moodle(line: Line) -> Entry:
    mail = line.get("email_address", "")
    first, last = line.get("first_name", ""), line.get("last_name") or line.get("surname", "")
    if not (first or last) and line.get("full_name"):
        first, _, last = line["full_name"].rpartition(" ")
    number = line.get("id_number", "")
    return Entry((line.get("username", ""), number, mail), first, last, mail, number)


def _look(entries: list[tuple[int, Entry]], path: Path) -> None:
    """CourseError: no learner, or one without a usable id of their own."""
    if not any(name for _, entry in entries for name in entry.ids):
        known = "id, or Canvas's Student, ID and Section, or Moodle's Username, ID number or Email address"
        raise CourseError(f"{path} has no column that tells learners apart: its first line must have {known}.")
    seen: dict[str, Entry] = {}
    for number, entry in entries:
        name = next((name for name in entry.ids if name), "")
        where = f"{path}, line {number}"
        if not name:
            raise CourseError(f"{where}: a learner without an id.")
        if rounded := [number for number in (name, entry.lms_user_id) if _ROUNDED.fullmatch(number)]:
            raise CourseError(f'{where}: a spreadsheet has rounded a number to "{rounded[0]}": make that column text first.')
        if not usable(spelling.one(name)):
            raise CourseError(f'{where}: "{name}" cannot be an id: ids are names of folders, without / \\ : * ? [ ] {{ }} < > ".')
        if seen.setdefault(spelling.one(name), entry) != entry:
            raise CourseError(f'{where}: "{name}" is there twice, with different fields.')


def usable(name: str) -> bool:
    """Whether a text can be a learner's id: the name of a folder, which nbgrader takes for no pattern."""
    odd = set(name) & UNUSABLE or not name.isprintable() or len(name.encode()) > 128
    return bool(name) and not odd and name == name.strip() and not name.startswith(".")


def enrol(course: Course, path: Path) -> Iterator[str]:
    """Put the learners of a list into the gradebook, and say what came of it, a sentence each.

    A field that is empty in the list leaves what the gradebook has. A learner of Canvas or Moodle who is there under an id
    already, known by login, number, address or name, keeps it.

    Raises:
        CourseError: the list cannot be read for certain; then nothing has changed.
    """
    entries, said = read(path)
    yield from spelling.settle(course)
    new, canvas = 0, {}
    names = Counter(letters(entry.first_name + entry.last_name) for entry in entries)
    with course.changing() as gradebook:
        people = People.of(gradebook, records.canvas(course.root))
        for entry in entries:
            name = _who(entry, people, names)
            known = name in people.ids
            fields = {key: value for key in NBGRADER[1:] if (value := getattr(entry, key))}
            new += not known
            student = gradebook.db.get(Student, name) or Student(id=name)
            gradebook.db.add(student)
            for key, value in fields.items():
                setattr(student, key, value)
            if entry.canvas:
                canvas[name] = entry.canvas
    if canvas:
        records.remember_canvas(course.root, canvas)
        yield "Canvas's numbers are kept for `collect` and `export --format canvas`."
    yield f"The list has {len(entries)}: {new} new, {len(entries) - new} known already."
    if said:
        yield said


def _who(entry: Entry, people: People, names: Counter[str]) -> str:
    """The id of a listed learner: the one in the gradebook, or the likeliest; a name that two in the list have tells nothing."""
    likeliest = spelling.one(next(filter(None, entry.ids)))
    if entry.fixed:
        return likeliest
    name = entry.first_name + entry.last_name
    number = entry.canvas.get("ID", "")
    ids = [one for one in entry.ids if one != number]  # Canvas's own number and another platform's may be alike by chance
    return people.find(ids, name if names[letters(name)] == 1 else "", number) or likeliest
