"""Does the start page say where the learner is, and does JupyterLab start for this user alone?"""

import ast
import json
import os
import re
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from helpers.course import lab, lessons, machine, progress, start_page
from helpers.course.errors import CourseError

LESSONS = (("01_first", "The first steps", 20, ("one", "two")), ("02_second", "The second steps", None, ("three",)))


@pytest.fixture
def course(course_folder: Path) -> Path:
    """A course folder with two lessons, in their outlines, which is the current one."""
    for name, title, minutes, exercises in LESSONS:
        first = f"# 01 · {title}\n\n" + (f"**Minutes:** {minutes}\n" if minutes else "")
        cells = [{"cell_type": "markdown", "metadata": {}, "source": [first]}]
        for exercise in exercises:
            for info in ({"grade_id": exercise, "solution": True}, {"grade_id": f"test_{exercise}", "solution": False}):
                cells.append({"cell_type": "code", "metadata": {"nbgrader": info}, "source": []})
        folder = course_folder / "notebooks" / name
        folder.mkdir(parents=True)
        (folder / f"{name}.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")
    return course_folder


def test_lessons_are_read_from_the_notebooks(course: Path) -> None:
    first, second = lessons.lessons()
    assert (first.name, first.title, first.minutes, first.exercises) == LESSONS[0]
    assert first.number == "01"
    assert (course / first.path).is_file()
    assert second.minutes is None


def test_a_copy_that_is_there_twice_or_has_lost_its_names_has_the_exercises_that_were_handed_out(course: Path) -> None:
    path = course / "notebooks" / "01_first" / "01_first.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    twice = {"cells": notebook["cells"] * 2}
    path.write_text(json.dumps(twice), encoding="utf-8-sig")
    assert lessons.lessons()[0].exercises == LESSONS[0][-1]
    original = course / "source" / "01_first" / "01_first.ipynb"
    original.parent.mkdir(parents=True)
    original.write_text(json.dumps(notebook), encoding="utf-8")
    for cell in twice["cells"]:
        cell["metadata"] = {}
    path.write_text(json.dumps(twice), encoding="utf-8")
    assert lessons.lessons()[0].exercises == LESSONS[0][-1]


def test_page_counts_right_checks_and_names_what_is_next(course: Path) -> None:
    assert "Start with [01 · The first steps]" in start_page.render(progress.load())
    assert '<progress max="2" value="0"></progress> | 0 of 2 |' in start_page.render(progress.load())
    progress.record("01_first", "one", "right")
    progress.record("01_first", "two", "not yet")
    page = start_page.render(progress.load())
    assert 'value="1"></progress> | 1 of 2 |' in page
    assert "Go on with [01 · The first steps: Question 2]" in page
    progress.record("01_first", "two", "right")
    page = start_page.render(progress.load())
    assert "| 2 of 2 · done |" in page
    assert "Go on with [02 · The second steps]" in page
    progress.record("02_second", "three", "right")
    assert "All checks are right" in start_page.render(progress.load())


def test_who_is_further_on_is_not_sent_back_until_the_rest_is_done(course: Path) -> None:
    progress.record("02_second", "three", "not yet")
    assert "Go on with [02 · The second steps: Question 1]" in start_page.render(progress.load())
    progress.record("02_second", "three", "right")
    assert "Go on with [01 · The first steps]" in start_page.render(progress.load())


def test_answers_that_a_class_has_noted_are_done_without_being_right(course: Path) -> None:
    progress.record("01_first", "one", "noted")
    assert 'value="1"></progress> | 1 of 2 noted |' in start_page.render(progress.load())
    assert "Go on with [01 · The first steps: Question 2]" in start_page.render(progress.load())
    progress.record("01_first", "two", "right")
    page = start_page.render(progress.load())
    assert 'value="2"></progress> | 1 of 2 noted, 1 right · done |' in page
    assert "Go on with [02 · The second steps]" in page


