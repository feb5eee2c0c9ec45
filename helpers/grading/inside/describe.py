"""What came of a call, as plain data: JSON and a few bare tensors. Runs on the learner's side.

Nothing here is believed: the judge rebuilds the objects from it and looks for itself (`helpers.grading.judging.effects`).
"""

import traceback
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn

from helpers.grading.inside.shared_objects import Known, attributes, can_learn, gradient_of, plain, tensor_of
from helpers.models.lora import LoRA
from helpers.models.packing import NUMBERS
from helpers.models.parts import parts_of, tensors_in

PASSES, MOST_ITEMS = 3, 500  # of a loader, a data set or the like that an answer gives back
WAYS = ("__iter__", "__getitem__", "__len__")  # in which such a thing can be read
MOST_VALUES, MOST_DEPTH, LONGEST_TEXT = 200_000, 40, 20_000
WITH_PARTS = ("Sequential", "ModuleList", "LoRA")
# New modules that an answer may put into a model; of others only the name travels.
PLAIN_MODULES = ("Linear", "Identity", "Dropout", "Flatten", "ReLU", "Softmax", "LogSoftmax", "Conv2d", *WITH_PARTS)
CONV_SETTINGS = ("stride", "padding", "dilation")
SETTINGS = ("p", "dim", "start_dim", "end_dim", *CONV_SETTINGS)
# torch's own classes, as they are before a learner's code has run: a class of the same name is not one of them.
_PLAIN = {getattr(nn, name, LoRA): name for name in PLAIN_MODULES}
_OPTIMIZERS = {kind: name for name, kind in vars(torch.optim).items() if isinstance(kind, type)}


