"""Do downloads of Canvas, of Moodle and of nobody in particular reach the right folders, and is nothing lost on the way?"""

import os
import shutil
import zipfile
from pathlib import Path

import pytest

from helpers.__main__ import main
from helpers.course.errors import CourseError
from helpers.grading.collect.collect import Collected, collect
from helpers.grading.collect.platforms import CANVAS, MOODLE, PLAIN, lesson_of, recognised
from helpers.grading.collect.put import NEW, OLDER, REPLACED, SAME
from helpers.grading.gradebook import lateness, records, roster
from helpers.grading.gradebook.export import export
from helpers.grading.nbgrader_course import Course
from tests.support import small_course as small
from tests.support.small_course import LESSON, RIGHT

LESSONS = ["01_small", "10_capstone"]
ROSTER = "id,first_name,last_name,email,lms_user_id\nalphabeta,Alpha,Beta,,\ngammadelta,Gamma,Delta,,\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Course:
    return small.make(tmp_path_factory.mktemp("collect") / "course")


@pytest.fixture
def course(made, tmp_path) -> Course:
    return Course.here(shutil.copytree(made.root, tmp_path / "course"))


def _write(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    return folder


def _zip(path: Path, files: dict[str, str], year: int = 2026) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (year, 1, 2, 3, 4, 6)), content)
    return path


def _there(course: Course) -> dict[str, str]:
    root = course.root / "submitted"
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in root.rglob("*") if path.is_file()}


def _list(course: Course, content: str) -> None:
    (course.root / "list.csv").write_text(content, encoding="utf-8")
    assert list(roster.enrol(course, course.root / "list.csv"))


class Named:
    """As much of a file of a download as its name."""

    def __init__(self, path: str):
        self.parts = tuple(path.split("/"))

    def _replace(self, parts: tuple[str, ...]) -> "Named":
        return Named("/".join(parts))


@pytest.mark.parametrize(
    ("path", "platform", "who", "number", "attempt", "late", "lesson"),
    [
        ("betaalpha_101_9001_01_small.ipynb", CANVAS, "betaalpha", "101", 9001, False, "01_small"),
        ("betaalpha_LATE_101_9001_01_small-2.ipynb", CANVAS, "betaalpha", "101", 9001, True, "01_small"),
        ("o_neil_101_9001_01_small-1-1.ipynb", CANVAS, "o_neil", "101", 9001, False, "01_small"),
        ("李小_7_8_10_capstone-0b9cdf5a-4d0e-4e0e-9e0e-0123456789ab.ipynb", CANVAS, "李小", "7", 8, False, "10_capstone"),
        ("LATE_anon_Ab3x9_9001_01_small.ipynb", CANVAS, "anon_Ab3x9", "", 9001, True, "01_small"),
        ("betaalpha_101_9001_homework.ipynb", CANVAS, "betaalpha", "101", 9001, False, ""),
        ("Alpha Beta_5001_assignsubmission_file/01_small.ipynb", MOODLE, "Alpha Beta", "5001", 0, False, "01_small"),
        ("Alpha Beta_5001_assignsubmission_file_/week 1/01_small (1).ipynb", MOODLE, "Alpha Beta", "5001", 0, False, "01_small"),
        ("Alpha Beta_5001_assignsubmission_file_01_small.ipynb", MOODLE, "Alpha Beta", "5001", 0, False, "01_small"),
        ("Alpha Beta_5001_assignsubmission_onlinetext/onlinetext.html", MOODLE, "Alpha Beta", "5001", 0, False, ""),
        ("ada/01_small/01_small.ipynb", PLAIN, "ada", "", 0, False, "01_small"),
        ("ada/10_capstone/mine-Copy1.ipynb", PLAIN, "ada", "", 0, False, "10_capstone"),
        ("ada_01_small.ipynb", PLAIN, "ada", "", 0, False, "01_small"),
        ("01_small-ada (2).ipynb", PLAIN, "ada", "", 0, False, "01_small"),
        ("s_123_10_capstone.ipynb", PLAIN, "s_123", "", 0, False, "10_capstone"),
        ("01_small-20231234.ipynb", PLAIN, "20231234", "", 0, False, "01_small"),
        ("ada.zip", PLAIN, "ada", "", 0, False, ""),
        ("01_small.ipynb", PLAIN, "", "", 0, False, "01_small"),
        ("readme.txt", PLAIN, "", "", 0, False, ""),
    ],
)
def test_a_name_says_who_what_and_which_attempt(path, platform, who, number, attempt, late, lesson):
    [found, _] = recognised([Named(path), Named("other/thing.txt")], LESSONS)
    assert (found.platform, found.who, found.number, found.attempt, found.late) == (platform, who, number, attempt, late)
    assert lesson_of(found, LESSONS) == lesson


