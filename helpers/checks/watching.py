"""What a check hands to an answer in order to see what the answer does with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import nn

from helpers.inspection.snapshot import Changes, Snapshot, changes_since, take_snapshot


class Observed:
    """An object that a check hands to an answer to see what the answer does with it: a hook, a loader that counts its passes.

    It acts on the learner's side; what it noted there travels back as plain data. A copy of a model is seen by the same observer.
    """

    def __deepcopy__(self, memo: dict) -> Observed:
        return self

    def begin(self) -> None:
        """Called on the side where the answer runs, right before it."""

    def end(self) -> None:
        """Called there right after it."""

    def notes(self) -> Any:
        """What it has noted: None, bool, int, float, str, tensors, and lists and dicts of these."""
        raise NotImplementedError

    def take(self, notes: Any) -> None:
        """Put notes from the other side in place of one's own.

        Raises:
            ValueError, TypeError, KeyError: they are not notes of this kind.
        """
        raise NotImplementedError


class Counting(Observed):
    """Something that notes how often it has been used.

    Attributes:
        count: how often: passes, calls, epochs.
    """

    count = 0

    def notes(self) -> int:
        return self.count

    def take(self, notes: int) -> None:
        self.count = min(int(notes), 10_000)


class Watch(Observed):
    """A forward hook that notes each call of its module.

    Attributes:
        calls: for each call how many samples came, whether the module was in train mode, and whether a graph for backward
            hangs on its output.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[int, bool, bool]] = []

    def __call__(self, module: nn.Module, inputs: Any, output: Any) -> None:
        self.calls.append((len(output), bool(module.training), bool(output.requires_grad)))

    @property
    def samples(self) -> int:
        """How many samples went through, over all calls."""
        return sum(size for size, _, _ in self.calls)

    @property
    def modes(self) -> list[bool]:
        """For each call, whether the module was in train mode."""
        return [training for _, training, _ in self.calls]

    @property
    def graphs(self) -> list[bool]:
        """For each call, whether its output carried a graph."""
        return [graph for _, _, graph in self.calls]

    def notes(self) -> list:
        return [list(call) for call in self.calls]

    def take(self, notes: list) -> None:
        self.calls = [(min(int(size), 100_000), bool(training), bool(graph)) for size, training, graph in notes[:10_000]]


class TellsGraph(Watch):
    """A watch on a last layer that scales what comes out, in one way under a graph and in another without one.

    So what an answer makes of the outputs tells whether gradients were recorded, whatever is said of it. The likeliest class is
    the same.
    """

    factors: ClassVar[dict[bool, float]] = {True: 1.25, False: 0.8}

    def __call__(self, module: nn.Module, inputs: Any, output: Any) -> Any:
        super().__call__(module, inputs, output)
        return output * self.factors[bool(output.requires_grad)]


class TellsTurn(Watch):
    """A watch on a first layer that scales what comes out: in one way until so many samples went through, in another afterwards.

    So what an answer makes of it tells whether it comes from the first time that the samples went through.
    """

    first, later = 1.1, 0.85

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def __call__(self, module: nn.Module, inputs: Any, output: Any) -> Any:
        super().__call__(module, inputs, output)
        return output * (self.first if self.samples <= self.most else self.later)


@dataclass(frozen=True)
class Visit:
    """What an answer did to a model.

    Attributes:
        returned: what it gave back.
        before: the model as it came.
        changes: what differs in it now.
        watch: what went through the part of the model that was looked at.
    """

    returned: Any
    before: Snapshot
    changes: Changes
    watch: Watch


def visit(model: nn.Module, part: nn.Module, program: Callable, *arguments: Any, by: Watch | None = None) -> Visit:
    """Call ``program(*arguments)`` and see what it does to `model`, and what goes through `part` of it, such as the head."""
    before, watch = take_snapshot(model), by or Watch()
    hook = part.register_forward_hook(watch)
    try:
        returned = program(*arguments)
    finally:
        hook.remove()
    return Visit(returned, before, changes_since(before, model), watch)
