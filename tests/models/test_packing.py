"""Do tensors come out of their bytes as they went in?"""

import pytest
import torch
from safetensors.torch import load, save

from helpers.models.packing import NUMBERS, in_safetensors


@pytest.mark.parametrize("kind", NUMBERS, ids=str)
def test_safetensors_own_reader_reads_what_is_written_as_what_its_own_writer_writes(kind):
    drawn = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    tensors = {"many": drawn.mul(50).to(kind), "none": torch.empty(0, 2, dtype=kind), "a number": torch.ones((), dtype=kind)}
    mine, own = load(in_safetensors(tensors)), load(save(tensors))
    assert mine.keys() == own.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert mine[name].dtype == own[name].dtype == kind and mine[name].shape == own[name].shape == tensor.shape
        assert torch.equal(mine[name], own[name]) and torch.equal(mine[name], tensor)
    assert load(in_safetensors({})) == {}
