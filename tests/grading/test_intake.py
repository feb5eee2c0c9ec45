"""Is the notebook found in whatever was handed in, and what is left out named?"""

import os
import zipfile

import pytest

from helpers.grading.submission import intake, listing
from helpers.grading.submission.intake import take_in

LESSON = "01_small"
NAME = f"{LESSON}.ipynb"


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "handed-in"
    path.mkdir()
    return path


def write(folder, name, content="x"):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(content)


def test_files_beside_the_notebook_come_with_it(folder):
    for name in (NAME, "flags.py", "data/a.txt", "timestamp.txt"):
        write(folder, name, name)
    found = take_in(folder, LESSON)
    assert (found.content, found.refused, found.notes) == (NAME.encode(), "", ())
    assert found.files == {"flags.py": b"flags.py", "data/a.txt": b"data/a.txt", "timestamp.txt": b"timestamp.txt"}


@pytest.mark.parametrize("top", ["", "03/", "work/deep/"])
def test_it_is_found_in_a_whole_handout_with_what_lies_beside_it_there(folder, top):
    for name in (
        f"notebooks/{LESSON}/{NAME}",
        f"notebooks/{LESSON}/flags.py",
        f"solutions/{LESSON}/{NAME}",
        "README.md",
        "helpers/a.py",
    ):
        write(folder, f"{top}{name}", name)
    found = take_in(folder, LESSON)
    assert (found.content, found.refused) == (f"notebooks/{LESSON}/{NAME}".encode(), "")
    assert found.files == {"flags.py": f"notebooks/{LESSON}/flags.py".encode()}
    assert f"found as {top}notebooks/{LESSON}/{NAME}" in found.notes[0]
    assert (top or "README.md, helpers/, solutions/")[:5] in found.notes[1]


@pytest.mark.parametrize("inside", [NAME, f"{LESSON}/notebooks/{LESSON}/{NAME}"])
def test_it_is_found_in_a_zip(folder, inside):
    with zipfile.ZipFile(folder / "work.zip", "w") as packed:
        for name in (
            inside,
            f"{inside[: -len(NAME)]}flags.py",
            ".venv/a.py",
            "../../escaped.py",
            "env/pyvenv.cfg",
            "env/lib/b.py",
        ):
            packed.writestr(name, name)
    found = take_in(folder, LESSON)
    assert (found.content, found.files) == (inside.encode(), {"flags.py": f"{inside[: -len(NAME)]}flags.py".encode()})
    assert "in work.zip" in found.notes[0] and ".venv, env" in found.notes[1]


def test_a_zip_that_says_too_little_of_its_size_is_read_no_further(folder, monkeypatch):
    monkeypatch.setattr(intake.preflight, "MAX_BYTES", 1000)
    with zipfile.ZipFile(folder / "work.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(NAME, " " * 1_000_000)
    assert "at most" in take_in(folder, LESSON).refused


def test_names_in_a_zip_that_no_system_can_write_are_left_out(folder):
    with zipfile.ZipFile(folder / "work.zip", "w") as packed:
        for name in (NAME, "a", "a/b", "c/d", "c", "n" * 256):
            packed.writestr(name, name)
    found = take_in(folder, LESSON)
    assert set(found.files) == {"a", "c/d"} and "a/b, c, nnn" in found.notes[1]


def test_what_is_no_zip_is_no_notebook(folder):
    write(folder, "work.zip", "no zip")
    assert "There is no 01_small.ipynb (there is work.zip)" in take_in(folder, LESSON).refused


@pytest.mark.parametrize("name", [f"{LESSON}-1.ipynb", f"ab_123_{LESSON} (2).ipynb"])
def test_one_notebook_with_a_longer_name_is_it_and_two_are_not(folder, name):
    write(folder, name)
    assert "found as" in take_in(folder, LESSON).notes[0]
    write(folder, f"{LESSON}-final.ipynb")
    assert "There is no" in take_in(folder, LESSON).refused


def test_environments_caches_and_hidden_folders_are_named_and_not_read(folder, monkeypatch):
    write(folder, NAME)
    for name in (
        ".venv/a",
        ".git/b",
        "node_modules/c",
        "own-env/lib/d",
        "own-env/pyvenv.cfg",
        "__pycache__/e",
        ".ipynb_checkpoints/f",
    ):
        write(folder, name)
    looked = []
    monkeypatch.setattr(listing.os, "scandir", lambda path, scan=os.scandir: looked.append(path.name) or scan(path))
    found = take_in(folder, LESSON)
    assert found.files == {} and looked == ["handed-in", "own-env"]
    assert found.notes == ("left out, as no part of the work or too much of it: .git, .venv, node_modules, own-env",)


def test_what_is_too_large_or_too_much_is_named(folder, monkeypatch):
    monkeypatch.setattr(intake, "MAX_SIDE_BYTES", 100)
    write(folder, NAME)
    write(folder, "a.txt", "a" * 60)
    write(folder, "model.pth", "b" * 60)
    found = take_in(folder, LESSON)
    assert [*found.files] == ["a.txt"] and "model.pth (0 MB" in found.notes[0]


def test_links_pipes_deep_folders_and_odd_names_do_no_harm(folder):
    write(folder, NAME)
    (folder / "link").symlink_to("/etc")
    os.mkfifo(folder / "pipe")
    (folder / "timestamp.txt").mkdir()
    write(folder, "timestamp.txt/inside")
    write(folder, "two\nlines\x1b[31m.txt")
    here = os.open(folder, os.O_RDONLY)
    for _ in range(300):
        os.mkdir("d", dir_fd=here)
        here, above = os.open("d", os.O_RDONLY, dir_fd=here), here
        os.close(above)
    os.close(here)
    found = take_in(folder, LESSON)
    assert found.content == b"x" and [*found.files] == ["two\nlines\x1b[31m.txt"]
    assert found.notes[0].isprintable() and "timestamp.txt" in found.notes[0] and "link" in found.notes[0]
