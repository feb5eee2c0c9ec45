"""Are exported marks in their columns, whatever the names are, and does nothing in them run in a spreadsheet?"""

import csv
import shutil

import pytest

from helpers.__main__ import main
from helpers.course.errors import CourseError
from helpers.grading.classroom import grade
from helpers.grading.gradebook import records
from helpers.grading.gradebook.export import COLUMNS, export, harmless
from helpers.grading.nbgrader_course import Course
from tests.support import small_course as small
from tests.support.small_course import LESSON

NAME = 'O"Neil, Ann\nMarie; =1+1 – é'
FORMULAS = {text: f"'{text}" for text in ("=1+1", "+49 30", "-2", "@SUM(A1)", "  =1", "\rx", "＝1+1")}
FORMULAS |= {"\t=1": "'\t'=1", "x;=1+1": "x;'=1+1", "x\n=1": "x\n'=1"}
LEFT_ALONE = {content: content for content in ("a@b.example", "Smith-Jones", "O'Neil", "", -2.5, None)}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    made = small.make(tmp_path_factory.mktemp("export") / "course")
    grade.prepare(made, LESSON)
    with made.gradebook() as gradebook:
        gradebook.add_student("ann", last_name=NAME, email="a@b.example")
        gradebook.add_student("bob")
        gradebook.add_submission(LESSON, "bob")
        gradebook.find_grade("test_double", LESSON, LESSON, "bob").auto_score = 2.5
        gradebook.db.commit()
    return made


def _rows(path, reader=csv.DictReader):
    with open(path, newline="", encoding="utf-8-sig") as file:
        return list(reader(file))


def test_every_field_comes_back_as_it_was_on_one_line(course, tmp_path):
    ann, bob = _rows(export(course, tmp_path / "marks.csv"))
    assert tuple(ann) == COLUMNS
    assert (ann["student_id"], ann["last_name"], ann["email"]) == ("ann", NAME.replace("\n", "\\n"), "a@b.example")
    assert (bob["score"], bob["max_score"], bob["last_name"]) == ("2.5", "6.0", "")


def test_a_spreadsheet_is_told_that_it_is_utf_8_and_the_platforms_need_not_be(school, tmp_path):
    layouts = {
        layout: export(school, tmp_path / layout, layout=layout).read_bytes() for layout in ("nbgrader", "canvas", "moodle")
    }
    assert [content.startswith(b"\xef\xbb\xbf") for content in layouts.values()] == [True, False, False]


def test_canvas_is_told_its_own_numbers_and_no_other(school, tmp_path):
    ours = Course.here(shutil.copytree(school.root, tmp_path / "course"))
    line = {"Student": "Marie, Ann", "ID": "101", "SIS User ID": "", "SIS Login ID": "ann@b.example", "Section": "A"}
    records.remember_canvas(ours.root, {"ann": line})
    _, _, ann, bob, _ = _rows(export(ours, tmp_path / "marks.csv", layout="canvas"), csv.reader)
    assert ann[:5] == ["Marie, Ann", "101", "4711", "ann@b.example", "A"]
    assert bob[:4] == ["'+2, =1+1", "", "s-12", "bob"], "a number of another kind in column ID is nobody, or somebody else"


def test_what_was_handed_in_and_has_no_mark_is_named_wherever_it_lies(school, tmp_path, monkeypatch, capsys):
    ours = Course.here(shutil.copytree(school.root, tmp_path / "course"))
    for student, folder in (("ann", ""), ("dora", "week-1"), ("emil", "")):
        path = ours.root / "submitted" / student / folder / LESSON / f"{LESSON}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text("{}")
    monkeypatch.chdir(ours.root)
    assert main(["export", "--lesson", LESSON]) == 0
    assert f"Handed in and not graded, {LESSON}: dora, emil. Run `python -m helpers grade {LESSON}`." in capsys.readouterr().out


def test_who_handed_in_nothing_has_0(course, tmp_path):
    assert [row["score"] for row in _rows(export(course, tmp_path / "marks.csv"))] == ["0.0", "2.5"]


