"""What a GPU wants, where there is one: numbers of 16 bits, and data that is there before it is asked for.

Weights lie in channels_last order everywhere (`Backbone.build`). No GPU was measured: `plan` is tested, its gain is not known.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, SequentialSampler, TensorDataset

from helpers.data import batches

Item = TypeVar("Item")
SHARE = 0.5  # of the GPU's free memory that inputs may take; the rest is for weights, gradients and activations


@dataclass(frozen=True)
class Plan:
    """How to train on a device.

    Attributes:
        mixed: matrix products in bfloat16, weights and sums in float32.
        resident: the inputs of all batches lie on the device from the start.
    """

    mixed: bool = False
    resident: bool = False


def plan(kind: str, *, mixed: bool, needed: int, free: int) -> Plan:
    """What to do on a device of this kind, such as ``"cuda"``; nothing on any other than a GPU of NVIDIA's or AMD's.

    Args:
        kind: `torch.device.type`.
        mixed: whether other last digits are welcome.
        needed: bytes of all inputs.
        free: bytes that the device has left.
    """
    return Plan(mixed, needed <= SHARE * free) if kind == "cuda" else Plan()


def prepared(part: nn.Module, loaders: Mapping[str, DataLoader], chosen: Plan) -> tuple[nn.Module, dict[str, DataLoader]]:
    """(part, loaders) as the plan has them; the part holds the same parameters, and each loader has its order of batches."""
    device = next(part.parameters()).device
    ready = {name: _resident(loader, device) if chosen.resident else loader for name, loader in loaders.items()}
    return InBfloat16(part) if chosen.mixed else part, ready


def size(loaders: Mapping[str, DataLoader]) -> float:
    """Bytes of all inputs; infinite where they are not tensors in memory."""
    tensors = [loader.dataset.tensors if isinstance(loader.dataset, TensorDataset) else None for loader in loaders.values()]
    return float("inf") if None in tensors else sum(tensor.nbytes for pair in tensors for tensor in pair)


def one_ahead(items: Iterable[Item]) -> Iterator[Item]:
    """The same items, each when the next one is under way: a GPU computes one while the next is being read."""
    waiting: list[Item] = []
    for item in items:
        waiting.append(item)
        if len(waiting) > 1:
            yield waiting.pop(0)
    yield from waiting


class InBfloat16(nn.Sequential):
    """One module, its matrix products in bfloat16: the same inputs -> float32 outputs."""

    def forward(self, inputs: Tensor) -> Tensor:
        with torch.autocast(inputs.device.type, torch.bfloat16):
            return super().forward(inputs).float()


def _resident(loader: DataLoader, device: torch.device) -> DataLoader:
    dataset = TensorDataset(*(tensor.to(device) for tensor in loader.dataset.tensors))
    ready = batches.make_loader(dataset, batch_size=loader.batch_size, shuffle=not isinstance(loader.sampler, SequentialSampler))
    ready.generator.set_state(loader.generator.get_state())
    return ready
