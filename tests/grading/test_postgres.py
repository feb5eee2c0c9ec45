"""The gradebook on a PostgreSQL server, by one setting: the same marks, report and export as with SQLite.

The server is Debian's, started here on a Unix socket in a folder of its own, and ended with the test.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from helpers.__main__ import main
from helpers.course.errors import CourseError
from helpers.grading.class_report import gather
from helpers.grading.classroom import grade, workers
from helpers.grading.gradebook import backup, export, marks
from helpers.grading.nbgrader_course import Course
from tests.support import small_course as small
from tests.support.small_course import LESSON, RIGHT

SECONDS = 60
FOUND = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
CLASS = {"first": RIGHT, "second": {"double": RIGHT["double"]}, "third": {}}
QUIET = grade.Options(workers=1, progress=False)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a server that has just been set up, as a user would write it."""
    if not os.environ.get("CI"):
        if not FOUND:
            pytest.skip("there is no PostgreSQL here: `apt-get install postgresql` brings it")
        pytest.importorskip("psycopg", reason="psycopg is not installed: `pip install 'psycopg[binary]'` brings it")
    assert FOUND, "CI must have PostgreSQL"
    programs = FOUND[-1].parent
    # A socket's path must be short, and the folder one that the server's own user may enter.
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        own = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []  # the server refuses to be run by root
        if own:
            shutil.chown(folder, "postgres")
        data = folder / "data"
        setup = ["-U", "instructor", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C"]
        subprocess.run([*own, programs / "initdb", "-D", data, *setup], check=True, capture_output=True, cwd="/", timeout=SECONDS)
        options = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}", "-c", "fsync=off"]
        with (
            (folder / "log").open("wb") as log,
            subprocess.Popen([*own, programs / "postgres", "-D", data, *options], cwd="/", stdout=log, stderr=log) as process,
        ):
            try:
                ask = [programs / "psql", "-h", folder, "-U", "instructor", "-d", "postgres", "-c", "CREATE DATABASE course"]
                end = time.monotonic() + SECONDS
                while subprocess.run(ask, capture_output=True, check=False, cwd="/").returncode:
                    assert process.poll() is None and time.monotonic() < end, (folder / "log").read_text()
                    time.sleep(0.05)
                yield f"postgresql://instructor@/course?host={folder}"
            finally:
                process.terminate()  # runuser passes it on
                process.wait(timeout=SECONDS)


def _findings(course: Course, folder: Path) -> dict[str, object]:
    """All that an instructor gets to see of the gradebook."""
    folder.mkdir()
    layouts = ("nbgrader", "canvas", "moodle")
    tables = {name: export.export(course, folder / name, LESSON, name).read_text(encoding="utf-8") for name in layouts}
    found = gather.collect(course, LESSON)
    untimed = [replace(learner, seconds=None) for learner in found.learners]
    return {"marks": marks.marks(course, LESSON), **tables, "report": replace(found, learners=untimed)}


def test_the_same_class_on_postgresql_gets_the_same_marks_report_and_export(server, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("NBGRADER_DB_URL", raising=False)
    course = small.make(tmp_path / "course")
    for student, answers in CLASS.items():
        small.hand_in(course, student, small.answered(course, answers))
    small.hand_in(course, "broken", "{")
    small.grade_here(course)
    wanted, file = _findings(course, tmp_path / "sqlite"), (course.root / "gradebook.db").read_bytes()
    assert {entry.student: entry.total for entry in wanted["marks"]} == {"broken": 0, "first": 6, "second": 4, "third": 0}

    monkeypatch.setenv("NBGRADER_DB_URL", server)
    moved = Course.here(course.root)
    outcomes = small.grade_here(moved)
    assert all(outcome.new for outcome in outcomes), "a gradebook that has no marks yet gets them, whatever lies in autograded/"
    assert _findings(moved, tmp_path / "postgres") == wanted
    assert (course.root / "gradebook.db").read_bytes() == file

    # A mark given by hand stays, and a learner's marks come all together or not at all.
    with moved.gradebook() as book:
        book.find_grade("test_colour", LESSON, LESSON, "second").manual_score = 1.5
        book.db.commit()
    before = marks.marks(moved, LESSON)
    with monkeypatch.context() as patch:
        patch.setattr("helpers.grading.gradebook.store._seal", _fail)
        with pytest.raises(CourseError, match="second could not be stored"):
            small.grade_here(moved, ["second"], again=True)
    assert marks.marks(moved, LESSON) == before

    assert backup.back_up(moved) is None
    monkeypatch.chdir(course.root)
    assert main(["grade", LESSON, "--quiet"]) == 0
    said = capsys.readouterr().out
    assert "Marks go to postgresql+psycopg://instructor@/course" in said and "backing it up is its server's business" in said
    assert "0 graded now, 4 before." in said


def _fail(*_: object) -> None:
    raise OSError("in the middle")


def test_a_server_that_is_not_there_is_said(tmp_path, monkeypatch):
    if not os.environ.get("CI"):
        pytest.importorskip("psycopg")
    course = small.make(tmp_path / "course")
    monkeypatch.setenv("NBGRADER_DB_URL", f"postgres://me:secret-word@/course?host={tmp_path}")
    small.hand_in(course, "broken", "{")
    with pytest.raises(CourseError, match=r"^The gradebook postgresql\+psycopg://me:\*\*\*@/course.* cannot be opened") as caught:
        grade.grade(Course.here(course.root), LESSON, options=QUIET)
    assert "secret-word" not in str(caught.value)


def test_a_missing_driver_is_said_with_its_remedy(tmp_path, monkeypatch):
    course = small.make(tmp_path / "course")
    small.hand_in(course, "broken", "{")
    monkeypatch.setenv("NBGRADER_DB_URL", "postgresql://me@127.0.0.1/course")
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.setattr(workers.Workers, "crew", _fail)
    with pytest.raises(CourseError, match=r"psycopg is not installed: run `pip install 'psycopg\[binary\]'`"):
        grade.grade(Course.here(course.root), LESSON, options=QUIET)


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("postgres://a@h/c", "postgresql+psycopg://a@h/c"),
        ("postgresql://a@h/c?x=://", "postgresql+psycopg://a@h/c?x=://"),
        ("postgresql+psycopg://a@h/c", "postgresql+psycopg://a@h/c"),
        ("sqlite:////srv/marks.db", "sqlite:////srv/marks.db"),
    ],
)
def test_one_setting_says_where_marks_go(tmp_path, monkeypatch, given, taken):
    shutil.copy(small.REPOSITORY / "nbgrader_config.py", tmp_path)
    monkeypatch.setenv("NBGRADER_DB_URL", given)
    assert Course.here(tmp_path).directory().db_url == taken
