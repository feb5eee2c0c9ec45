"""Is the right thing chosen for a GPU, and does it change nothing but last digits? Tried on the CPU: no GPU is needed."""

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from helpers.data import batches
from helpers.training import on_gpu
from helpers.training.on_gpu import Plan

DATA = TensorDataset(torch.randn(10, 6, generator=torch.Generator().manual_seed(0)), torch.arange(10))


@pytest.mark.parametrize(
    ("kind", "mixed", "needed", "chosen"),
    [
        ("cpu", True, 1, Plan()),
        ("mps", True, 1, Plan()),
        ("cuda", False, 40, Plan(False, True)),
        ("cuda", True, 60, Plan(True, False)),
        ("cuda", True, float("inf"), Plan(True, False)),
    ],
)
def test_a_plan_goes_by_the_device_and_its_memory(kind, mixed, needed, chosen):
    assert on_gpu.plan(kind, mixed=mixed, needed=needed, free=100) == chosen


def test_inputs_on_the_device_come_in_the_same_order():
    loaders, same = (batches.make_loaders({"train": DATA, "val": DATA}, batch_size=4, seed=3) for _ in range(2))
    assert on_gpu.size(loaders) == 2 * (10 * 6 * 4 + 10 * 8)
    part = nn.Linear(6, 3)
    kept, ready = on_gpu.prepared(part, same, Plan(resident=True))
    assert kept is part
    for name in loaders:
        for _ in range(2):
            pairs = list(zip(loaders[name], ready[name], strict=True))
            assert all(torch.equal(a, b) for pair in pairs for a, b in zip(*pair, strict=True))
        assert torch.equal(loaders[name].generator.get_state(), ready[name].generator.get_state())


def test_images_that_are_read_one_by_one_stay_where_they_are():
    assert on_gpu.size({"train": batches.make_loader(list(DATA), batch_size=4)}) == float("inf")


def test_mixed_precision_trains_the_same_parameters_to_nearly_the_same():
    part = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))
    mixed, _ = on_gpu.prepared(part, {}, Plan(mixed=True))
    assert {id(p) for p in mixed.parameters()} == {id(p) for p in part.parameters()}
    found, expected = mixed(DATA.tensors[0]), part(DATA.tensors[0])
    assert found.dtype == torch.float32 and not torch.equal(found, expected) and torch.allclose(found, expected, atol=0.05)
    found.sum().backward()
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in part.parameters())


def test_each_item_comes_when_the_next_is_under_way():
    begun = []

    def items():
        for number in range(3):
            begun.append(number)
            yield number

    assert [(item, len(begun)) for item in on_gpu.one_ahead(items())] == [(0, 2), (1, 3), (2, 3)]
