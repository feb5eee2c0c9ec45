"""Does a learner see what is done and what is next, in the notebook as checks come out right, and in a terminal?"""

import json
import shutil

import pytest
from bs4 import BeautifulSoup

from helpers.checks.quiz import questions
from helpers.course import files, live_view, progress, whereabouts
from helpers.course.guesses import Guesses
from tests.support.small_course import REPOSITORY

LESSON, EXERCISES = "03_freeze_base", ("trainable_summary", "freeze_base", "set_training_mode")


@pytest.fixture
def course(course_folder, monkeypatch):
    for lesson in (LESSON, "04_train_head", "08_quiz"):
        for folder in ("source", "notebooks"):
            shutil.copytree(REPOSITORY / folder / lesson, course_folder / folder / lesson)
    monkeypatch.setattr(progress, "_followers", {})
    return course_folder


@pytest.fixture
def shown(monkeypatch):
    found = []
    monkeypatch.setattr("IPython.display.display", lambda data, **_: found.append(data))
    return found


def test_a_board_follows_checks_without_being_run_again(course, shown, monkeypatch):
    monkeypatch.setattr(live_view, "has_page", lambda: True)
    board = whereabouts.Board(LESSON)
    board._ipython_display_()
    assert board.words() == "0 of 3 done. Next: Exercise 1: count what is trainable." and tuple(board.exercises) == EXERCISES
    progress.record(LESSON, EXERCISES[0], "right")
    progress.record(LESSON, EXERCISES[1], "not yet")
    page = BeautifulSoup(board._view.widget.html, "html.parser")
    assert board._view.widget.said == "1 of 3 done. Next: Exercise 2: freeze the base."
    assert [row.get_text(" ").split()[0] for row in page.select("li")] == ["✓", "✕", "○"]
    assert [(one["data-do"], one["data-value"]) for one in page.select("button")] == [("go", name) for name in EXERCISES]
    assert "<button" not in shown[0]["text/html"] and "1 of 3" in repr(board)
    again = whereabouts.Board(LESSON)
    again._ipython_display_()
    for name in EXERCISES[1:]:
        progress.record(LESSON, name, "right")
    assert again.words() == "3 of 3 done. This lesson is done." == again._view.widget.said
    assert board._view.widget.said.startswith("1 of 3"), "the board that was shown first is no longer told"


def test_a_lesson_ends_with_its_board_where_a_page_follows_it_and_nowhere_else(course, shown, monkeypatch):
    back = Guesses(LESSON).look_back({"sum of flags": 161})
    back._ipython_display_()
    assert len(shown) == 1 and "161" in shown[0]["text/html"]
    monkeypatch.setattr(live_view, "has_page", lambda: True)
    back._ipython_display_()
    assert "0 of 3 done" in shown[-1]["text/html"] and live_view.VIEW_MIME in shown[-1]


def test_questions_go_by_number_and_what_is_noted_is_done(course):
    board = whereabouts.Board("08_quiz")
    assert list(board.exercises.values()) == [f"Question {number}" for number in range(1, len(questions.load()) + 1)]
    progress.record("08_quiz", next(iter(board.exercises)), "noted")
    assert board.words() == f"1 of {len(board.exercises)} done. Next: Question 2."


def test_the_command_says_where_to_go_on(course):
    assert whereabouts.lines()[-2].startswith("Start with 03 · Freeze the base: Exercise 1")
    for name in EXERCISES:
        progress.record(LESSON, name, "right")
    progress.record("04_train_head", "make_optimizer", "right")
    *told, blank, following, path = whereabouts.lines()
    assert told[0] == "✓ 03 Freeze the base: 3 of 3 done" and told[1] == "  04 Train the head: 1 of 5 done" and not blank
    assert following == "Go on with 04 · Train the head: Exercise 2: one epoch (cell train_one_epoch)"
    assert path.strip() == str(course / "notebooks" / "04_train_head" / "04_train_head.ipynb")
    everything = {one.name: dict.fromkeys(one.exercises, "right") for one in whereabouts.lessons()}
    files.path("progress.json").write_text(json.dumps(everything), encoding="utf-8")
    assert whereabouts.lines()[-1] == "All checks are right."