@pytest.mark.parametrize(
    ("paths", "who"),
    [
        (["week 1/submissions/ada/01_small.ipynb", "week 1/submissions/bob/01_small.ipynb"], "ada"),
        (["all/betaalpha_101_9001_01_small.ipynb"], "betaalpha"),
        (["all/ada_01_small.ipynb", "all/bob_01_small.ipynb"], "ada"),
        (["all/ada.zip", "all/bob.zip"], "ada"),
        (["all/Alpha Beta_5001_assignsubmission_file/01_small.ipynb"], "Alpha Beta"),
        (["ada/01_small.ipynb"], "ada"),
        (["ada/notebooks/01_small/01_small.ipynb", "ada/README.md"], "ada"),
    ],
)
def test_a_folder_around_the_class_is_no_learner(paths, who):
    assert recognised([Named(path) for path in paths], LESSONS)[0].who == who


CANVAS_FILES = {
    "alphabeta_101_9001_01_small.ipynb": "old",
    "alphabeta_101_9007_01_small-1.ipynb": "new",
    "alphabeta_101_9008_tools-1.py": "x = 1",
    "gammadelta_LATE_102_9003_01_small-2.ipynb": "late",
    "gammadelta_LATE_102_9002_my notes.docx": "words",
    "gammadelta_LATE_102_9004_timestamp.txt": "2020-01-01T00:00Z",
    "__MACOSX/alphabeta_101_9001_01_small.ipynb": "",
}


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize("listed", [False, True], ids=["no list", "list"])
def test_canvas_the_newest_attempt_counts_and_export_finds_the_learner_again(
    course, tmp_path, packed, listed, capsys, monkeypatch
):
    if listed:
        _list(course, ROSTER)
    download = _zip(tmp_path / "canvas.zip", CANVAS_FILES) if packed else _write(tmp_path / "canvas", CANVAS_FILES)
    monkeypatch.chdir(course.root)
    assert main(["collect", str(download)]) == 0
    said = capsys.readouterr().out
    assert _there(course) == {
        f"alphabeta/{LESSON}/{LESSON}.ipynb": "new",
        f"alphabeta/{LESSON}/tools.py": "x = 1",
        f"gammadelta/{LESSON}/{LESSON}.ipynb": "late",
        f"gammadelta/{LESSON}/my notes.docx": "words",
    }
    assert "2 collected: 2 new." in said and "alphabeta: alphabeta_101_9001_01_small.ipynb" in said
    assert "Late, as the platform says; it does not say by how much:\n  gammadelta, 01_small\n" in said
    assert "gammadelta: my notes.docx" in said and "timestamp.txt: of gammadelta, but of no lesson" in said
    assert records.late(course.root, LESSON) == {"gammadelta": "Canvas"}
    with course.gradebook() as gradebook:
        for student in ("alphabeta", "gammadelta"):
            gradebook.update_or_create_student(student)
        gradebook.update_or_create_assignment(LESSON)
    lines = export(course, tmp_path / "marks.csv", layout="canvas").read_text(encoding="utf-8").splitlines()[2:]
    assert [line.split(",")[-5] for line in lines] == ["101", "102"], "Canvas's own numbers"


