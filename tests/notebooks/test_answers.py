"""Is a learner's answer found, whatever an editor has made of the notebook?  Each notebook is graded here in plain Python."""

import copy
import io
import json
from contextlib import redirect_stdout

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.notebooks.answers import why_not_python
from helpers.notebooks.handed_in import parse
from helpers.notebooks.released import of_master
from helpers.notebooks.transplant import notes_of, transplant
from tests.support import small_course as small

RELEASE = of_master(small.master())
# Two answers of several statements, so that there is something to split.
ANSWERS = {
    "double": "two = 2\n\n\ndef times(x):\n    return two * x\n\n\ndef double(x):\n    return times(x)",
    "colour": 'words = ["blue"]\n\n\ncolour = words[0]',
}
ALL = {"double": 4.0, "colour": 2.0}


def handed_in(answers=ANSWERS):
    """The released notebook with these answers, as JSON has it."""
    notebook = json.loads(json.dumps(RELEASE))
    for cell in notebook["cells"]:
        cell["source"] = answers.get(cell["id"], cell["source"])
    return notebook


def at(notebook, name):
    return next(number for number, cell in enumerate(notebook["cells"]) if cell.get("id") == name)


def code(source, metadata=None, cell_id="mine"):
    return {
        "cell_type": "code",
        "id": cell_id,
        "metadata": metadata or {},
        "outputs": [],
        "execution_count": None,
        "source": source,
    }


def words(source):
    return {"cell_type": "markdown", "id": "words", "metadata": {}, "source": source}


def split(notebook, name, keep=False):
    """Split an answer as Jupyter does: each piece has all metadata and, but for the first if wanted, a new id."""
    place = at(notebook, name)
    old = notebook["cells"][place]
    pieces = [
        {**copy.deepcopy(old), "source": text, "id": f"piece-{number}"}
        for number, text in enumerate(old["source"].split("\n\n\n"))
    ]
    if keep:
        pieces[0]["id"] = name
    notebook["cells"][place : place + 1] = pieces


def merge(notebook, first, last, like=None):
    """Merge neighbours as Jupyter does: the metadata are those of one of them, or none."""
    start, end = at(notebook, first), at(notebook, last)
    metadata = copy.deepcopy(notebook["cells"][at(notebook, like)]["metadata"]) if like else {}
    source = "\n\n".join(cell["source"] for cell in notebook["cells"][start : end + 1])
    notebook["cells"][start : end + 1] = [code(source, metadata, "merged")]


def paste(notebook, name, source, above=False):
    place = at(notebook, name)
    notebook["cells"].insert(place + (not above), {**copy.deepcopy(notebook["cells"][place]), "id": "pasted", "source": source})


def strip(notebook, ids="random"):
    for number, cell in enumerate(notebook["cells"]):
        old, cell["metadata"] = cell.pop("id", "x"), {}
        if ids == "random":
            cell["id"] = f"r{number}"
        elif ids == "metadata":
            cell["metadata"] = {"id": old}


def graded(notebook):
    return transplant(RELEASE, parse(json.dumps(notebook).encode(), "01_small.ipynb"))


def marks(notebook):
    """What the visible tests give when the graded notebook is run from top to bottom, an error ending its cell alone."""
    names, found = {}, {}
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        *first, last = cell.source.rstrip().split("\n")
        try:
            if cell.id.startswith("test_"):
                with redirect_stdout(io.StringIO()):
                    exec("\n".join(first), names)
                found[cell.id[5:]] = eval(last, names)
            else:
                exec(cell.source, names)
        except Exception:
            found.setdefault(cell.id[5:], 0.0) if cell.id.startswith("test_") else None
    return found


def worth(notebook):
    return marks(graded(notebook))


def notes(notebook):
    return " | ".join(notes_of(graded(notebook)))


def test_the_stub_is_worth_nothing_and_the_answers_all():
    assert worth(handed_in({})) == {"double": 0, "colour": 0}
    assert worth(handed_in()) == ALL and notes(handed_in()) == ""


@pytest.mark.parametrize("keep", [False, True])
def test_pieces_of_a_split_cell_are_joined_in_their_order(keep):
    notebook = handed_in()
    for name in ANSWERS:
        split(notebook, name, keep)
    found = graded(notebook)
    assert marks(found) == ALL and "in more than one cell" in notes(notebook)
    assert [cell.source.replace("\n\n\n", "\n\n") for cell in found.cells if cell.id in ANSWERS] == [
        text.replace("\n\n\n", "\n\n") for text in ANSWERS.values()
    ]


def test_a_piece_that_is_no_python_costs_only_itself():
    notebook = handed_in()
    split(notebook, "double")
    paste(notebook, "piece-0", "for for")
    assert worth(notebook) == ALL


@pytest.mark.parametrize("like", [None, "double", "check-double", "test_double"])
@pytest.mark.parametrize("last", ["check-double", "test_double"])
def test_an_answer_merged_into_what_is_below_it_is_found(like, last):
    notebook = handed_in()
    if like is None or at(notebook, like) <= at(notebook, last):
        merge(notebook, "double", last, like)
        assert worth(notebook) == ALL


def test_an_answer_merged_into_an_own_cell_or_into_its_task_is_found():
    notebook = handed_in()
    notebook["cells"].insert(at(notebook, "double"), code("import math", cell_id="own"))
    merge(notebook, "own", "double")
    merge(notebook, "task-colour", "colour")
    assert worth(notebook) == ALL


