"""Does the released notebook stay what it is, whatever lies in the learner's?  (Marks: test_grading_robust.)"""

import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from helpers.grading.submission.preflight import Refused, admit, side_files
from helpers.notebooks.transplant import notes_of, transplant
from helpers.notebooks import masters
from tests.support import small_course as small
from tests.support.small_course import LESSON, RIGHT


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return small.make(tmp_path_factory.mktemp("transplant") / "course")


@pytest.fixture
def release(course):
    return masters.read(masters.path_of("notebooks", LESSON, course.root))


def test_an_honest_notebook_comes_out_as_it_is(course, release):
    submitted = small.answered(course, RIGHT)
    graded = transplant(release, submitted)
    assert [(cell.id, cell.source) for cell in graded.cells] == [(cell.id, cell.source) for cell in submitted.cells]
    assert notes_of(graded) == []


def test_extra_cells_stay_where_they_were_without_their_metadata(course, release):
    submitted = small.answered(course, RIGHT)
    submitted.cells.insert(0, new_markdown_cell("mine"))
    marked = {"tags": ["skip-execution"], "nbgrader": {"grade_id": "unknown"}}
    submitted.cells.insert(4, new_code_cell("helper = 1", metadata=marked))
    submitted.cells.append(new_code_cell("last = 1"))
    graded = transplant(release, submitted)
    assert [cell.source for cell in graded.cells] == [cell.source for cell in submitted.cells]
    assert all(cell.metadata == {} for cell in graded.cells if cell.id.startswith("extra"))
    nbformat.validate(graded)


def test_a_notebook_without_ids_brings_no_cell_twice(course, release):
    submitted = small.answered(course, RIGHT)
    for cell in submitted.cells:
        del cell["id"]
    assert len(transplant(release, submitted).cells) == len(release.cells)


def test_the_release_itself_is_not_changed(course, release):
    before = masters.text(release)
    transplant(release, small.answered(course, RIGHT))
    assert masters.text(release) == before


def test_an_answer_cell_that_became_text_is_read_as_code(course, release):
    submitted = small.answered(course, RIGHT)
    submitted.cells[3] = new_markdown_cell(RIGHT["double"], metadata=submitted.cells[3].metadata, id="double")
    graded = transplant(release, submitted)
    assert (graded.cells[3].cell_type, graded.cells[3].source) == ("code", RIGHT["double"])
    assert "had become a markdown cell" in notes_of(graded)[0]


def test_preflight_keeps_nothing_but_kind_source_id_and_name(course, tmp_path):
    submitted = small.answered(course, RIGHT)
    submitted.metadata["finetune"] = {"refused": "no"}
    submitted.cells[1].outputs = [nbformat.v4.new_output("stream", text="forged")]
    (tmp_path / "x.ipynb").write_text(nbformat.writes(submitted))
    admitted = admit(tmp_path / "x.ipynb")
    assert admitted.metadata == {}
    fields = {"cell_type", "id", "metadata", "source", "outputs", "execution_count"}
    assert {key for cell in admitted.cells for key in cell} == fields
    assert not any(cell.get("outputs") for cell in admitted.cells)
    assert admitted.cells[3].metadata == {"nbgrader": {"grade_id": "double"}}


def test_preflight_reads_an_old_format_and_a_byte_order_mark(tmp_path):
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": [
        {"cell_type": "code", "input": "x = 1", "outputs": [], "language": "python", "metadata": {}, "collapsed": False}
    ]}]}  # fmt: skip
    (tmp_path / "old.ipynb").write_text("\ufeff" + json.dumps(old), encoding="utf-8")
    assert [cell.source for cell in admit(tmp_path / "old.ipynb").cells] == ["x = 1"]


@pytest.mark.parametrize(
    "content", ['{"nbformat": 4, "cells": []}', '{"nbformat": 9, "cells": 3}', '{"nbformat": 4}', "null", '"text"']
)
def test_preflight_refuses_what_is_json_but_no_notebook(tmp_path, content):
    (tmp_path / "x.ipynb").write_text(content)
    with pytest.raises(Refused):
        admit(tmp_path / "x.ipynb")


def test_of_side_files_regular_ones_are_read(tmp_path):
    (tmp_path / "in" / "data").mkdir(parents=True)
    (tmp_path / "in" / "data" / "a.txt").write_text("a")
    (tmp_path / "in" / "link").symlink_to(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "in" / "other.ipynb").write_text("{}")
    assert side_files(tmp_path / "in") == {"data/a.txt": b"a"}