MOODLE_FILES = {
    "Alpha Beta_5001_assignsubmission_file/01_small.ipynb": "alpha",
    "Gamma Delta_5002_assignsubmission_file/01_small.ipynb": "gamma",
    "Gamma Delta_5002_assignsubmission_file/.ipynb_checkpoints/01_small-checkpoint.ipynb": "",
    "Nobody Known_5003_assignsubmission_file/01_small.ipynb": "nobody",
}


def test_moodle_learners_are_known_by_their_names_and_who_is_not_is_named(course, tmp_path):
    _list(course, ROSTER.replace("alphabeta", "ab12"))
    result = collect(course, _zip(tmp_path / "moodle.zip", MOODLE_FILES))
    assert _there(course) == {f"ab12/{LESSON}/{LESSON}.ipynb": "alpha", f"gammadelta/{LESSON}/{LESSON}.ipynb": "gamma"}
    assert "  Nobody Known_5003_assignsubmission_file/01_small.ipynb: nobody in the gradebook is Nobody Known: " in "\n".join(
        result.said
    )


def test_without_a_list_names_become_ids_and_what_is_missing_is_said(course, tmp_path):
    result = collect(course, _write(tmp_path / "moodle", MOODLE_FILES))
    assert sorted(_there(course)) == [f"{who}/{LESSON}/{LESSON}.ipynb" for who in ("alphabeta", "gammadelta", "nobodyknown")]
    assert "its import of marks wants more than names" in result.said[-2]
    assert result.said[-1].endswith("these ids are what the files say: alphabeta, gammadelta, nobodyknown.")


def test_two_learners_of_one_name_are_never_mixed(course, tmp_path):
    two = {"alphabeta_101_1_01_small.ipynb": "first", "alphabeta_205_2_01_small.ipynb": "second"}
    collect(course, _write(tmp_path / "canvas", two))
    assert _there(course) == {
        f"alphabeta_101/{LESSON}/{LESSON}.ipynb": "first",
        f"alphabeta_205/{LESSON}/{LESSON}.ipynb": "second",
    }
    _list(course, ROSTER)
    moodle = {f"Alpha Beta_{number}_assignsubmission_file/01_small.ipynb": "x" for number in (1, 2)}
    with pytest.raises(CourseError, match="2 learners are called Alpha Beta: put each into submitted/LEARNER/LESSON/ by hand"):
        collect(course, _write(tmp_path / "moodle", moodle))


def _outcome(result: Collected) -> str:
    [outcome] = result.outcomes.values()
    return outcome


def test_a_second_collect_says_what_it_replaced_and_keeps_it(course, tmp_path):
    first, second = {"ada_101_1_01_small.ipynb": "one"}, {"ada_101_2_01_small-1.ipynb": "two"}
    assert _outcome(collect(course, _write(tmp_path / "a", first))) == NEW
    assert _outcome(collect(course, _write(tmp_path / "a", first))) == SAME
    result = collect(course, _write(tmp_path / "b", second))
    assert _outcome(result) == REPLACED and "  ada, 01_small" in result.said
    [kept] = (course.root / ".course" / "replaced").glob(f"*/ada/{LESSON}/{LESSON}.ipynb")
    assert kept.read_text() == "one" and str(kept.parents[2]) in "\n".join(result.said)
    assert _outcome(collect(course, tmp_path / "a")) == OLDER, "an older download takes nothing away"
    assert _there(course) == {f"ada/{LESSON}/{LESSON}.ipynb": "two"}
    small.hand_in(course, "ada", "corrected by hand")
    assert _outcome(collect(course, tmp_path / "b")) == REPLACED
    assert len(list((course.root / ".course" / "replaced").glob("*/ada"))) == 2, "what was done by hand is kept as well"


def test_the_times_in_a_zip_tell_which_of_two_downloads_is_newer(course, tmp_path):
    name = "Alpha Beta_5001_assignsubmission_file/01_small.ipynb"
    collect(course, _zip(tmp_path / "new.zip", {name: "new"}, 2027))
    assert _outcome(collect(course, _zip(tmp_path / "old.zip", {name: "old"}, 2025))) == OLDER
    assert _outcome(collect(course, _zip(tmp_path / "newest.zip", {name: "newest"}, 2028))) == REPLACED


