"""Does the demonstration class get the marks it should, and pages that say why?"""

import re
from functools import partial
from pathlib import Path

import pytest

from helpers.course.errors import CourseError
from helpers.grading import demo
from helpers.grading.gradebook import marks
from tests.support import small_course as small

# learner -> (marks for trainable_summary of 4, freeze_base of 6 and set_training_mode of 4; words of the feedback page)
CLASS = {
    "ada-all-right": ((4, 6, 4), "freeze_base: right (6 of 6 points)"),
    "ben-untouched": ((0, 0, 0), "freeze_base: not attempted yet"),
    "cleo-half-way": ((0, 6, 0), "set_training_mode: not attempted yet"),
    "dan-attributes": ((4, 0, 0), "stores an attribute"),
    "eve-part-of-a-name": ((1.5, 4.5, 4), "belong to the base"),
    "fay-broken-file": ((0, 0, 0), "its content is not JSON"),
}
course = small.shared("demo", partial(demo.main, workers=1))


def test_every_mark_is_the_one_that_the_work_is_worth(course):
    found = {entry.student: tuple(entry.points.values()) for entry in marks.marks(course, demo.LESSON)}
    assert found == {student: points for student, (points, _) in CLASS.items()}


def test_the_exercises_and_their_maxima_are_the_lessons(course):
    assert marks.marks(course, demo.LESSON)[0].maximum == {"trainable_summary": 4, "freeze_base": 6, "set_training_mode": 4}


@pytest.mark.parametrize("student", CLASS)
def test_each_page_gives_the_reason_and_no_hidden_test(course, student):
    page = (course.folder("feedback", student, demo.LESSON) / f"{demo.LESSON}.html").read_text(encoding="utf-8")
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page))
    assert CLASS[student][1] in text
    assert "hidden.cases" not in text and "BEGIN HIDDEN" not in text


def test_a_folder_that_is_no_demonstration_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(CourseError, match="no earlier demonstration"):
        demo.make(Path(tmp_path))
    assert (tmp_path / "thesis.txt").exists()