def test_page_survives_a_notebook_that_cannot_be_read(course: Path) -> None:
    (course / lessons.lessons()[0].path).write_text("{", encoding="utf-8")
    assert [lesson.name for lesson in lessons.lessons()] == ["02_second"]
    assert "The second steps" in start_page.render(progress.load())


def test_page_without_lessons_says_what_to_do(tmp_path: Path, course: Path) -> None:
    for path in course.glob("notebooks/*/*.ipynb"):
        path.unlink()
    assert "python -m helpers build" in start_page.render(progress.load())


def test_page_shows_the_picture_only_where_it_is(course: Path) -> None:
    assert "](docs/stages.svg)" not in start_page.render(progress.load())
    (course / "docs").mkdir()
    (course / "docs" / "stages.svg").touch()
    assert "](docs/stages.svg)" in start_page.render(progress.load())


def test_page_is_left_alone_when_nothing_changed(course: Path) -> None:
    path = start_page.write(progress.load())
    os.utime(path, (1, 1))
    start_page.write(progress.load())
    assert path.stat().st_mtime == 1
    progress.record("01_first", "one", "right")
    assert path.stat().st_mtime > 1 and "| 1 of 2 |" in path.read_text(encoding="utf-8"), "a check writes it anew by itself"


def test_server_starts_with_the_courses_settings_for_those_who_know_the_token(course: Path) -> None:
    port = lab.free_port(9500)
    with lab.serving(course, port, "the-token") as server:
        assert server.poll() is None
        address = f"http://127.0.0.1:{port}/lab/api/settings/@jupyterlab/apputils-extension:notification"
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(address)
        request = urllib.request.Request(address, headers={"Authorization": "token the-token"})
        with urllib.request.urlopen(request) as answer:
            settings = json.load(answer)["schema"]["properties"]
        assert settings["fetchNews"]["default"] == "false"
        assert settings["checkForUpdates"]["default"] is False
    assert server.poll() is not None


@pytest.mark.parametrize(("instructors", "there"), [(False, set()), (True, {"assignment_list", "formgrader"})])
def test_server_loads_only_what_its_user_needs(course: Path, instructors: bool, there: set[str]) -> None:
    if instructors:
        (course / "nbgrader_config.py").touch()
    with lab.serving(course, lab.free_port(9550), "t"):
        pass
    linked = re.findall(r"(\S+) \| extension was successfully linked", (course / ".course" / lab.LOG).read_text(encoding="utf-8"))
    assert "jupyterlab" in linked and "jupyter_server_terminals" in linked
    assert {name for name in linked if name.startswith(("nbgrader", "jupyter_lsp"))} == {
        f"nbgrader.server_extensions.{name}" for name in there
    }


def test_machine_is_looked_at_while_the_server_starts_which_ends_with_it(course: Path) -> None:
    class Stop(Exception):
        pass

    def look() -> None:
        log = course / ".course" / lab.LOG
        seen.append((log.is_file(), "is running at" in log.read_text(encoding="utf-8")))
        raise Stop

    seen: list[tuple[bool, bool]] = []
    port = lab.free_port(9650)
    with pytest.raises(Stop), lab.serving(course, port, "t", look):
        pytest.fail("the block is not reached")
    assert seen == [(True, False)] and lab.free_port(port) == port


def test_server_that_cannot_start_is_an_error_that_names_the_log(course: Path, monkeypatch) -> None:
    monkeypatch.setattr(lab, "command", lambda root, port: [sys.executable, "-c", "raise SystemExit('no')"])
    with pytest.raises(CourseError, match=r"lab\.log"), lab.serving(course, lab.free_port(9600), "t"):
        pass


