"""The weights that a small model had each time an answer measured it: whether records that it gives back are those of some.

Only the best record of a history has weights that are left in the model. Of the others nothing but this is known.
"""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from helpers.checks.each_epoch import in_order
from helpers.checks.report import Finding, passed_if
from helpers.checks.training_result import same
from helpers.checks.watching import Observed
from helpers.training.loop import measure

MOST_KEPT = 60  # measurements of changed weights: a run here has ten epochs at most


class SeenWeights(Observed):
    """A forward pre-hook on a model that keeps its weights wherever it is about to be measured and they have changed.

    Measured is what runs without gradients, or in eval mode as a whole. A copy of the model is seen as well.

    Attributes:
        kept: name -> tensor, as in a ``state_dict``, for each time.
    """

    def __init__(self) -> None:
        self.kept: list[dict[str, Tensor]] = []

    def __call__(self, module: nn.Module, inputs: Any) -> None:
        if torch.is_grad_enabled() and module.training:
            return
        now = module.state_dict()
        if len(self.kept) < MOST_KEPT and not (self.kept and _equal(self.kept[-1], now)):
            self.kept.append({name: tensor.clone() for name, tensor in now.items()})

    def notes(self) -> list:
        return self.kept

    def take(self, notes: list) -> None:
        if not all(isinstance(t, Tensor) for state in notes[:MOST_KEPT] for t in state.values()):
            raise TypeError("weights that are no tensors")
        self.kept = [dict(state) for state in notes[:MOST_KEPT]]

    def finding(self, records: Finding, history: Sequence[dict], model: nn.Module, val: DataLoader) -> Finding:
        """`records`, the finding on the history's form; if it passed, whether weights gave each of its records, in their order.

        Args:
            records, history: what an answer gave back.
            model: the model as it was left; not changed.
            val: what it was measured on.
        """
        if not records.passed or not self.kept:
            return records
        trial = _Trial(self.kept, copy.deepcopy(model), val)
        wrong = in_order(trial, history)
        return passed_if(
            "records", wrong is None, "made_up",
            found=f"val_loss {wrong['val_loss']:.3f} and val_accuracy {wrong['val_accuracy']:.3f} in epoch {wrong['epoch']}: "
            "none of the weights with which the model was measured gives these numbers at that place" if wrong else "",
            expected="in each record what measuring the model at the end of its epoch gave",
        )  # fmt: skip


class _Trial:
    """A model that takes on what was kept, one after the other."""

    def __init__(self, kept: Sequence[dict[str, Tensor]], model: nn.Module, val: DataLoader):
        self._kept, self._model, self._val, self._found = kept, model, val, {}
        self.numbers = list(range(len(kept)))

    def gives(self, place: int, record: dict) -> bool:
        """Whether the weights of this time give what the record says of the validation images."""
        if place not in self._found:
            self._found[place] = self._measured(self._kept[place])
        return self._found[place] is not None and same(record, self._found[place])

    def _measured(self, state: dict[str, Tensor]) -> dict[str, float] | None:
        own = self._model.state_dict()
        if any(name not in state or state[name].shape != tensor.shape for name, tensor in own.items()):
            return None  # an earlier head, or another model's
        self._model.load_state_dict({name: state[name] for name in own})
        return measure(self._model, self._val)


def _equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(t.shape == other[n].shape and torch.equal(t, other[n]) for n, t in one.items())
