"""Are a cell's outputs kept as Jupyter shows them, and no more of them than the limits allow?"""

import os

import pytest
from nbformat import from_dict
from nbformat.v4 import new_code_cell, new_notebook

from helpers.notebooks import cell_outputs
from helpers.notebooks.cell_outputs import SMALL, SPARED, CellOutputs
from helpers.notebooks.masters import SHOWN
from helpers.notebooks.run_cells import NotebookRun, RunLimits

LIMIT = 5 * SMALL


def _shown(text, name=None):
    return {"data": {"text/plain": text}, "metadata": {}, "transient": {"display_id": name} if name else None}


def _result(text):
    return {**_shown(text), "execution_count": 1}


def _stream(text):
    return {"name": "stdout", "text": text}


def _error(evalue):
    return {"ename": "ValueError", "evalue": evalue, "traceback": []}


@pytest.fixture
def outputs():
    return CellOutputs(LIMIT)


@pytest.fixture
def cell(outputs):
    """A cell whose outputs are being taken in."""
    made = new_code_cell("1")
    outputs.begin(made)
    return made


def _texts(cell):
    return [output.get("text") or output.get("evalue") or output.data["text/plain"] for output in cell.outputs]


def test_what_is_printed_takes_no_room_of_what_is_shown(outputs, cell):
    """A thread that an earlier answer has left prints into later cells too, from ipykernel 7.1 on."""
    for _ in range(30):
        for _ in range(50):
            outputs.take("stream", _stream("." * LIMIT))
        later = new_code_cell("1")
        outputs.begin(later)
    for _ in range(cell_outputs.MOST_OUTPUTS + 1):
        outputs.take("stream", _stream("."))
    outputs.take("display_data", _shown("r" * (LIMIT - 1)))
    outputs.take("execute_result", _result("4.0"))
    assert _texts(later)[-2:] == ["r" * (LIMIT - 1), "4.0"]


def test_an_update_reaches_all_outputs_of_its_name_in_earlier_cells_as_well(outputs, cell):
    for text, name in (("one", "x"), ("other", None), ("two", "x")):
        outputs.take("display_data", _shown(text, name))
    assert _texts(cell) == ["two", "other", "two"]
    later = new_code_cell("2")
    outputs.begin(later)
    outputs.take("update_display_data", _shown("three", "x"))
    outputs.take("update_display_data", _shown("four", "unknown"))
    assert (_texts(cell), _texts(later)) == (["three", "other", "three"], [])


def test_outputs_are_cleared_now_or_with_the_next_one(outputs, cell):
    outputs.take("stream", _stream("old"))
    outputs.take("clear_output", {"wait": True})
    assert _texts(cell) == ["old"]
    outputs.take("stream", _stream("new"))
    assert _texts(cell) == ["new"]
    outputs.take("clear_output", {"wait": False})
    assert _texts(cell) == []


def test_a_flood_is_cut_and_drowns_neither_the_mark_nor_the_error(outputs, cell, monkeypatch):
    outputs.take("stream", _stream("x" * (LIMIT + 1)))
    outputs.take("stream", _stream("more"))
    outputs.take("execute_result", _result("4.0"))
    outputs.take("error", _error("y" * SMALL))
    outputs.take("error", _error("y" * (LIMIT + 1)))
    cut, mark, error, said = _texts(cell)
    assert cut.startswith("x" * LIMIT + "\n... output over") and (mark, len(error)) == ("4.0", SMALL) and "was cut" in said
    monkeypatch.setattr(cell_outputs, "MOST_OUTPUTS", 10)
    outputs.begin(cell)
    for kind, content in (("stream", _stream("")), ("execute_result", _result("4.0"))):
        for _ in range(50):
            outputs.take(kind, content)
    assert [output.output_type for output in cell.outputs] == ["stream"] * 10 + ["execute_result"] * (10 + SPARED)


def test_what_is_shown_many_times_counts_as_often(outputs, cell):
    for _ in range(100):
        outputs.take("display_data", _shown("", "x"))
    outputs.take("update_display_data", _shown("z" * SMALL, "x"))
    assert _texts(cell) == [""] * 100


def test_a_notebook_of_full_cells_keeps_only_marks_and_errors(outputs, cell):
    for _ in range(cell_outputs.MOST_CELLS_FULL):
        outputs.take("stream", _stream("x" * LIMIT))
        outputs.begin(cell)
    outputs.take("stream", _stream("x"))
    outputs.take("execute_result", _result("4.0"))
    assert _texts(cell) == ["4.0"]


def test_an_error_that_only_the_reply_tells_of_is_taken_in_once(outputs, cell):
    for _ in range(2):
        outputs.take_missing(_error("no words on the way"))
    assert [output.traceback for output in cell.outputs] == [["ValueError: no words on the way"]]


def test_what_a_cell_that_only_shows_leaves_switched_reaches_no_other_cell(warm_kernel, tmp_path):
    """Grading need not run it: a mark must not depend on that."""
    off, ask, shown = "torch.set_grad_enabled(False)", "torch.is_grad_enabled()", {"tags": [SHOWN]}
    cells = [new_code_cell(source) for source in ("import torch", off, ask, off, "1", ask)]
    cells[1].metadata, cells[4].metadata = from_dict(shown), from_dict(shown)
    with warm_kernel(tmp_path, os.environ) as kernel:
        NotebookRun(new_notebook(cells=cells), kernel, RunLimits()).run()
    assert [_texts(cell) for cell in (cells[2], cells[5])] == [["True"], ["False"]]
