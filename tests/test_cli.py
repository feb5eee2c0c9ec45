"""Does the command line reach the right work, and say bad input in one sentence?"""

import re

import pytest

from helpers.__main__ import main
from tests.support import small_course as small
from tests.support.small_course import LESSON, RIGHT


@pytest.fixture
def course(tmp_path, monkeypatch):
    made = small.make(tmp_path / "course")
    monkeypatch.chdir(made.root)
    return made


def test_the_whole_line_by_command(course, capsys):
    assert main(["build"]) == 0 and main(["build", "--check"]) == 0
    assert main(["release", LESSON]) == 0
    assert (course.root / "handout" / f"{LESSON}.zip").is_file()
    small.hand_in(course, "ada", small.answered(course, RIGHT))
    small.hand_in(course, "ben", "broken")
    assert main(["grade", LESSON, LESSON, "--workers", "2"]) == 0
    assert (course.folder("feedback", "ben", LESSON) / f"{LESSON}.html").is_file(), "a refused file has its page at once"
    assert main(["feedback", LESSON]) == 0
    assert main(["export", "--to", "all.csv"]) == 0
    said = capsys.readouterr().out
    assert re.findall(r"(\d) graded now, (\d) before", said) == [("2", "0"), ("0", "2")]
    assert re.search(r"^ada +4 +2 +6$", said, re.MULTILINE)
    assert "ben: 01_small.ipynb is not a notebook" in said
    assert str(course.folder("feedback", "ada", LESSON)) in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["grade", "99_none"], "There is no lesson '99_none'"),
        (["grade", LESSON, "99_none"], "There is no lesson '99_none'"),
        (["grade", LESSON], "Nobody has handed in 01_small"),
        (["feedback", LESSON], "nothing graded"),
        (["release", "x"], "There is no lesson 'x'"),
        (["check", "none.ipynb"], "There is no notebook none.ipynb"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_1(course, capsys, arguments, said):
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error and error.count("\n") == 1


def test_an_unknown_learner_is_named_beside_those_there_are(course, capsys):
    small.hand_in(course, "ada", "x")
    assert main(["grade", LESSON, "--student", "bob"]) == 1
    assert "bob handed in nothing for 01_small: those who did are ada." in capsys.readouterr().err
    assert main(["grade", LESSON, "--workers", "0"]) == 1


def test_an_outdated_release_is_not_graded(course, capsys):
    small.hand_in(course, "ada", small.answered(course, RIGHT))
    path = course.root / "notebooks" / LESSON / f"{LESSON}.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace("4 points", "5 points"), encoding="utf-8")
    assert main(["build", "--check"]) == 1
    assert main(["grade", LESSON]) == 1
    assert "run `python -m helpers build` first" in capsys.readouterr().err


def test_no_command_imports_torch_before_it_has_to(fresh):
    ran = fresh("import contextlib, helpers.__main__ as line\nwith contextlib.suppress(SystemExit): line.main(['--help'])")
    assert not {"torch", "nbgrader"} & ran.modules
    for word in ("build", "release", "grade", "feedback", "export", "check", "where", "doctor", "lab", "demo", "roster", "due"):
        assert f"    {word} " in ran.out


def test_the_graders_modules_do_without_torch(fresh):
    modules = "helpers.grading.classroom, helpers.grading.demo, helpers.grading.hidden"
    assert "torch" not in fresh(f"import {modules}", ("nbgrader",)).modules
