"""Are exported marks in their columns, whatever the names are?"""

import csv

import pytest

from helpers.grading import classroom
from helpers.grading.export import COLUMNS, export
from tests import small_course as small
from tests.small_course import LESSON

NAME = 'O"Neil, Ann\nMarie; =1+1 – é'


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    made = small.make(tmp_path_factory.mktemp("export") / "course")
    classroom.prepare(made, LESSON)
    with made.gradebook() as gradebook:
        gradebook.add_student("ann", last_name=NAME, email="a@b.example")
        gradebook.add_student("bob")
        gradebook.add_submission(LESSON, "bob")
        gradebook.find_grade("test_double", LESSON, LESSON, "bob").auto_score = 2.5
        gradebook.db.commit()
    return made


def _rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_field_comes_back_as_it_was(course, tmp_path):
    ann, bob = _rows(export(course, tmp_path / "marks.csv"))
    assert tuple(ann) == COLUMNS
    assert (ann["student_id"], ann["last_name"], ann["email"]) == ("ann", NAME, "a@b.example")
    assert (bob["score"], bob["max_score"], bob["last_name"]) == ("2.5", "6.0", "")


def test_who_handed_in_nothing_has_0(course, tmp_path):
    assert [row["score"] for row in _rows(export(course, tmp_path / "marks.csv"))] == ["0.0", "2.5"]


def test_one_lesson_can_be_chosen(course, tmp_path):
    assert len(_rows(export(course, tmp_path / "marks.csv", LESSON))) == 2
    assert _rows(export(course, tmp_path / "marks.csv", "02_other")) == []
