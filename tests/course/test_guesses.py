"""Are guesses kept on this computer, shown beside what was measured, and missed by nobody who writes none?"""

import numpy as np
import pytest

from helpers.course import files
from helpers.course.errors import CourseError
from helpers.course.guesses import LAST_WORDS, LONGEST, NO_GUESS, Guesses

LESSON = "02_replace_head"


def test_a_guess_is_shown_beside_what_was_measured_also_by_a_later_kernel(course_folder, capsys):
    Guesses(LESSON).write_down("nearest row", "tulip")
    assert capsys.readouterr().out == "Written down: nearest row: tulip\n"
    Guesses("01_load_pretrained").write_down("nearest row", "another lesson's")
    back = Guesses(LESSON).look_back({"nearest row": "bee", "parameters": 23_528_522})
    assert back.rows == (("nearest row", "tulip", "bee"), ("parameters", "", "23,528,522"))
    assert repr(back).endswith(LAST_WORDS) and "tulip" in repr(back) and "<td" in back._repr_html_()


def test_a_notebook_without_guesses_runs_and_keeps_nothing(course_folder, capsys):
    guesses = Guesses(LESSON)
    guesses.write_down("nearest row", None)
    guesses.write_down("nearest row", "  ")
    assert capsys.readouterr().out == "" and not files.path("guesses.json").exists()
    assert guesses.look_back({"nearest row": "bee"}).last_words == NO_GUESS


def test_the_later_guess_counts(course_folder):
    guesses = Guesses(LESSON)
    guesses.write_down("loss", 1)
    guesses.write_down("loss", 2.30258)
    assert guesses.look_back({"loss": np.float32(2.4)}).rows == (("loss", "2.303", "2.4"),)


@pytest.mark.parametrize(
    ("guess", "shown"),
    [
        (0, "0"), (0.1, "0.1"), (23528522, "23,528,522"), (float("nan"), "nan"), (True, "True"), ([1, "a"], "[1, 'a']"),
        ("two\nlines", "two lines"), ("x" * 1000, "x" * LONGEST),
    ],
)  # fmt: skip
def test_any_kind_of_value_can_be_a_guess(course_folder, guess, shown):
    guesses = Guesses(LESSON)
    guesses.write_down("it", guess)
    assert guesses.look_back({"it": guess}).rows == (("it", shown, shown),)


def test_what_a_learner_writes_is_text_and_no_html(course_folder):
    guesses = Guesses(LESSON)
    guesses.write_down("it", "<script>")
    assert "<script>" not in guesses.look_back({"it": 1})._repr_html_()


@pytest.mark.parametrize("content", ["no json", "[1]", '{"02_replace_head": 3}', '{"02_replace_head": {"it": {"a": 1}}}'])
def test_a_spoiled_file_is_no_error(course_folder, content):
    (course_folder / ".course").mkdir()
    files.path("guesses.json").write_text(content, encoding="utf-8")
    guesses = Guesses(LESSON)
    guesses.write_down("loss", 1)
    assert guesses.look_back({"loss": 2}).rows == (("loss", "1", "2"),)


def test_a_folder_that_cannot_be_written_keeps_the_guess_for_this_kernel(course_folder):
    (course_folder / ".course").write_text("a file where the folder should be")
    guesses = Guesses(LESSON)
    guesses.write_down("loss", 1)
    assert guesses.look_back({"loss": 2}).rows == (("loss", "1", "2"),)


def test_graders_keep_no_guesses(course_folder, monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    Guesses(LESSON).write_down("loss", 1)
    assert not files.path("guesses.json").exists()


def test_nothing_measured_is_said_in_a_sentence(course_folder):
    with pytest.raises(CourseError, match="nothing to look back on"):
        Guesses(LESSON).look_back({})
