"""The weights that a small model had each time an answer called it: whether records that it gives back are those of some.

Only the best record of a history has weights that are left in the model. Of the others nothing but this is known.
"""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.utils.data import DataLoader

from helpers.checks.each_epoch import in_order
from helpers.checks.report import Finding, passed_if
from helpers.checks.training_result import same
from helpers.checks.watching import Observed
from helpers.training.loop import measure

MOST_KEPT = 200  # changes of the weights: a run here has ten epochs of seven steps at most


class SeenWeights(Observed):
    """A forward pre-hook on a model that keeps its weights wherever they have changed and it, or its head alone, is about to run.

    A copy of the model is seen as well.

    Args:
        model: the model.
        head_name: what it calls its last layer, which may be another one by and by.

    Attributes:
        kept: [whether gradients were off, how many samples went through, name -> tensor as in a ``state_dict``], in the order of
            time.
    """

    def __init__(self, model: nn.Module, head_name: str):
        self.kept: list[list] = []
        self._model, self._head_name, self._whole = model, head_name, False
        self._everywhere: list = []
        self._state, self._values = (), None

    def __getstate__(self) -> dict:
        """All but the hook on all modules, which belongs to one process."""
        return {**vars(self), "_everywhere": []}

    def begin(self) -> None:
        """Look at the head from here on, wherever it is called alone."""
        if not self._everywhere:
            self._everywhere.append(register_module_forward_pre_hook(self._part))

    def end(self) -> None:
        """Look at it no more."""
        while self._everywhere:
            self._everywhere.pop().remove()

    def __call__(self, module: nn.Module, inputs: Any) -> None:
        self._look(module, inputs)
        self._whole = True

    def _part(self, module: nn.Module, inputs: Any) -> None:
        if module is getattr(self._model, self._head_name, None):
            if not self._whole:
                self._look(self._model, inputs)
            self._whole = False

    def _look(self, model: nn.Module, inputs: Any) -> None:
        quiet, now = not torch.is_grad_enabled(), model.state_dict()
        # A write through .data leaves no trace in the version; the last layer's values are few, and compared as well.
        state, values = (quiet, *((t.data_ptr(), t._version) for t in now.values())), now.get(f"{self._head_name}.weight")
        unchanged = self.kept and self.kept[-1][0] == quiet and (values is None or _equal(values, self._values))
        unchanged = unchanged and (state == self._state or all(_equal(t, self.kept[-1][2].get(name)) for name, t in now.items()))
        if not unchanged and len(self.kept) < MOST_KEPT:
            self.kept.append([quiet, 0, {name: tensor.clone() for name, tensor in now.items()}])
            self._state, self._values = state, self.kept[-1][2].get(f"{self._head_name}.weight")
        self.kept[-1][1] += len(inputs[0]) if inputs and isinstance(inputs[0], Tensor) else 0

    def notes(self) -> list:
        return self.kept

    def take(self, notes: list) -> None:
        if not all(isinstance(t, Tensor) for *_, state in notes[:MOST_KEPT] for t in state.values()):
            raise TypeError("weights that are no tensors")
        self.kept = [[bool(quiet), min(int(samples), 10_000), dict(state)] for quiet, samples, state in notes[:MOST_KEPT]]

    def finding(self, records: Finding, history: Sequence[dict], model: nn.Module, val: DataLoader) -> Finding:
        """`records`, the finding on the history's form; if it passed, whether weights gave each of its records, in their order.

        Args:
            records, history: what an answer gave back.
            model: the model as it was left; not changed.
            val: what it was measured on.
        """
        if not records.passed:
            return records
        quiet = _Trial([one for one in self.kept if one[0]], copy.deepcopy(model), val)
        wrong = in_order(quiet, history)
        if wrong is not None:  # measured with gradients on
            wrong = in_order(_Trial(self.kept, copy.deepcopy(model), val), history)
        return passed_if(
            "records", wrong is None, "made_up",
            found=f"val_loss {wrong['val_loss']:.3f} and val_accuracy {wrong['val_accuracy']:.3f} in epoch {wrong['epoch']}: "
            "none of the weights with which the model was called gives these numbers at that place" if wrong else "",
            expected="in each record what measuring the model at the end of its epoch gave",
        )  # fmt: skip


@contextmanager
def seen_weights(model: nn.Module, head_name: str) -> Iterator[SeenWeights]:
    """Inside, the model is looked at."""
    seen = SeenWeights(model, head_name)
    handle = model.register_forward_pre_hook(seen)
    seen.begin()
    try:
        yield seen
    finally:
        seen.end()
        handle.remove()


class _Trial:
    """A model that takes on what was kept, one after the other; what was measured several times stands there as often."""

    def __init__(self, kept: Sequence[list], model: nn.Module, val: DataLoader):
        self._states, self._model, self._val, self._found = [state for *_, state in kept], model, val, {}
        once = len(val.dataset)
        self.numbers = [number for number, (_, samples, _) in enumerate(kept) for _ in range(max(1, samples // once))]

    def gives(self, place: int, record: dict) -> bool:
        """Whether the weights of this time give what the record says of the validation images."""
        number = self.numbers[place]
        if number not in self._found:
            self._found[number] = self._measured(self._states[number])
        return self._found[number] is not None and same(record, self._found[number])

    def _measured(self, state: dict[str, Tensor]) -> dict[str, float] | None:
        own = self._model.state_dict()
        if any(name not in state or state[name].shape != tensor.shape for name, tensor in own.items()):
            return None  # an earlier head, or another model's
        self._model.load_state_dict({name: state[name] for name in own})
        return measure(self._model, self._val)


def _equal(one: Tensor, other: Tensor | None) -> bool:
    return other is not None and one.shape == other.shape and torch.equal(one, other)
