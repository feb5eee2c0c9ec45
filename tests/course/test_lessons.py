"""Is what a lesson says of itself read right, and is its least time the sum of its parts?"""

import json

import pytest

from helpers.course.lessons import hours, lessons

CELLS = (
    ("markdown", "# 01 · The first steps\n\n**Minutes:** 20", {}),
    ("markdown", "### One\n\n*easy · 5 minutes*\n\nWrite `one(x)`.", {}),
    ("code", "def one(x): ...", {"grade_id": "one", "solution": True}),
    ("code", "checks.one(one)", {}),
    ("code", "checks.one.grade(one)", {"grade_id": "test_one", "solution": False}),
    ("markdown", "### Two\n\n*hard · 1 minute*\n\nSay *easy · 9 minutes* within a line.", {}),
)


@pytest.fixture
def lesson(tmp_path):
    cells = [{"cell_type": kind, "metadata": {"nbgrader": info} if info else {}, "source": [text]} for kind, text, info in CELLS]
    path = tmp_path / "notebooks" / "01_first" / "01_first.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    return lessons(tmp_path)[0]


def test_words_cells_and_minutes_are_counted(lesson):
    assert (lesson.title, lesson.minutes, lesson.exercises) == ("The first steps", 20, ("one",))
    assert (lesson.cells, lesson.exercise_minutes) == (1, 6)
    assert lesson.words == 6 + 7 + 11


def test_the_least_time_is_reading_running_exercises_and_waiting(lesson):
    # 24 words are a sixth of a minute, one cell a third: six and a half minutes, and two of waiting.
    assert lesson.least_minutes() == 7 and lesson.least_minutes(waiting=120) == 9


@pytest.mark.parametrize(
    ("minutes", "said"), [(0.4, "0 minutes"), (45, "45 minutes"), (60, "1 h"), (430.2, "7 h 10"), (605, "10 h 05")]
)
def test_minutes_are_said_as_people_say_them(minutes, said):
    assert hours(minutes) == said
