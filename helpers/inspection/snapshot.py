"""What a model is at one moment, and what has changed since: the eye of all checks."""

from collections.abc import Iterable, Set
from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn

from helpers.models.parts import parts_of, tensors_in


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A model at one moment. A tensor used in several places counts once, under its first name.

    Attributes:
        parameters, buffers: name -> a copy of the tensor.
        flags: name of a parameter -> its `requires_grad`.
        modes: name of a module -> whether it was in train mode; the model itself is ``""``.
        modules: name -> the module itself, to notice when another takes its place.
    """

    parameters: dict[str, Tensor]
    buffers: dict[str, Tensor]
    flags: dict[str, bool]
    modes: dict[str, bool]
    modules: dict[str, nn.Module]


@dataclass(frozen=True)
class Changes:
    """Names of what differs between a snapshot and a model. What came or went counts as changed.

    Attributes:
        parameters, buffers: tensors of another value, shape or dtype.
        flags: parameters whose `requires_grad` was switched.
        modes: modules put in the other mode; the model itself is ``""``.
        modules: modules replaced by another object.
    """

    parameters: frozenset[str] = frozenset()
    buffers: frozenset[str] = frozenset()
    flags: frozenset[str] = frozenset()
    modes: frozenset[str] = frozenset()
    modules: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Whether anything at all has changed."""
        return any(getattr(self, field.name) for field in fields(self))


def take_snapshot(model: nn.Module) -> Snapshot:
    """The model as it is now. Its tensors are copied: later changes to the model do not reach the snapshot."""
    parts = parts_of(model)
    parameters, modules = dict(tensors_in(parts, "parameter")), dict(parts)
    return Snapshot(
        parameters={name: p.detach().clone() for name, p in parameters.items()},
        buffers={name: b.detach().clone() for name, b in tensors_in(parts, "buffer")},
        flags={name: p.requires_grad for name, p in parameters.items()},
        modes={name: module.training for name, module in modules.items()},
        modules=modules,
    )


def changes_since(snapshot: Snapshot, model: nn.Module) -> Changes:
    """What differs between the snapshot and the model now.

    Meant for the very model that the snapshot was taken of: in a deep copy every module is another object.
    """
    parts = parts_of(model)
    parameters, modules = dict(tensors_in(parts, "parameter")), dict(parts)
    return Changes(
        parameters=_differing(snapshot.parameters, parameters, same_tensor),
        buffers=_differing(snapshot.buffers, dict(tensors_in(parts, "buffer")), same_tensor),
        flags=_differing(snapshot.flags, {name: p.requires_grad for name, p in parameters.items()}, bool.__eq__),
        modes=_differing(snapshot.modes, {name: m.training for name, m in modules.items()}, bool.__eq__),
        modules=_differing(snapshot.modules, modules, lambda a, b: a is b),
    )


def same_tensor(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors hold exactly the same values; equal patterns of NaN are the same."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    a, b = a.detach(), b.detach().to(a.device)
    return torch.equal(a, b) or (a.is_floating_point() and torch.equal(_bits(a), _bits(b)))


def listed(names: Iterable[str], limit: int = 3) -> str:
    """The first few names in words, ``"a, b and 7 more"``: those of a set sorted. The model itself goes by the name ``""``."""
    ordered = [name or "the model itself" for name in (sorted(names) if isinstance(names, Set) else names)]
    more = len(ordered) - limit
    return ", ".join(ordered[:limit]) + (f" and {more} more" if more > 0 else "")


def _bits(tensor: Tensor) -> Tensor:
    return tensor.contiguous().reshape(-1).view(torch.uint8)


def _differing(before: dict, after: dict, same) -> frozenset[str]:
    common = before.keys() & after.keys()
    return frozenset(before.keys() ^ after.keys()) | {name for name in common if not same(before[name], after[name])}
