"""Are files that answers write read with care: bounded, by readers that run nothing, in a process that can do little?"""

import json
import os
import pickle
import struct

import onnx
import pytest
import torch
from onnx import TensorProto, helper
from safetensors.torch import save, save_file
from torch import nn

from helpers.checks.report import RIGHT
from helpers.checks.small_models import Case
from helpers.checks.take_it_home import load_model, save_model
from helpers.checks.take_it_home.onnx_run import run_onnx
from helpers.checks.take_it_home.place import MOST_BYTES, Place, Stranger
from helpers.checks.take_it_home.saved_file import read
from helpers.grading.inside.describe import Description
from helpers.grading.inside.shared_objects import Known
from helpers.grading.judging.stand_ins import Unusable
from helpers.grading.judging.test_cell import Distant
from helpers.models.packing import pack
from tests.answers.load_model import RIGHT as LOADED
from tests.answers.save_model import RIGHT as SAVED
from tests.support.lines import Loopback


def test_a_place_is_a_path_wherever_it_comes_and_its_folder_is_gone_afterwards():
    place = Place("a.bin", b"here")
    there = pickle.loads(pack(place))
    assert there != place and os.path.basename(there) == os.path.basename(place) == "a.bin"
    with there.there(), open(there, "ab") as file:
        file.write(b" and there")
    assert (there.found, there.beside, os.path.exists(os.path.dirname(there))) == (b"here and there", (), False)


def test_a_file_travels_as_bytes():
    place = Place("a.bin")

    def act(path):
        with open(path, "wb") as file:
            file.write(bytes(range(256)))
        with open(f"{path}.more", "wb"):
            pass

    with place.there():
        Distant(Loopback({"f": act}), "f")(place)
    assert (place.found, place.size, place.beside) == (bytes(range(256)), 256, ("a.bin.more",))


@pytest.mark.parametrize("act", [
    lambda path: None, os.mkfifo, os.mkdir, lambda path: os.symlink(__file__, path),
    lambda path: os.truncate(os.open(path, os.O_RDWR | os.O_CREAT), MOST_BYTES + 1),
])  # fmt: skip
def test_what_is_no_plain_file_or_a_large_one_does_not_travel(act):
    place = Place("a.bin")
    with place.there():
        act(place)
    assert place.found is None and place.notes()[0] is None


@pytest.mark.parametrize("notes", [
    [torch.zeros(3), 3, [], 0], [torch.zeros(MOST_BYTES + 1, dtype=torch.uint8), 1, [], 0], ["abc", 3, [], 0],
    [None, "many", [], 0], [None, 0], None,
])  # fmt: skip
def test_notes_that_no_place_makes_are_refused(notes):
    place, description = Place("a.bin"), Description(Known([]))
    said = description.value(notes)

    def changed(content, tensors):
        return {**content, "observed": [said], "new": description.new}, save(description.tensors)

    with place.there(), pytest.raises(Unusable):
        Distant(Loopback({"f": lambda path: None}, change=changed), "f")(place)


LONG = struct.pack("<Q", 2**62) + b"{}"
LYING = json.dumps({"a": {"dtype": "F32", "shape": [10**9], "data_offsets": [0, 4]}}).encode()


@pytest.mark.parametrize("content", [
    b"", b"{}", LONG, struct.pack("<Q", len(LYING)) + LYING + b"\0" * 4, pack(Stranger()), b"\0" * 100,
    b"PK\x03\x04" + b"\0" * 50,
])  # fmt: skip
def test_what_is_no_safetensors_file_is_none_and_runs_nothing(content):
    before = Stranger.opened
    assert read(content) is None and Stranger.opened == before


def test_a_saved_file_is_what_load_model_is_given():
    """The two exercises are one: what any right answer saves, any right answer loads."""
    model = Case().model().eval()
    told = {"class_names": ["b", "a", "d", "c"], "transform": {"crop": 3}, "provenance": {"data": "x"}}
    for saves in SAVED.values():
        for loads in LOADED.values():
            place, other = Place("model.safetensors"), Case(seed=5).model()
            with place.there():
                saves(model, place, **told)
                assert loads(other, place) == told
            assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), other.state_dict().values(), strict=True))


def test_the_checks_leave_no_folder_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert save_model.report(next(iter(SAVED.values()))).status == RIGHT
    assert load_model.report(next(iter(LOADED.values()))).status == RIGHT
    assert list(tmp_path.iterdir()) == []


def of_nodes(*nodes, initializers=(), size=4) -> bytes:
    """An ONNX file with these nodes between x and y."""
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", size]) for name in "xy")
    graph = helper.make_graph(list(nodes), "g", [x], [y], initializer=list(initializers))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9).SerializeToString()


def test_a_file_is_run_on_each_batch_twice():
    run = run_onnx(of_nodes(helper.make_node("Neg", ["x"], ["y"])), [torch.ones(2, 4), torch.ones(3, 5)])
    assert (run.error, run.outside, run.inputs, run.outputs) == ("", False, ("x",), ("y",))
    assert torch.equal(run.first[0], -torch.ones(2, 4)) and torch.equal(run.again[0], run.first[0])
    assert 1 not in run.first and "InvalidArgument" in run.stopped[1]


def outside() -> bytes:
    """A file whose weights are said to lie in a file of the system's."""
    weights = onnx.TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    for key, value in {"location": "/etc/passwd", "offset": "0", "length": "16"}.items():
        weights.external_data.add(key=key, value=value)
    return of_nodes(helper.make_node("Add", ["x", "w"], ["y"]), initializers=[weights])


def test_weights_in_another_file_are_seen_and_not_read():
    run = run_onnx(outside(), [torch.zeros(1, 4)])
    assert run.outside and run.error and run.first == {}


def test_a_file_that_takes_all_memory_ends_its_own_process():
    shape = helper.make_tensor("s", TensorProto.INT64, [2], [10**6, 10**6])
    large = helper.make_node("Expand", ["x", "s"], ["y"])
    run = run_onnx(of_nodes(large, initializers=[shape], size=1), [torch.zeros(1, 1)])
    assert run.first == {} and (run.error or run.stopped)


def test_what_is_no_onnx_file_is_said_to_be_none():
    for content in (b"weights", pack(Stranger()), pack(nn.Linear(2, 2))):
        assert run_onnx(content, [torch.zeros(1, 4)]).error


def test_names_that_an_answer_makes_up_are_shown_and_not_obeyed():
    def hostile(model, path, class_names, transform, provenance):
        told = {"class_names": "\x1b[2J", "transform": "[1]\x1b[2J", "\x1b[2J\u202e": "x"}
        save_file({"weight\x1b[2J\nright": torch.zeros(1)}, path, told)
        open(f"{path}\x1b[2J", "w").close()

    report = save_model.report(Distant(Loopback({"f": hostile}), "f"))
    words = "".join(part for finding in report.findings.values() for part in (finding.found, finding.expected, finding.likely))
    assert "\\x1b[2J" in words and not {"\x1b", "\n", "\u202e"} & set(words)