class Description:
    """JSON for values. A tensor's numbers are a key into `tensors`; an object that the answer made is a key into `new`.

    Attributes:
        tensors: key -> bare tensor.
        new: key -> what the object is; it may be found in several places, and is one and the same there.
    """

    def __init__(self, known: Known):
        self.known, self.tensors, self.new = known, {}, {}
        self._keys: dict[int, str] = {}
        self._kept: list[Any] = []  # an id is only good while its object lives
        self._left = MOST_VALUES
        bearers = [module for parts in known.parts for _, module in parts]
        bearers += [parameter for parts in known.parts for _, parameter in tensors_in(parts, "parameter")]
        self._before = {id(thing): attributes(thing) for thing in bearers}

    def value(self, value: Any, depth: int = 0) -> Any:
        """A value: itself where JSON has it, else ``{"is": kind, ...}``."""
        self._left -= 1
        if value is None or type(value) in (bool, float):
            return value
        if type(value) is int:
            return value if abs(value) < 2**63 else {"is": "other", "type": "int", "repr": "a very large int"}
        if type(value) is str:
            return value[:LONGEST_TEXT]
        if self._left < 0 or depth > MOST_DEPTH:
            return {"is": "other", "type": type(value).__name__, "repr": "too large or too deep to look at"}
        if id(value) in self.known.names:
            return {"is": "known", "name": list(self.known.names[id(value)])}
        return self._container(value, depth) or self._object(value, depth)

    def _container(self, value: Any, depth: int) -> dict | None:
        for kind, name in ((list, "list"), (tuple, "tuple"), (set, "set"), (frozenset, "set")):
            if isinstance(value, kind):
                return {"is": name, "items": [self.value(item, depth + 1) for item in value]}
        if not isinstance(value, Mapping):
            return None
        return {"is": "dict", "items": [[self.value(k, depth + 1), self.value(v, depth + 1)] for k, v in value.items()]}

    def _object(self, value: Any, depth: int) -> dict:
        if isinstance(value, (Tensor, nn.Module, torch.optim.Optimizer)) or _can_be_read(value):
            if id(value) not in self._keys:
                key = self._keys[id(value)] = f"n{len(self._keys)}"
                self._kept.append(value)
                self.new[key] = self._made(value, depth)
            return {"is": "new", "key": self._keys[id(value)]}
        if type(value).__module__ == "numpy" and getattr(value, "ndim", 1) == 0 and value.dtype.kind in "biufU":
            return {"is": "numpy", "dtype": str(value.dtype), "value": self.value(value.item())}
        return {"is": "other", "type": type(value).__name__[:100], "repr": _safely(repr, value, 300, "(no representation)")}

    def _made(self, value: Any, depth: int) -> dict:
        if isinstance(value, Tensor):
            return self._tensor(value)
        if isinstance(value, nn.Module):
            return self._new_module(value)
        if isinstance(value, torch.optim.Optimizer):
            kind = _OPTIMIZERS.get(type(value), f"{type(value).__name__[:90]} (not torch's)")
            return {"is": "optimizer", "type": kind, **self._optimizer(value)}
        return self._readings(value, depth)

    def _readings(self, source: Any, depth: int) -> dict:
        """What some passes through a loader, a data set or an iterator give, one after the other, and what stopped them."""
        ways = [way for way in WAYS if hasattr(type(source), way)]
        passes = []
        for _ in range(PASSES):
            items, error = [], None
            try:
                one_by_one = source if "__iter__" in ways else (source[index] for index in range(len(source)))
                for item in islice(one_by_one, MOST_ITEMS):
                    items.append(self.value(item, depth + 1))
                    if self._left < 0:
                        break
            except Exception as problem:
                error = describe_error(problem)
            passes.append({"items": items, "error": error})
        return {"is": "readings", "type": type(source).__name__[:100], "ways": ways, "passes": passes}

    def _tensor(self, value: Tensor) -> dict:
        if value.dtype not in NUMBERS:
            return {"is": "other", "type": "Tensor", "repr": f"a tensor of {value.dtype}"}
        key = f"t{len(self.tensors)}"
        self.tensors[key] = tensor_of(value)
        kind = "parameter" if isinstance(value, nn.Parameter) else "tensor"
        return {"is": kind, "key": key, "requires_grad": can_learn(value), "inference": bool(value.is_inference())}

    def _new_module(self, module: nn.Module) -> dict:
        """A module that the answer made: one of torch's plain ones, a copy of one that was handed out, or of another kind."""
        kind, options = _PLAIN.get(type(module), "other"), plain(attributes(module))
        like = None if kind in PLAIN_MODULES else self.known.like(module)
        inner = vars(module)["_modules"] if like or kind in WITH_PARTS else {}
        if kind == "Conv2d":
            options |= {key: vars(module)[key] for key in CONV_SETTINGS}
        buffers = vars(module)["_buffers"] if like else {}
        return {
            "is": "module",
            "type": kind,
            "name": type(module).__name__[:100],
            "like": like,
            "options": {key: value for key, value in options.items() if key in SETTINGS},
            "children": [[name, self.value(child)] for name, child in inner.items() if child is not None],
            "buffers": [[name, self._tensor(b)] for name, b in buffers.items() if b is not None],
            "own": [[name, self._held(p)] for name, p in vars(module)["_parameters"].items() if p is not None],
        }

    def _held(self, parameter: Tensor) -> dict:
        """A parameter where it lies in a model: which one it is, and its values as they are now."""
        found, grad = self._tensor(parameter), gradient_of(parameter)
        grad = self._tensor(grad) if isinstance(grad, Tensor) else None
        return {**found, "object": self.value(parameter), "grad": grad, "notes": self._new_notes(parameter)}

    def _new_notes(self, thing: Any) -> dict:
        """Plain attributes that were written since the call began."""
        before, now = self._before.get(id(thing), {}), attributes(thing)
        written = plain({k: v for k, v in now.items() if k not in before or before[k] is not v})
        before = plain({k: before[k] for k in written if k in before})
        return {k: self.value(v) for k, v in written.items() if k != "training" and (k not in before or before[k] != v)}

    def model(self, root: nn.Module) -> dict:
        """The state of a known model: modules, modes, parameters with flags and gradients, buffers, hooks, new attributes."""
        modules, parts = [], parts_of(root)
        for path, module in parts:
            mode, hooks = bool(vars(module)["training"]), len(module._forward_hooks) + len(module._forward_pre_hooks)
            modules.append([path, self.value(module), mode, hooks, self._new_notes(module)])
        return {
            "modules": modules,
            "parameters": [[path, self._held(p)] for path, p in tensors_in(parts, "parameter")],
            "buffers": [[path, self._tensor(b)] for path, b in tensors_in(parts, "buffer")],
        }

    def weights(self, model: nn.Module) -> dict:
        """Of a whole model only its class's name and its tensors: name -> tensor, as in its ``state_dict``."""
        tensors = {str(name): self._tensor(tensor) for name, tensor in model.state_dict().items() if isinstance(tensor, Tensor)}
        return {"type": type(model).__name__[:100], "tensors": tensors}

    def _optimizer(self, optimizer: torch.optim.Optimizer) -> dict:
        groups = []
        for group in vars(optimizer)["param_groups"]:
            params = [self.value(p) for p in group["params"]]
            groups.append({"params": params, "options": {k: self.value(v) for k, v in group.items() if k != "params"}})
        state = [[self.value(p), self.value(dict(entry))] for p, entry in vars(optimizer)["state"].items()]
        return {"groups": groups, "state": state}

    def all(self, arguments: Any, result: Any) -> dict:
        """Everything: the result, the arguments as they are now, and the state of every known thing."""
        return {
            "result": self.value(result),
            "arguments": self.value(arguments),
            "models": [self.model(root) for root in self.known.modules],
            "optimizers": [self._optimizer(optimizer) for optimizer in self.known.optimizers],
            "observed": [self.value(observed.notes()) for observed in self.known.observed],
            "inputs": [[self.known.names[id(t)], self._tensor(t)] for t in self.known.others if isinstance(t, Tensor)],
            "new": self.new,
        }


def _safely(show: Callable[[Any], str], value: Any, longest: int, otherwise: str) -> str:
    try:
        return show(value)[:longest]
    except Exception:  # a learner's own class may raise anything
        return otherwise


def _can_be_read(value: Any) -> bool:
    """Whether it is something like a loader, a data set or an iterator: of any class, but no class and no text."""
    if isinstance(value, (type, str, bytes, bytearray)) or type(value).__module__ == "numpy":
        return False
    return hasattr(type(value), "__iter__") or all(hasattr(type(value), way) for way in ("__getitem__", "__len__"))


def describe_error(error: BaseException) -> dict:
    """The error's name, its words, and the line of the learner's own cell that it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "ipykernel" in frame.filename or frame.filename.startswith("<ipython")]
    where = f"line {own[-1].lineno} of your cell: {(own[-1].line or '').strip()}"[:300] if own else ""
    return {"type": type(error).__name__[:100], "words": _safely(str, error, 2000, ""), "where": where}
