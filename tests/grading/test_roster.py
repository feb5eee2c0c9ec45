"""Does a class list reach the gradebook however a spreadsheet or a platform saved it, and is each learner one learner?"""

import shutil
import unicodedata

import pytest

from helpers.__main__ import main
from helpers.course.errors import CourseError
from helpers.grading.classroom import grade
from helpers.grading.gradebook import records, roster, spelling
from helpers.grading.gradebook.people import People
from helpers.grading.nbgrader_course import Course
from tests.support import small_course as small
from tests.support.small_course import LESSON, RIGHT

HEADING = "id,first_name,last_name,email,lms_user_id"
PLAIN = f"{HEADING}\nrenée,Renée,Épsilon,r@b.example,20231234\n"
SAVED = {
    "plain": PLAIN.encode(),
    "byte order mark, Windows' line ends": PLAIN.replace("\n", "\r\n").encode("utf-8-sig"),
    "semicolons": PLAIN.replace(",", ";").encode(),
    "semicolons, named in a first line": f"sep=;\r\n{PLAIN.replace(',', ';')}".encode("utf-8-sig"),
    "tabs, UTF-16": PLAIN.replace(",", "\t").encode("utf-16"),
    "UTF-16 that does not say so": PLAIN.encode("utf-16-le"),
    "a title above the headings": f"Class of 2026;;;;\n\n{PLAIN.replace(',', ';')}".encode(),
    "as nbgrader exports it": PLAIN.replace("id,", "student_id,", 1).encode("utf-8-sig"),
    "code page of western Europe": PLAIN.encode("cp1252"),
    "old line ends": PLAIN.replace("\n", "\r").encode(),
    "quoted": "\n".join(",".join(f'"{word}"' for word in line.split(",")) for line in PLAIN.splitlines()).encode(),
    "blank lines, blanks, capitals, further columns": (
        f"\n,,,,,\nID, First name ,LAST_NAME,email,lms_user_id,group\n\nrenée, Renée,Épsilon ,r@b.example,20231234,7\n{',' * 5}\n"
    ).encode(),
    "an accent as a sign of its own": unicodedata.normalize("NFD", PLAIN).encode(),
}
REFUSED = {
    "no column": (b"name,email\nann,a@b\n", "has no column that tells learners apart"),
    "no id in a line": (f"{HEADING}\nann,,,,\n,Bob,,,\n".encode(), "line 3: a learner without an id"),
    "a comma out of quotes": (f"{HEADING}\nann,Ann,Neil, jr.,a@b,1\n".encode(), "line 2 has 6 fields under 5 headings"),
    "a rounded number": (f"{HEADING}\nann,Ann,Neil,,\"2,02E+07\"\n".encode(), 'has rounded a number to "2,02E+07"'),
    "twice": (f"{HEADING}\nann,Ann,,,\nann,Bob,,,\n".encode(), 'line 3: "ann" is there twice'),
    "a path": (f"{HEADING}\n../ann,Ann,,,\n".encode(), '"../ann" cannot be an id'),
    "a workbook": (b"PK\x03\x04rest", "is a spreadsheet's own file: save it as CSV"),
    "empty": (b"\xef\xbb\xbf\n", "is empty"),
    "headings alone": (HEADING.encode(), "has headings and no learner"),
    "an open quote": (b'id,first_name\nann,"Ann\n', "is no CSV file that can be read"),
}  # fmt: skip
CANVAS = """Student,ID,SIS User ID,SIS Login ID,Section,01_small (77),Current Score
,,,,,Manual Posting,
    Points Possible,,,,,6.0,(read only)
"Beta, Alpha",101,20231234,alpha@b.example,A,5,80
"Delta, Gamma",102,20235678,gammadelta,A,,
"Student, Test",999,,x0ffee,A,,
"""
MOODLE = "First name,Last name,ID number,Email address,Groups\nAlpha,Beta,s-1,alpha@b.example,\nGamma,Delta,s-2,gd@b.example,\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Course:
    return small.make(tmp_path_factory.mktemp("roster") / "course")


@pytest.fixture
def course(made, tmp_path) -> Course:
    return Course.here(shutil.copytree(made.root, tmp_path / "course"))


def _enrol(course: Course, content: str | bytes) -> list[str]:
    path = course.root / "list.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(roster.enrol(course, path))


def _students(course: Course) -> dict[str, tuple]:
    with course.gradebook() as gradebook:
        return {one.id: (one.first_name, one.last_name, one.email, one.lms_user_id) for one in gradebook.students}


@pytest.mark.parametrize("how", SAVED)
def test_a_list_is_read_however_it_was_saved(tmp_path, how):
    (tmp_path / "list.csv").write_bytes(SAVED[how])
    [entry], said = roster.read(tmp_path / "list.csv")
    found = [spelling.one(text) for text in (*entry.ids, entry.first_name, entry.last_name, entry.email, entry.lms_user_id)]
    assert found == ["renée", "Renée", "Épsilon", "r@b.example", "20231234"]
    assert ('Look whether "renée" is right' in said) == ("code page" in how)


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_certain_is_refused_in_one_sentence(tmp_path, what):
    (tmp_path / "list.csv").write_bytes(REFUSED[what][0])
    with pytest.raises(CourseError) as refused:
        roster.read(tmp_path / "list.csv")
    assert REFUSED[what][1] in str(refused.value) and "\n" not in str(refused.value)


