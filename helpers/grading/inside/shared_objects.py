"""What judge and learner's side both know before a call: the objects in the arguments, each under a name of its own.

Both sides walk the same arguments in the same order, so a name stands for the same thing on either side and nothing but names
has to travel back.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from helpers.checks.watching import Observed
from helpers.models.parts import Parts, parts_of, tensors_in

# How a thing is named: its kind, then where it is, such as ("parameter", 0, "fc.weight").
Name = tuple


class Known:
    """The objects in some arguments.

    Attributes:
        modules, parts: the models among them, roots only, and what each was made of.
        optimizers, observed, others: as their names say; others are objects that only keep their identity.
        names: id of an object -> its name.
    """

    def __init__(self, arguments: Any):
        self.modules: list[nn.Module] = []
        self.parts: list[Parts] = []
        self.optimizers: list[torch.optim.Optimizer] = []
        self.observed: list[Observed] = []
        self.others: list[Any] = []
        self.names: dict[int, Name] = {}
        self._things: dict[Name, Any] = {}
        self._kept: list[Any] = []  # an id is only good while its object lives
        roots = [thing for thing in _leaves(arguments) if isinstance(thing, nn.Module)]
        inner = {id(module) for root in roots for _, module in parts_of(root)[1:]} if len(roots) > 1 else ()
        self._visit([root for root in roots if id(root) not in inner])
        self._visit(list(_leaves(arguments)))

    def thing(self, name: Name) -> Any:
        """The object of this name, as it is now.

        Raises:
            KeyError, IndexError, AttributeError: there is none.
        """
        return self._things[tuple(name)]

    def like(self, module: nn.Module) -> Name | None:
        """The name of the first known module of this one's very class with the same settings."""
        known = ((name, thing) for name, thing in self._things.items() if name[0] == "module" and type(thing) is type(module))
        return next((name for name, thing in known if _settings(thing) == _settings(module)), None)

    def gradients(self) -> list[tuple[Name, Tensor]]:
        """(name of a parameter, its gradient) for each one that has a gradient: pickling drops them."""
        return [(name, thing.grad) for name, thing in self._things.items() if name[0] == "parameter" and thing.grad is not None]

    def take_gradients(self, gradients: list[tuple[Name, Tensor]]) -> None:
        """Give each of these parameters its gradient."""
        for name, gradient in gradients:
            self.thing(name).grad = gradient

    def _visit(self, things: list) -> None:
        for thing in things:
            if id(thing) in self.names:
                continue
            if isinstance(thing, nn.Module):
                self._add_module(thing)
            elif isinstance(thing, torch.optim.Optimizer):
                self._add("optimizer", self.optimizers, thing)
            elif isinstance(thing, Observed):
                self._add("observed", self.observed, thing)
            elif isinstance(thing, DataLoader) and isinstance(thing.dataset, Observed):
                self._add("other", self.others, thing)
                self._add("observed", self.observed, thing.dataset)
            elif isinstance(getattr(thing, "__self__", None), Observed):
                self._add("observed", self.observed, thing.__self__)
            elif not isinstance(thing, (type(None), bool, int, float, str, bytes)):
                self._add("other", self.others, thing)

    def _add_module(self, root: nn.Module) -> None:
        number, parts = len(self.modules), parts_of(root)
        self.modules.append(root)
        self.parts.append(parts)
        for path, module in parts:
            self._note(module, ("module", number, path))
            for hook in (*module._forward_hooks.values(), *module._forward_pre_hooks.values()):
                if isinstance(hook, Observed):
                    self._add("observed", self.observed, hook)
        for kind in ("parameter", "buffer"):
            for path, tensor in tensors_in(parts, kind):
                self._note(tensor, (kind, number, path))

    def _add(self, kind: str, those: list, thing: Any) -> None:
        if id(thing) not in self.names:
            self._note(thing, (kind, len(those)))
            those.append(thing)

    def _note(self, thing: Any, name: Name) -> None:
        if id(thing) not in self.names:
            self.names[id(thing)] = name
            self._things[name] = thing
            self._kept.append(thing)


def _leaves(value: Any, depth: int = 0) -> Iterator[Any]:
    """Everything in nested lists, tuples and dicts that is none of these, in order."""
    if depth > 20:
        return
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _leaves(inner, depth + 1)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for inner in value:
            yield from _leaves(inner, depth + 1)
    else:
        yield value


def attributes(thing: Any) -> dict[str, Any]:
    """An object's own attributes, as they are now."""
    try:
        return dict(vars(thing))
    except TypeError:
        return {}


def plain(own: dict[str, Any]) -> dict[str, Any]:
    """The plain values among attributes: what a learner may have written on a module or a parameter."""
    kinds = (bool, int, float, str)
    return {key: value for key, value in own.items() if type(value) in kinds or (value is None and not key.startswith("_"))}


# torch's own ways to look at a tensor, as they are before a learner's code has run.
_BARE, _DETACH = torch._C.DisableTorchFunctionSubclass, torch._C.TensorBase.detach
_FLAG, _GRADIENT = torch._C.TensorBase.requires_grad.__get__, torch._C.TensorBase.grad.__get__
_LEAF = torch._C.TensorBase.is_leaf.__get__


def _settings(module: nn.Module) -> dict[str, Any]:
    """What a layer was made with: sizes, strides and the like."""
    plain = (int, float, str, tuple)
    return {key: value for key, value in vars(module).items() if isinstance(value, plain) and key != "training"}


def tensor_of(thing: Tensor) -> Tensor:
    """The bare values, whatever class the tensor claims to be: a copy on the CPU, contiguous, without a graph."""
    with _BARE():
        return _DETACH(thing).cpu().clone(memory_format=torch.contiguous_format)


def can_learn(thing: Tensor) -> bool:
    """The flag `requires_grad`, as autograd sees it."""
    with _BARE():
        return _FLAG(thing)


def gradient_of(thing: Tensor) -> Tensor | None:
    """The gradient that lies on a tensor, if there is one; asked of the result of a computation, torch would warn."""
    with _BARE():
        return _GRADIENT(thing) if _LEAF(thing) else None
