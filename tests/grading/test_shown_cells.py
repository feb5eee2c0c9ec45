"""Does the grader run every cell that a mark depends on, and few others?"""

from __future__ import annotations

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from helpers.grading.judging import job
from helpers.grading.submission.shown_cells import idle_cells
from helpers.notebooks import masters
from tests.support import small_course as small

TEST = {"test": "mark(answer, model)"}
ANSWER = "def answer(x):\n    return x"
# cells before the answer -> those of them that need not be run
CASES = {
    "shown only": (["print(1)", "limit = 3"], {0, 1}),
    "made for the test": (["model = build()", "print(model)"], {1}),
    "changed by a method": (["model = build()", "model.eval()"], set()),
    "changed by an attribute": (["model = build()", "model.fc = None"], set()),
    "changed by a call": (["model = build()", "spoil(model)"], set()),
    "changed through another name": (["model = build()", "head = model.fc", "head.weight.zero_()"], set()),
    "changed through what a call gives": (["model = build()", "head = last(model)", "head.reset()"], set()),
    "changed in a loop": (["model = build()", "for part in model.parts():\n    part.freeze()"], set()),
    "changed through a loop's name": (["model = build()", "for part in model.parts:\n    part.freeze()"], set()),
    "a copy is changed": (["import copy", "model = build()", "other = copy.deepcopy(model)", "other.eval()"], {0, 2, 3}),
    "made anew": (["model = build()", "spoil(model)", "model = build()"], {0, 1}),
    "made anew from itself": (["model = build()", "spoil(model)", "model = wrap(model)"], set()),
    "made anew, perhaps": (["model = build()", "if late():\n    model = build()"], set()),
    "a model that is called": (["model = build()", "images = load()", "print(model(images))"], set()),
    "its input": (["model = other = build()", "images = load()", "other(images)", "model = build(images)"], {0, 2}),
    "numbers handed to a call": (["import x", "n = len(x.names)", "x.draw(n)", "model = x.build(n)"], {2}),
    "a constant handed to a function": (["size = 3", "draw(size)", "model = build(size)"], {1}),
    "read by the answer's function": (["scale = 2", "model = build()"], {0}),
    "not Python": (["%matplotlib inline", "model = build()", "!rm model"], {0}),
    "training a copy with the same loader": (
        ["model, loader, trial = a(), b(), c()", "fit(trial, loader, loader, None, num_epochs=2)", "model.see(loader)"],
        {1},
    ),
}  # fmt: skip


def idle(sources: list[str], answer: str = ANSWER) -> set[int]:
    cells = [new_code_cell(source, id=f"cell-{number}") for number, source in enumerate(sources)]
    cells += [new_code_cell(answer, id="answer"), new_code_cell("", id="test")]
    found = idle_cells(new_notebook(cells=cells), TEST, {"answer"})
    return {int(name.removeprefix("cell-")) for name in found}


@pytest.mark.parametrize("case", CASES)
def test_what_no_mark_depends_on_is_left_alone(case):
    sources, expected = CASES[case]
    assert idle(sources) == expected


def test_what_an_answer_reads_when_it_is_called_is_made_before():
    assert idle(["scale = 2", "model = build()"], "def answer(x):\n    return scale * x") == set()


def test_a_cell_of_the_learners_own_always_runs_and_is_given_what_it_reads():
    cells = [new_code_cell("base = 1", id="a"), new_code_cell("print(base)", id="mine"), new_code_cell("", id="test")]
    assert idle_cells(new_notebook(cells=cells), {"test": "1"}, {"mine"}) == set()


def test_a_builtin_that_a_learner_replaces_counts_as_one_of_theirs():
    assert idle(["print = None", "print(1)", "model = build()"]) == {0, 1}
    assert idle(["model = build()", "print(model)"], "def print(x):\n    x.clear()\ndef answer(x):\n    return x") == {1}


@pytest.mark.parametrize("lesson", masters.lessons(small.REPOSITORY))
def test_in_every_lesson_some_cells_only_show_and_no_answer_or_test_is_among_them(lesson):
    master = masters.read(masters.path_of("solutions", lesson, small.REPOSITORY))
    tests = job.tests_of(masters.canonical(masters.read(masters.path_of("source", lesson, small.REPOSITORY))))
    own = {cell.id for cell in master.cells if cell.metadata.get("nbgrader", {}).get("solution")}
    found = idle_cells(master, tests, own)
    assert found and not found & (own | set(tests))