def test_one_lesson_can_be_chosen(course, tmp_path):
    assert len(_rows(export(course, tmp_path / "marks.csv", LESSON))) == 2
    assert _rows(export(course, tmp_path / "marks.csv", "02_other")) == []


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    """A course with two lessons in its gradebook, learners with odd names, and one who has handed in one lesson late."""
    made = small.make(tmp_path_factory.mktemp("school") / "course")
    grade.prepare(made, LESSON)
    with made.gradebook() as gradebook:
        gradebook.add_assignment("02_other")
        gradebook.add_student("ann", first_name="Ann\nMarie", last_name=NAME, email="ann@b.example", lms_user_id="4711")
        gradebook.add_student("bob", first_name="=1+1", last_name="+2", email="bob@b.example", lms_user_id="s-12")
        gradebook.add_student("cid", last_name="    Points Possible", email="cid@b.example")
        submission = gradebook.add_submission(LESSON, "ann")
        gradebook.find_grade("test_double", LESSON, LESSON, "ann").auto_score = 2.5
        submission.notebooks[0].late_submission_penalty = 1.0
        gradebook.add_submission(LESSON, "cid")
        gradebook.db.commit()
    return made


def test_canvas_has_its_heading_the_maxima_and_nothing_for_what_was_not_handed_in(school, tmp_path):
    heading, maxima, ann, bob, cid = _rows(export(school, tmp_path / "marks.csv", layout="canvas"), csv.reader)
    assert heading == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", LESSON, "02_other"]
    assert maxima == ["    Points Possible", "", "", "", "", "6.0", "0.0"]
    assert ann == ['O"Neil, Ann Marie; =1+1 – é, Ann Marie', "", "4711", "ann", "", "1.5", ""]
    assert bob == ["'+2, =1+1", "", "s-12", "bob", "", "", ""]
    assert cid == ["points possible", "", "", "cid", "", "0.0", ""], "a learner's line is not taken for that of the maxima"


def test_moodle_has_one_column_that_finds_everyone_and_a_dash_for_what_was_not_handed_in(school, tmp_path):
    heading, ann, bob, cid = _rows(export(school, tmp_path / "marks.csv", layout="moodle"), csv.reader)
    assert heading[:5] == ["Email address", "First name", "Last name", LESSON, f"{LESSON} (feedback)"]
    assert (ann[0], ann[1], ann[3]) == ("ann@b.example", "Ann Marie", "1.5")
    assert ann[4] == "colour 0 of 2; double 2.5 of 4; late: 1 less"
    assert bob == ["bob@b.example", "'=1+1", "'+2", "-", "", "-", ""]
    assert (cid[3], cid[4]) == ("0.0", "colour 0 of 2; double 0 of 4")


def test_moodle_finds_learners_by_what_all_of_them_have(course, tmp_path):
    assert _rows(export(course, tmp_path / "marks.csv", layout="moodle"), csv.reader)[0][0] == "Username", "bob has no address"


@pytest.mark.parametrize("layout", ["canvas", "moodle"])
def test_one_lesson_alone_or_a_sentence_if_there_is_no_such(school, tmp_path, layout):
    heading, *lines = _rows(export(school, tmp_path / "marks.csv", LESSON, layout), csv.reader)
    assert "02_other" not in heading
    assert not any("bob" in field for line in lines for field in line), "without a mark, so an import removes none that is there"
    assert any("cid" in field for line in lines for field in line)
    with pytest.raises(CourseError, match="99_none is not in the gradebook: it has 01_small, 02_other"):
        export(school, tmp_path / "marks.csv", "99_none", layout)


def test_nbgraders_format_leads_formulas_by_an_apostrophe_as_well(school, tmp_path):
    _, bob, _ = _rows(export(school, tmp_path / "marks.csv", LESSON))
    assert (bob["first_name"], bob["last_name"], bob["score"]) == ("'=1+1", "'+2", "0.0")


@pytest.mark.parametrize(("text", "shown"), (FORMULAS | LEFT_ALONE).items())
def test_only_what_a_spreadsheet_would_run_is_changed(text, shown):
    assert harmless(text) == shown


def test_the_command_knows_the_formats(school, monkeypatch, capsys):
    monkeypatch.chdir(school.root)
    for layout, name in (("nbgrader", "grades.csv"), ("canvas", "grades_canvas.csv"), ("moodle", "grades_moodle.csv")):
        assert main(["export", "--format", layout, "--lesson", LESSON]) == 0
        assert (school.root / name).is_file()
    assert main(["export", "--format", "canvas", "--to", "mine.csv"]) == 0
    said = capsys.readouterr().out
    assert "Marks are in mine.csv" in said and said.count("an import removes the one that is there") == 1
    assert (school.root / "mine.csv").is_file()