@pytest.mark.parametrize(
    ("first", "then", "mark"),
    [
        ({}, ANSWERS["double"], 4.0),
        ({"double": "def double(x):\n    return 0"}, ANSWERS["double"], 4.0),
        (ANSWERS, "def double(x):\n    return 0", 0.0),
        (ANSWERS, "def double(x: is not", 4.0),  # as in Jupyter: the definition before it is still there
        (ANSWERS, ANSWERS["double"], 4.0),
    ],
)
def test_the_last_changed_copy_counts_and_a_stub_never(first, then, mark):
    notebook = handed_in(
        {**ANSWERS, "double": small.master().cells[3].source, **first} if first else {"colour": ANSWERS["colour"]}
    )
    paste(notebook, "double", then)
    assert worth(notebook)["double"] == mark
    paste(notebook, "pasted", RELEASE.cells[3].source)
    assert worth(notebook)["double"] == mark


def test_what_was_handed_in_twice_counts_once():
    for first, second in (({}, ANSWERS), (ANSWERS, {}), (ANSWERS, ANSWERS)):
        notebook = handed_in(first)
        notebook["cells"] += handed_in(second)["cells"]
        assert worth(notebook) == ALL
        assert "each counts once" in notes(notebook) and "test cell" not in notes(notebook)


@pytest.mark.parametrize("ids", ["random", "none", "metadata"])
def test_ids_and_metadata_may_be_gone(ids):
    notebook = handed_in()
    notebook["cells"][at(notebook, "double") : at(notebook, "double")] = [words("What I think"), code("1 / 0")]
    strip(notebook, ids)
    notebook["nbformat_minor"] = 5 if ids == "random" else 2
    assert worth(notebook) == ALL
    assert ("by their place between task and check were double, colour" in notes(notebook)) == (ids != "metadata")


def test_an_answer_that_stands_elsewhere_is_found_by_the_name_that_it_defines():
    notebook = handed_in({})
    notebook["cells"] += [code("\n\n\n".join(ANSWERS.values()))]
    assert worth(notebook) == ALL
    assert "by the names that they define were double" in notes(notebook) and "colour stands in the cell of double" in notes(
        notebook
    )


@pytest.mark.parametrize("source", ["%timeit double(2)", "double?", "double(2)", "print(double", "assert double == 3"])
def test_a_text_that_only_uses_the_name_is_no_answer(source):
    notebook = handed_in({})
    notebook["cells"][at(notebook, "check-double") :] = [code(source), *notebook["cells"][at(notebook, "check-double") :]]
    found = graded(notebook)
    assert found.cells[at(found, "double")].source == RELEASE.cells[3].source and notes(notebook) == ""


@pytest.mark.parametrize("above", [True, False])
def test_an_answer_in_a_cell_of_ones_own_beside_an_emptied_one_is_found(above):
    notebook = handed_in({"colour": ANSWERS["colour"], "double": " "})
    place = at(notebook, "double") + (not above)
    notebook["cells"].insert(place, code(ANSWERS["double"]))
    assert worth(notebook) == ALL and "missing" not in notes(notebook)


def test_an_answer_typed_over_its_check_is_found():
    notebook = handed_in({"colour": ANSWERS["colour"]})
    notebook["cells"][at(notebook, "check-double")]["source"] = ANSWERS["double"]
    assert worth(notebook) == ALL


def test_where_there_is_no_answer_it_is_said_what_to_do():
    notebook = handed_in()
    notebook["cells"] = [cell for cell in notebook["cells"] if cell["id"] != "colour"]
    assert worth(notebook) == {"double": 4.0, "colour": 0.0}
    assert "colour is missing" in notes(notebook) and "fresh copy" in notes(notebook)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("def f(x):\n    return x + 1def f(x):\n    return x + 1", "line 2"),
        ("<<<<<<< HEAD\na = 1\n=======\na = 2\n>>>>>>> other", "merge is unfinished"),
        ("%time a = 1\n!ls\na?", ""),
        (" + ".join(["1"] * 3000), ""),
        ("a = 1", ""),
    ],
)
def test_why_a_text_is_no_python_is_said(source, why):
    assert why in why_not_python(source) and bool(why) == bool(why_not_python(source))


OPERATIONS = st.sampled_from(["split", "keep", "merge", "paste", "own", "double", "drop-test", "note"])


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(OPERATIONS, st.sampled_from(list(ANSWERS)), st.integers(0, 3)), max_size=5),
    st.sampled_from(["", "random", "none"]),
)
def test_an_honest_notebook_keeps_its_marks_whatever_is_done_to_it(operations, ids):
    notebook = handed_in()
    for what, name, number in operations:
        there = [cell.get("id") for cell in notebook["cells"]]
        if what in ("split", "keep") and name in there:
            split(notebook, name, what == "keep")
        elif what == "merge" and {name, f"check-{name}", f"test_{name}"} <= {*there}:
            merge(notebook, name, (f"check-{name}", f"test_{name}")[number % 2], (None, name)[number // 2])
        elif what == "paste" and name in there:
            paste(notebook, name, next(cell.source for cell in RELEASE.cells if cell.id == name), above=number % 2 == 0)
        elif what == "own":
            notebook["cells"].insert(number * len(notebook["cells"]) // 3, code(f"own_{number} = {number}"))
        elif what == "note":
            notebook["cells"].insert(number * len(notebook["cells"]) // 3, words("I think so."))
        elif what == "double" and number == 0 and len(notebook["cells"]) < 40:
            notebook["cells"] = [*handed_in({})["cells"], *notebook["cells"]]
        elif what == "drop-test":
            notebook["cells"] = [cell for cell in notebook["cells"] if cell.get("id") != f"test_{name}"]
    if ids:
        strip(notebook, ids)
    assert worth(notebook) == ALL
