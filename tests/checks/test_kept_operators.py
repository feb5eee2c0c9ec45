"""Is torch's table of ONNX operators made once, and is an export the same with it?"""

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from helpers.checks.take_it_home import kept_operators
from helpers.checks.take_it_home.kept_operators import keep_operators

pytest.importorskip("onnxscript")


def exported(path: Path) -> bytes:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU6(), nn.Flatten(), nn.Linear(4 * 6 * 6, 2)).eval()
    shapes = ({0: torch.export.Dim("batch")},)
    options = {"dynamic_shapes": shapes, "external_data": False, "verbose": False}
    torch.onnx.export(model, (torch.randn(2, 3, 8, 8),), str(path), input_names=["images"], output_names=["logits"], **options)
    return path.read_bytes()


def test_do_exports_share_one_table_and_give_the_same_file(tmp_path, monkeypatch):
    first = exported(tmp_path / "plain.onnx")
    registry = sys.modules[kept_operators.MODULE].ONNXRegistry
    made, make = [], registry.from_torchlib
    monkeypatch.setattr(registry, "from_torchlib", lambda *given, **options: made.append(given) or make(*given, **options))
    keep_operators()
    keep_operators()
    assert exported(tmp_path / "kept.onnx") == exported(tmp_path / "again.onnx") == first and len(made) == 1
    table = registry.from_torchlib(opset_version=18)
    table.register_op(torch.ops.aten.relu.default, lambda x: x)
    assert table.functions["aten::relu"] != registry.from_torchlib(opset_version=18).functions["aten::relu"]


def test_is_nothing_done_where_nothing_was_exported_or_torch_calls_it_otherwise(monkeypatch):
    monkeypatch.delitem(sys.modules, kept_operators.MODULE, raising=False)
    keep_operators()
    assert kept_operators.MODULE not in sys.modules
    monkeypatch.setitem(sys.modules, kept_operators.MODULE, object())
    keep_operators()
