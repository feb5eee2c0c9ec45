"""Does the released notebook stay what it is, whatever lies in the learner's?  (Marks: tests/grading/test_robust.py.)"""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from helpers.notebooks import masters
from helpers.notebooks.handed_in import parse
from helpers.notebooks.released import of_master
from helpers.notebooks.transplant import CHANGED, notes_of, transplant
from tests.support import small_course as small
from tests.support.small_course import RIGHT

PICTURE = {"seen.png": {"image/png": "iVBORw0KGgo="}}


@pytest.fixture
def release():
    return of_master(small.master())


def handed_in(answers=RIGHT):
    """The released notebook with these answers, as a learner hands it in."""
    notebook = of_master(small.master())
    for cell in notebook.cells:
        cell.source = answers.get(cell.id, cell.source)
    return notebook


def cell_of(notebook, name):
    return next(cell for cell in notebook.cells if cell.id == name)


def graded(release, notebook):
    return transplant(release, parse(nbformat.writes(notebook).encode(), "01_small.ipynb"))


def test_an_honest_notebook_comes_out_as_it_is(release):
    found = graded(release, handed_in())
    assert [(cell.id, cell.source) for cell in found.cells] == [(cell.id, cell.source) for cell in handed_in().cells]
    assert notes_of(found) == []


def test_extra_cells_stay_where_they_were_without_their_metadata(release):
    submitted = handed_in()
    submitted.cells.insert(0, new_markdown_cell("mine"))
    marked = {"tags": ["skip-execution"], "nbgrader": {"grade_id": "unknown"}}
    submitted.cells.insert(4, new_code_cell("helper = 1", metadata=marked))
    submitted.cells.append(new_code_cell("last = 1"))
    found = graded(release, submitted)
    assert [cell.source for cell in found.cells] == [cell.source for cell in submitted.cells]
    assert all(cell.metadata == {} for cell in found.cells if cell.id.startswith("extra"))
    nbformat.validate(found)


def test_a_notebook_without_ids_brings_no_cell_twice(release):
    submitted = handed_in()
    for cell in submitted.cells:
        del cell["id"]
    assert len(graded(release, submitted).cells) == len(release.cells)


def test_the_release_itself_is_not_changed(release):
    before = masters.text(release)
    graded(release, handed_in())
    assert masters.text(release) == before


def test_an_answer_cell_that_became_text_is_read_as_code(release):
    submitted = handed_in()
    submitted.cells[3] = new_markdown_cell(RIGHT["double"], metadata=submitted.cells[3].metadata, id="double")
    found = graded(release, submitted)
    assert (found.cells[3].cell_type, found.cells[3].source) == ("code", RIGHT["double"])
    assert "had become a markdown cell" in notes_of(found)[0]


def test_a_lesson_cell_is_run_as_the_learner_left_it_and_named(release):
    submitted = handed_in()
    cell_of(release, "numbers").metadata.pop("tags")
    cell_of(submitted, "numbers").source = "import math\nbase = 11"
    cell_of(submitted, "task-double").source = "My own words."
    found = graded(release, submitted)
    assert cell_of(found, "numbers").source == "import math\nbase = 11"
    assert cell_of(found, "task-double").source == "My own words."
    assert notes_of(found) == ["cells of the lesson were changed, and run as they are now: numbers"]
    assert found.metadata.finetune[CHANGED] == ["numbers"]


def test_what_was_added_to_a_lesson_cell_is_run_beside_it(release):
    cell_of(release, "numbers").source = "base = 10\nheight = 20\n"
    submitted = handed_in()
    cell_of(submitted, "numbers").source = "import math\n\nbase = 10\nheight = 20\nwidth = 30"
    found = graded(release, submitted)
    assert [cell.source for cell in found.cells[1:4]] == ["import math", cell_of(release, "numbers").source, "width = 30"]


def test_what_the_master_has_changed_since_is_no_learners_doing(release):
    submitted = handed_in()
    for name in ("test_double", "numbers", "task-colour", "colour"):
        cell_of(release, name).source = f"# corrected\n{cell_of(release, name).source}"
    cell_of(submitted, "colour").source = cell_of(handed_in({}), "colour").source
    found = graded(release, submitted)
    assert notes_of(found) == []
    assert all(cell_of(found, name).source.startswith("# corrected") for name in ("test_double", "numbers", "colour"))


def test_line_ends_of_windows_change_nothing(release):
    submitted = handed_in()
    for cell in submitted.cells:
        cell.source = cell.source.replace("\n", "\r\n")
    found = graded(release, submitted)
    assert notes_of(found) == []
    assert [cell.source for cell in found.cells] == [cell.source for cell in handed_in().cells]


def test_a_picture_in_a_note_and_in_a_lesson_cell_stays(release):
    submitted = handed_in()
    note = new_markdown_cell("![seen](attachment:seen.png)", attachments=PICTURE)
    submitted.cells.insert(2, note)
    cell_of(submitted, "task-double").update(source="Write it. ![seen](attachment:seen.png)", attachments=PICTURE)
    found = graded(release, submitted)
    assert [cell.attachments for cell in found.cells if "attachments" in cell] == [PICTURE, PICTURE]


def test_test_cells_that_are_copied_moved_or_edited_do_nothing(release):
    submitted = handed_in({})
    test = cell_of(submitted, "test_double")
    submitted.cells.remove(test)
    submitted.cells.insert(0, test)
    submitted.cells.append(nbformat.from_dict({**test, "id": "again", "source": "4.0"}))
    cell_of(submitted, "test_colour").source = "2.0"
    found = graded(release, submitted)
    assert [(cell.id, cell.source) for cell in found.cells] == [(cell.id, cell.source) for cell in release.cells]
    said = " ".join(notes_of(found))
    assert "test_double is there more than once" in said and "test_colour was changed" in said
