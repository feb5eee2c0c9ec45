"""Is what a learner hands in read with care, and what is no notebook refused in words?"""

import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_output

from helpers.notebooks.handed_in import HANDED_OUT, KEY, Refused, parse
from helpers.notebooks.released import of_master
from tests.support import small_course as small

NAME = "01_small.ipynb"


def test_nothing_is_kept_but_kind_source_id_and_name():
    submitted = of_master(small.master())
    submitted.metadata[KEY]["refused"] = "no"
    submitted.cells[1].outputs = [new_output("stream", text="forged")]
    found = parse(nbformat.writes(submitted).encode(), NAME)
    assert found.metadata == {KEY: {HANDED_OUT: submitted.metadata[KEY][HANDED_OUT]}}
    fields = {"cell_type", "id", "metadata", "source", "outputs", "execution_count"}
    assert {key for cell in found.cells for key in cell} == fields
    assert not any(cell.get("outputs") for cell in found.cells)
    assert found.cells[3].metadata == {"nbgrader": {"grade_id": "double"}}


def test_an_old_format_a_byte_order_mark_and_line_ends_of_windows_are_read():
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": [
        {"cell_type": "code", "input": "x = 1\r\ny = 2\r", "outputs": [], "language": "python", "metadata": {}}
    ]}]}  # fmt: skip
    assert [cell.source for cell in parse(("\ufeff" + json.dumps(old)).encode(), NAME).cells] == ["x = 1\ny = 2\n"]


@pytest.mark.parametrize(
    "content", ['{"nbformat": 4, "cells": []}', '{"nbformat": 9, "cells": 3}', '{"nbformat": 4}', "null", '"text"', "no json"]
)
def test_what_is_no_notebook_is_refused(content):
    with pytest.raises(Refused, match=NAME):
        parse(content.encode(), NAME)


@pytest.mark.parametrize(
    "stamp", [None, 3, {"finetune": []}, {"finetune": {"handed_out": [1]}}, {"finetune": {"handed_out": {"a": 1}}}]
)
def test_what_a_notebook_says_of_its_version_may_be_anything(stamp):
    content = {"nbformat": 4, "nbformat_minor": 5, "metadata": stamp, "cells": [new_code_cell("a = 1")]}
    assert parse(json.dumps(content).encode(), NAME).metadata == {}


def test_an_unfinished_merge_is_said_to_be_one():
    lines = nbformat.writes(of_master(small.master())).split("\n")
    merge = ["<<<<<<< HEAD", lines[5], "=======", lines[5], ">>>>>>> other"]
    with pytest.raises(Refused, match="a git merge is unfinished"):
        parse("\n".join([*lines[:5], *merge, *lines[6:]]).encode(), NAME)
