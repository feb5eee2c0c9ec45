"""Is what learners are handed told without nbgrader, and found again for whatever they call their copy?"""

import pytest

from helpers.course import originals
from helpers.notebooks import masters
from helpers.notebooks.handed_in import HANDED_OUT, KEY
from helpers.notebooks.released import of_master, original
from tests.support.small_course import REPOSITORY


@pytest.mark.parametrize("lesson", masters.lessons(REPOSITORY))
def test_it_is_what_nbgraders_own_converter_writes(lesson):
    built = masters.read(masters.path_of("notebooks", lesson, REPOSITORY))
    made = of_master(masters.read(masters.path_of("source", lesson, REPOSITORY)))
    assert [(cell.id, cell.source) for cell in made.cells] == [(cell.id, cell.source) for cell in built.cells]
    assert made.metadata[KEY] == built.metadata[KEY] and len(made.metadata[KEY][HANDED_OUT]) == len(made.cells)


@pytest.mark.parametrize("name", ["03_freeze_base", "03_freeze_base-1", "ab_12_03_freeze_base (2)", "mine"])
def test_a_copy_is_known_by_its_name_or_by_what_is_in_it(name):
    notebook = masters.read(masters.path_of("notebooks", "03_freeze_base", REPOSITORY))
    assert original(name, notebook, REPOSITORY).cells[0].source.startswith("# 03")


def test_what_is_no_lesson_has_no_original(tmp_path):
    notebook = masters.read(masters.path_of("notebooks", "03_freeze_base", REPOSITORY))
    assert original("notes", notebook, tmp_path) is None


def test_where_there_are_no_masters_it_is_the_copy_of_the_handout(tmp_path, monkeypatch):
    monkeypatch.setattr(originals, "COPIES", tmp_path / "copies")
    (tmp_path / "copies").mkdir()
    released = of_master(masters.read(masters.path_of("source", "03_freeze_base", REPOSITORY)))
    (tmp_path / "copies" / "03_freeze_base.ipynb").write_text(masters.text(released), encoding="utf-8")
    assert original("03_freeze_base", released, tmp_path) == released
