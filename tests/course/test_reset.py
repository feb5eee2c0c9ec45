"""Is an exercise as it was handed out after a reset, and is what stood there kept?"""

import json
import shutil

import pytest

from helpers import __main__
from helpers.course import files, originals, reset
from helpers.course.errors import CourseError
from tests.support.small_course import REPOSITORY

LESSON = "03_freeze_base"


@pytest.fixture
def notebook(course_folder):
    """A learner's notebook with two answers, in a course folder of its own."""
    for folder in ("source", "notebooks"):
        shutil.copytree(REPOSITORY / folder / LESSON, course_folder / folder / LESSON)
    path = course_folder / "notebooks" / LESSON / f"{LESSON}.ipynb"
    content = json.loads(path.read_text(encoding="utf-8"))
    for cell in content["cells"]:
        if cell["id"] in ("freeze_base", "trainable_summary"):
            cell |= {"source": ["mine = 1"], "outputs": [{"output_type": "stream", "name": "stdout", "text": "x"}]}
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def sources(path):
    return {cell["id"]: "".join(cell["source"]) for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]}


@pytest.mark.parametrize("lesson", [path.name for path in sorted((REPOSITORY / "source").glob("[0-9]*"))])
def test_a_stub_is_what_learners_are_handed(lesson):
    handed_out = sources(REPOSITORY / "notebooks" / lesson / f"{lesson}.ipynb")
    stubs = originals.stubs(lesson, REPOSITORY)
    assert stubs and stubs == {name: handed_out[name] for name in stubs}


def test_one_exercise_is_reset_and_the_other_stays(notebook, capsys):
    before = notebook.read_text(encoding="utf-8")
    assert __main__.main(["reset", LESSON, "freeze_base"]) == 0
    after = sources(notebook)
    assert after["freeze_base"] == originals.stubs(LESSON)["freeze_base"] and after["trainable_summary"] == "mine = 1"
    (kept,) = files.path("kept").iterdir()
    assert kept.read_text(encoding="utf-8") == before and str(kept) in capsys.readouterr().out


def test_a_lesson_is_reset_by_its_number_and_no_copy_is_written_over(notebook):
    first, second = reset.reset("03"), reset.reset("03")
    handed_out = sources(REPOSITORY / "notebooks" / LESSON / f"{LESSON}.ipynb")
    assert sources(notebook) == handed_out and first != second
    assert "mine = 1" in first.read_text(encoding="utf-8") and "mine = 1" not in second.read_text(encoding="utf-8")


def test_a_click_that_was_kept_is_forgotten(notebook):
    files.save(reset.CHOICES, {LESSON: {"freeze_base": "b", "trainable_summary": "c"}})
    reset.reset(LESSON, "freeze_base")
    assert files.load(reset.CHOICES) == {LESSON: {"trainable_summary": "c"}}


@pytest.mark.parametrize(("names", "words"), [(("99",), "no lesson '99'"), ((LESSON, "x"), "no exercise 'x'")])
def test_a_slip_in_a_name_is_said(notebook, names, words):
    before = notebook.read_text(encoding="utf-8")
    with pytest.raises(CourseError, match=words):
        reset.reset(*names)
    assert notebook.read_text(encoding="utf-8") == before and not files.path("kept").exists()


def test_a_cell_that_is_gone_is_said(notebook):
    content = json.loads(notebook.read_text(encoding="utf-8"))
    content["cells"] = [cell for cell in content["cells"] if cell["id"] != "freeze_base"]
    notebook.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(CourseError, match="no answer cell freeze_base any more"):
        reset.reset(LESSON, "freeze_base")