def test_only_this_computer_is_served_and_the_token_is_not_on_the_command_line(course: Path) -> None:
    line = " ".join(lab.command(course, 8888))
    assert "--ServerApp.ip=127.0.0.1" in line
    assert "token" not in line
    assert lab.environment(course, "secret")["JUPYTER_TOKEN"] == "secret"


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows knows no root")
@pytest.mark.parametrize(("user", "allowed"), [(0, True), (1000, False)])
def test_root_is_allowed_only_to_root(user: int, allowed: bool, course: Path, monkeypatch) -> None:
    monkeypatch.setattr(lab.os, "geteuid", lambda: user)
    assert ("--allow-root" in lab.command(course, 8888)) is allowed


def test_port_that_is_taken_is_passed_over() -> None:
    with socket.socket() as other:
        other.bind((lab.HOST, lab.free_port(9700)))
        other.listen()
        taken = other.getsockname()[1]
        assert lab.free_port(taken) > taken


def test_no_browser_is_opened_without_a_screen(monkeypatch) -> None:
    monkeypatch.setattr(lab.sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(lab.webbrowser, "open", lambda address: pytest.fail("a text browser would take the terminal"))
    assert lab.open_in_browser("http://127.0.0.1") is False


@pytest.mark.parametrize("own", [None, "own.py"])
def test_a_kernel_looks_for_unreachable_objects_rarely_unless_its_user_has_said_how_it_starts(
    own: str | None, course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONSTARTUP", raising=False)
    if own:
        (course / own).write_text("mine = 1")
        monkeypatch.setenv("PYTHONSTARTUP", str(course / own))
    source = "print(__import__('gc').get_threshold()[0], sorted(name for name in globals() if name[0] != '_'))"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    NotebookClient(notebook, kernel_name="python3").execute(env=lab.environment(course, "secret"))
    words = notebook.cells[0].outputs[0].text
    usual = {"In", "Out", "exit", "quit", "get_ipython", "open"}
    assert words.startswith("700 " if own else "100000 ") and set(ast.literal_eval(words.partition(" ")[2])) - usual == (
        {"mine"} if own else set()
    )


ROOM = 10**10  # bytes of memory that are free


@pytest.mark.parametrize(
    ("opened", "free", "early", "imported"),
    [
        ("import torch", ROOM, True, ["torch"]),
        ("import torch", ROOM, False, ["torch", "torchvision", "timm"]),
        ("import torch", 10**9, False, []),
        ("import copy", ROOM, False, []),
        (None, ROOM, False, []),
    ],
)
def test_a_kernel_imports_torch_while_its_learner_reads(opened, free, early, imported, tmp_path, fresh) -> None:
    """The first cell waits for the module at hand, and no other is begun then. The modules are stand-ins."""
    notebook = tmp_path / "lesson.ipynb"
    if opened:
        notebook.write_text(opened, encoding="utf-8")
    for name in ("torch", "torchvision", "timm"):
        (tmp_path / f"{name}.py").write_text("import builtins\nbuiltins.cell_waits.wait()\nraise ImportError('broken')")
    code = f"""import builtins, os, runpy, sys, threading
from unittest.mock import Mock
from helpers.course import memory
sys.path.insert(0, {str(tmp_path)!r})
os.environ["JPY_SESSION_NAME"] = {str(notebook)!r}
memory.total_and_free = lambda: ({free}, {free})
cell_waits, join, events, asked = threading.Event(), threading.Thread.join, Mock(), []
def told(thread, timeout=None):
    cell_waits.set()
    join(thread, timeout)
threading.Thread.join, builtins.cell_waits = told, cell_waits
sys.meta_path.insert(0, Mock(find_spec=lambda name, *_: asked.append(name)))
runpy.run_path({machine.FOR_KERNELS["PYTHONSTARTUP"]!r}, {{"get_ipython": lambda: Mock(events=events)}})
if not {early}:
    [thread.join() for thread in threading.enumerate() if thread.daemon]
for call in events.register.call_args_list:
    assert call.args[0] == "pre_execute"
    call.args[1]()
    events.unregister.assert_called_once_with(*call.args)
print([name for name in asked if name in ("torch", "torchvision", "timm")])"""
    assert ast.literal_eval(fresh(code).out) == imported