def test_a_plain_folder_keeps_its_structure_its_stamps_and_leaves_the_handout_out(course, tmp_path):
    files = {
        f"ada/{LESSON}/{LESSON}.ipynb": "ada",
        f"ada/{LESSON}/data/own.csv": "1,2",
        f"ada/{LESSON}/{lateness.STAMP}": "2026-01-10 13:00 +0100\n",
        f"ada/{LESSON}/.venv/lib/x.py": "",
        f"bob/notebooks/{LESSON}/{LESSON}.ipynb": "bob",
        **{f"bob/helpers/part{number}.py": "" for number in range(9)},
        "cleo/mine.ipynb": small.masters.text(small.answered(course, RIGHT)),
        "dan/homework.ipynb": "{}",
        "[odd]/01_small.ipynb": "",
        f"eve/{LESSON}.zip": "",
    }
    result = collect(course, _write(tmp_path / "class", files))
    found = _there(course)
    assert found.pop(f"cleo/{LESSON}/{LESSON}.ipynb") == files["cleo/mine.ipynb"], "known by its cells"
    assert found == {
        f"ada/{LESSON}/{LESSON}.ipynb": "ada",
        f"ada/{LESSON}/data/own.csv": "1,2",
        f"ada/{LESSON}/{lateness.STAMP}": "2026-01-10T12:00:00+00:00\n",
        f"bob/{LESSON}/{LESSON}.ipynb": "bob",
        f"eve/{LESSON}/{LESSON}.zip": "",
    }
    said = "\n".join(result.said)
    assert "dan/homework.ipynb: of dan, but of no lesson" in said and "[odd] cannot be the id of a learner" in said
    assert "  bob/: 6 more" in said and "venv" not in said
    assert collect(course, tmp_path / "class", LESSON).outcomes["dan", LESSON] == NEW, (
        "where the instructor says which lesson it is"
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "There is no "),
        (b"no zip", "is no zip that can be read"),
        ({"readme.txt": "x"}, "Nothing in .* is a notebook"),
    ],
)
def test_a_download_of_nothing_is_refused_in_words(course, tmp_path, content, said):
    path = tmp_path / "download.zip"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        _zip(path, content)
    with pytest.raises(CourseError, match=said):
        collect(course, path)
    assert not (course.root / "submitted").exists()


def test_a_zip_writes_nothing_outside_and_a_name_obeys_nothing(course, tmp_path):
    files = {"../../evil_1_2_01_small.ipynb": "x", "ada\x1b[2J_1_2_notes.txt": "x", "ada_1_2_01_small.ipynb": "x"}
    result = collect(course, _zip(tmp_path / "download.zip", files))
    assert list(_there(course)) == [f"ada/{LESSON}/{LESSON}.ipynb"]
    assert not list(tmp_path.glob("**/evil*")) and "\x1b" not in "\n".join(result.said)


def test_endless_folders_and_names_that_no_system_can_write_stop_nobody(course, tmp_path):
    name = f"ada_1_2_{LESSON}.ipynb"
    files = {name: "x", f"{'n' * 300}_1_2_{LESSON}.ipynb": "x", f"eve/{'folder/' * 1100}{LESSON}.ipynb": "x"}
    collect(course, _zip(tmp_path / "download.zip", files))
    for top in (tmp_path / "class" / "ada" / LESSON, course.root / "submitted" / "ada" / LESSON):
        _write(top, {f"{LESSON}.ipynb": "y"})
        _endless(top)
    result = collect(course, tmp_path / "class")
    assert _outcome(result) == REPLACED and list(_there(course)) == [f"ada/{LESSON}/{LESSON}.ipynb"]


def _endless(folder: Path) -> None:
    """Folders inside one another whose path is longer than a system takes."""
    here = os.open(folder, os.O_RDONLY)
    for _ in range(300):
        os.mkdir("d" * 20, dir_fd=here)
        here, above = os.open("d" * 20, os.O_RDONLY, dir_fd=here), here
        os.close(above)
    os.close(here)
