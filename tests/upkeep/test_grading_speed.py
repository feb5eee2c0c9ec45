"""Does the benchmark of grading say what it compares, where stock nbgrader graded only some?"""

import subprocess
import sys
from dataclasses import replace

import pytest

from helpers.course.machine import ONE_THREAD
from helpers.upkeep import bench, grading_speed
from helpers.upkeep.grading_speed import SpeedComparison
from tests.support import small_course as small

ALL = SpeedComparison(30, 30, {"03": 300.0, "04": 300.0}, {"03": 400.0, "04": 500.0}, 30.0, 60.0, same=True)
SOME = replace(ALL, stock_submissions=6, stock={"03": 60.0, "04": 60.0}, stock_cpu={"03": 80.0, "04": 100.0})


def test_some_submissions_stand_for_all_and_that_is_said():
    figures = "30 submissions, stock 600 s, ours 30 s: 20.0 x; CPU 900 s and 60 s: 15.0 x"
    figures += ", of one submission 30.00 s and 2.00 s, same marks"
    assert str(ALL) == figures
    assert str(SOME) == f"{figures}. Stock graded 6 of them: its seconds are those times 5"
    assert SOME.cpu_ratio == ALL.cpu_ratio == 15 and "DIFFERENT marks" in str(replace(SOME, same=False))


def test_stock_nbgrader_is_handed_the_first_few(tmp_path, monkeypatch):
    course = small.make(tmp_path / "ours")
    for name in ("a", "b", "c"):
        small.hand_in(course, name, small.answered(course, small.RIGHT))
    monkeypatch.setattr(grading_speed, "_seconds", lambda *_: (0.0, 0.0))
    stock = grading_speed._stock_course(tmp_path / "stock", course, (small.LESSON,), 2)
    assert sorted(path.name for path in (stock.root / "submitted").iterdir()) == ["a", "b"]


@pytest.mark.parametrize("command", ["nbgrader", "helpers"])
def test_both_have_one_thread_a_process(command, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(grading_speed, "used_by_children", lambda: 0.0)  # which waits for all of this process's
    monkeypatch.setattr(grading_speed, "prctl", lambda *_: None)
    monkeypatch.setattr(subprocess, "run", lambda *_, env, **__: seen.append(env) or subprocess.CompletedProcess([], 0, "", ""))
    grading_speed._seconds(tmp_path, command, "grade")
    assert {name: seen[0][name] for name in ONE_THREAD} == ONE_THREAD


def test_the_command_hands_its_numbers_on(monkeypatch):
    asked = []
    monkeypatch.setattr(grading_speed, "run", lambda *numbers: asked.append(numbers) or SOME)
    monkeypatch.setattr(bench, "machine_words", lambda: "a machine")
    monkeypatch.setattr(sys, "argv", ["helpers", "bench", "grading", "--count", "15", "--stock", "3"])
    from helpers import __main__

    assert __main__.main() == 0 and asked == [(15, grading_speed.LESSONS, 3)]