def test_a_list_adds_and_completes_and_an_empty_field_takes_nothing_away(course, monkeypatch, capsys):
    monkeypatch.chdir(course.root)
    (course.root / "list.csv").write_bytes(SAVED["semicolons"])
    assert main(["roster", "list.csv"]) == 0
    assert "The list has 1: 1 new, 0 known already." in capsys.readouterr().out
    assert _enrol(course, f"{HEADING}\nrenée,Renée,,,\nann,Ann,,,\n") == ["The list has 2: 1 new, 1 known already."]
    assert _students(course)["renée"] == ("Renée", "Épsilon", "r@b.example", "20231234")
    with pytest.raises(CourseError):
        _enrol(course, f"{HEADING}\nbob,Bob,,,\n,,x,,\n")
    assert "bob" not in _students(course), "all of a list, or nothing"


def test_canvas_file_brings_names_and_its_own_numbers_and_ends_without_a_learner_of_its_own(course):
    with course.gradebook() as gradebook:
        gradebook.add_student("ab12", first_name="Alpha", last_name="Beta")
    assert "The list has 2: 1 new, 1 known already." in _enrol(course, CANVAS)
    found = _students(course)
    assert found == {"ab12": ("Alpha", "Beta", "alpha@b.example", "20231234"), "gammadelta": ("Gamma", "Delta", None, "20235678")}
    assert {who: line["ID"] for who, line in records.canvas(course.root).items()} == {"ab12": "101", "gammadelta": "102"}
    _enrol(course, "LastName,FirstName,ID,SIS User ID,SIS Login ID,Section,01_small (77)\nDelta,Gamma-Rho,102,,other,A,5\n")
    assert _students(course)["gammadelta"][0] == "Gamma-Rho", "known by the number, whatever the name"


def test_two_of_one_name_stay_two(course):
    double = CANVAS + '"Beta, Alpha",103,20239999,alpha2@b.example,A,,\n'
    _enrol(course, double)
    assert set(_students(course)) == {"alpha@b.example", "alpha2@b.example", "gammadelta"}


def test_moodles_lists_are_known_by_number_or_address(course):
    _enrol(course, MOODLE)
    assert _students(course)["s-2"] == ("Gamma", "Delta", "gd@b.example", "s-2")
    _enrol(course, 'Identifier,"Full name","Email address",Status\nParticipant 5,Gamma Delta,gd@b.example,Submitted\n')
    assert set(_students(course)) == {"s-1", "s-2"}


def test_a_learner_is_found_in_several_ways_and_never_guessed(course):
    _enrol(course, f"{HEADING}\nann,Ann,Lee,ann@b.example,s-1\nlee2,Lee,Ann,,s-2\nzoë,Zoë,O'Neil,,\n")
    with course.gradebook() as gradebook:
        people = People.of(gradebook, {"zoë": {"Student": "O'Neil, Zoë", "ID": "7", "SIS User ID": "", "SIS Login ID": ""}})
    assert people.find(["ANN@b.example"]) == "ann" == people.find(["s-1"])
    assert people.find(name="oneilzoë", canvas="7") == "zoë" == people.find(name=unicodedata.normalize("NFD", "Zoë ONeil"))
    assert people.find(name="oneilzoë", canvas="8") is None, "another number is another person"
    assert people.find(name="Ann Lee") is None and people.find(["nobody"]) is None


NFD = unicodedata.normalize("NFD", "renée")


def test_two_spellings_of_one_name_are_one_learner_in_folders_and_gradebook(course, capsys):
    _enrol(course, f"{HEADING}\nrenée,Renée,Épsilon,,\n")
    small.hand_in(course, NFD, small.answered(course, RIGHT))
    with course.gradebook() as gradebook:  # as an earlier grading left it
        grade.prepare(course, LESSON)
        gradebook.add_student(NFD)
        gradebook.add_submission(LESSON, NFD)
    (course.root / "autograded" / NFD / LESSON).mkdir(parents=True)
    assert spelling.submitters(course, LESSON) == ["renée"]
    assert spelling.settle(course) == []
    assert [path.name for step in spelling.STEPS[:2] for path in (course.root / step).iterdir()] == ["renée"] * 2
    assert _students(course) == {"renée": ("Renée", "Épsilon", None, None)}
    with course.gradebook() as gradebook:
        assert gradebook.find_submission(LESSON, "renée").student.last_name == "Épsilon"
    assert grade._chosen(course, LESSON, [NFD]) == ["renée"] == grade._chosen(course, LESSON, ["renée"])


def test_what_both_spellings_have_is_named_and_stays(course):
    for name in ("renée", NFD):
        small.hand_in(course, name, "{}")
        (course.root / "feedback" / name / LESSON).mkdir(parents=True)
    [problem] = spelling.settle(course)
    assert problem.startswith("submitted/ has 01_small of renée twice")
    assert len(list((course.root / "submitted").glob(f"*/{LESSON}/{LESSON}.ipynb"))) == 2
    assert [path.name for path in (course.root / "feedback").iterdir()] == ["renée"], "grading makes that anew"
