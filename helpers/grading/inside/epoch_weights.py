"""The weights with which a notebook's model was measured, epoch by epoch: what a history says can be measured again by them.

A hook on all modules looks whenever a last layer (`nn.Linear`) is about to run, with gradients off or in eval mode, and keeps a
copy of what is trainable if that has changed since the last look. It runs in the learner's kernel, so what it kept is a claim as
well; but one whose content is measured by the judge: weights that give five different records have to be there, whoever put them
together.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.utils.hooks import RemovableHandle

from helpers.grading.inside.shared_objects import can_learn, tensor_of
from helpers.models.parts import parts_of, tensors_in

MOST_BYTES = 300_000_000  # of copies at a time: older ones go
SMALL = 1_000_000  # bytes: of a model that is so small every change is kept, also those while gradients are recorded


class Looks:
    """What was kept.

    Attributes:
        kept: (whether gradients were off or the layer in eval mode, place -> tensor). Places are counted from the model's end,
            from 1: a tail of a model ends as the whole does.
    """

    def __init__(self) -> None:
        self.kept: deque[tuple[bool, dict[int, Tensor]]] = deque()
        self._bytes = 0
        self._root: nn.Module | None = None
        self._inner: set[int] = set()
        self._last: dict[int, tuple[Tensor, tuple]] = {}

    def __call__(self, module: nn.Module, inputs: Any) -> None:
        """Before any module runs. The outermost one is that which no earlier one holds."""
        if id(module) not in self._inner:
            self._root, self._inner = module, {id(part) for part in module.modules()}
        if isinstance(module, nn.Linear):
            self._look(module)

    def _look(self, layer: nn.Linear) -> None:
        quiet = not (torch.is_grad_enabled() and layer.training)
        parameters = [parameter for _, parameter in tensors_in(parts_of(self._root), "parameter")]
        trainable = {place: p for place, p in enumerate(reversed(parameters), start=1) if can_learn(p)}
        size = sum(p.nbytes for p in trainable.values())
        if not trainable or not (quiet or size < SMALL):
            return
        # A write through .data leaves no trace in the version; the last layer's values are few, and compared as well.
        state = tuple((id(p), p._version) for p in trainable.values())
        values, before = self._last.get(id(layer), (None, None))
        if before == state and torch.equal(values, tensor_of(layer.weight)):
            return
        self._last[id(layer)] = tensor_of(layer.weight), state
        self._keep(quiet, {place: tensor_of(p) for place, p in trainable.items()}, size)

    def _keep(self, quiet: bool, tensors: dict[int, Tensor], size: int) -> None:
        self.kept.append((quiet, tensors))
        self._bytes += size
        while self._bytes > MOST_BYTES:
            self._bytes -= sum(tensor.nbytes for tensor in self.kept.popleft()[1].values())

    def told(self, number: int | None) -> tuple[dict, dict[str, Tensor]]:
        """(JSON, tensors): of each look in the order of time whether it fell into a measurement, and [place, shape] of what was
        kept; with a number the tensors of that look, by place.
        """
        if number is not None:
            return {}, {str(place): tensor for place, tensor in self.kept[number][1].items()}
        shapes = [[quiet, [[place, list(tensor.shape)] for place, tensor in tensors.items()]] for quiet, tensors in self.kept]
        return {"looks": shapes}, {}


_looks: list[Looks] = []  # the one of this kernel, once it has begun
_hook: list[RemovableHandle] = []  # by which it looks


def begin() -> None:
    """Look from here on."""
    _looks.append(Looks())
    _hook.append(register_module_forward_pre_hook(_looks[0]))


@contextmanager
def looking_away() -> Iterator[None]:
    """Inside, nothing is looked at: what a judge's problems do to small models is none of the notebook's training. torch calls
    each layer faster where there is no hook.
    """
    begun = bool(_hook)
    while _hook:
        _hook.pop().remove()
    try:
        yield
    finally:
        if begun:
            _hook.append(register_module_forward_pre_hook(_looks[0]))


def told(number: int | None) -> tuple[dict, dict[str, Tensor]]:
    """As `Looks.told`; nothing was kept where nobody has begun."""
    return (_looks[0] if _looks else Looks()).told(number)
