"""Values of the learner's side, rebuilt from plain data: JSON and bare tensors. Nothing of the learner's is unpickled or run."""

from collections import Counter, defaultdict
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from helpers.grading.inside.describe import CONV_SETTINGS, PLAIN_MODULES
from helpers.grading.inside.shared_objects import Known
from helpers.grading.judging.stand_ins import PLAIN, Readings, Unusable, error_of, other, short
from helpers.models.lora import LoRA

MOST_DEPTH = 60
# What looking at a model may cost the judge: modules and weights in it, each counted as often as it stands there.
MOST_MODULES, MOST_WEIGHTS = 2_000, 500_000_000
MOST_STRIDE = 16  # of a convolution, and of its border: a wide one would fill the judge's memory
MOST_OBJECTS = 20_000  # that no reading knows by more than their name: each has a class of its own here


class Rebuilt:
    """The values in one description.

    Args:
        content: the JSON.
        tensors: the bare tensors that it names.
        known: what the judge handed out; it comes back as the very objects.
    """

    def __init__(self, content: dict, tensors: dict[str, Tensor], known: Known):
        self.content, self.tensors, self.known = content, tensors, known
        self._made: dict[str, Any] = {}
        self._counts = Counter()
        # An honest description names each tensor once: whoever names one many times gets no more room than that.
        self._room = sum(tensor.nbytes for tensor in tensors.values())

    def _count(self, kind: str, most: int) -> None:
        """One more of a kind. Unusable: more than anybody makes."""
        self._counts[kind] += 1
        if self._counts[kind] > most:
            raise Unusable(f"more than {most} {kind}")

    def bare(self, content: dict) -> Tensor:
        """The tensor that a description names; together no more bytes than came."""
        tensor = self.tensors[content["key"]]
        self._room -= tensor.nbytes
        if self._room < 0:
            raise Unusable("one tensor named many times")
        return tensor

    def value(self, content: Any, depth: int = 0) -> Any:
        """A value rebuilt from its description."""
        if depth > MOST_DEPTH:
            raise Unusable("a value too deep to look at")
        if isinstance(content, PLAIN):
            return content
        kind = content["is"]
        if kind in ("list", "tuple", "set"):
            items = [self.value(item, depth + 1) for item in content["items"]]
            return {"list": list, "tuple": tuple, "set": set}[kind](items)
        if kind == "dict":
            return {self.value(k, depth + 1): self.value(v, depth + 1) for k, v in content["items"]}
        if kind == "known":
            return self.known.thing(tuple(content["name"]))
        if kind == "new":
            return self._new(str(content["key"]), depth)
        if kind == "numpy":
            dtype = np.dtype(str(content["dtype"]))
            if dtype.kind not in "biufU" or not isinstance(content["value"], PLAIN):
                raise Unusable("a numpy value that is none")
            return dtype.type(content["value"])
        self._count("objects", MOST_OBJECTS)
        return other(content.get("type", "object"), content.get("repr", ""))

    def _new(self, key: str, depth: int) -> Any:
        """An object that the answer made: the same one wherever its key stands."""
        if key not in self._made:
            content = self.content["new"][key]
            if content["is"] not in ("tensor", "parameter"):
                self._count("new modules, optimizers and loaders", MOST_MODULES)
            if content["is"] in ("tensor", "parameter"):
                self._made[key] = self._tensor(content)
            elif content["is"] == "module":
                self._made[key] = self._new_module(content, depth)
            elif content["is"] == "optimizer":
                self._made[key] = self._new_optimizer(content)
            elif content["is"] == "readings":
                self._made[key] = Readings.of(content["type"], content["ways"], self._passes(content["passes"], depth))
            else:
                self._made[key] = other(content.get("type", "object"), content.get("repr", ""))
        return self._made[key]

    def _passes(self, passes: list[dict], depth: int) -> list[tuple[list, Exception | None]]:
        if not passes:
            raise Unusable("something to read that nobody has read")
        return [
            (
                [self.value(item, depth + 1) for item in found["items"]],
                None if found["error"] is None else error_of(found["error"]),
            )
            for found in passes
        ]

    def _tensor(self, content: dict) -> Tensor:
        bare = self.bare(content)
        if content["is"] == "parameter":
            return nn.Parameter(bare, requires_grad=bool(content["requires_grad"]))
        if content.get("inference"):
            with torch.inference_mode():
                return bare.clone()
        return bare.clone().requires_grad_(True) if content["requires_grad"] and bare.is_floating_point() else bare.clone()

    def _new_module(self, content: dict, depth: int) -> nn.Module:
        """A plain layer of torch's, or one like a known one, with the learner's weights; else a module that cannot be run."""
        kind = content["type"]
        if content["like"] is not None:
            module = _emptied(self.known.thing(tuple(content["like"])))
        elif kind not in PLAIN_MODULES:
            module = type(short(content["name"]) or "Module", (nn.Module,), {"forward": _cannot_run})()
        elif kind in ("Sequential", "ModuleList"):
            module = getattr(nn, kind)()
        elif kind == "Linear":
            module = nn.Linear(1, 1)
        elif kind == "Conv2d":
            module = _convolution(content["options"])
        elif kind == "LoRA":
            module = LoRA(nn.Identity(), nn.Identity(), nn.Identity(), 0.0)
        else:
            module = getattr(nn, kind)(**content["options"])
        for name, child in content["children"]:
            module.add_module(str(name), self.value(child, depth + 1))
        for name, buffer in content["buffers"]:
            module.register_buffer(str(name), self.bare(buffer).clone())
        for name in list(module._parameters):
            module._parameters[name] = None
        for name, held in content["own"]:
            module.register_parameter(str(name), self._held(held))
        if kind == "Linear" and module.weight is not None and module.weight.ndim == 2:
            module.out_features, module.in_features = module.weight.shape
        if kind == "Conv2d" and module.weight is not None and module.weight.ndim == 4:
            module.kernel_size = tuple(module.weight.shape[2:])
        return module

    def _held(self, content: dict) -> nn.Parameter:
        """The parameter that lies in a place: the judge's own if the learner's side left it there, with the new values in it."""
        bare, flag = self.bare(content), bool(content["requires_grad"])
        parameter = self.value(content["object"])
        if parameter.shape != bare.shape or parameter.dtype != bare.dtype:
            parameter.data = bare.clone()
        else:
            parameter.data.copy_(bare)
        parameter.requires_grad_(flag)
        grad = content["grad"]
        parameter.grad = None if grad is None else self.bare(grad).clone()
        write_notes(parameter, content["notes"])
        return parameter

    def _new_optimizer(self, content: dict) -> Any:
        kind = getattr(torch.optim, str(content["type"]), None)
        if not (isinstance(kind, type) and issubclass(kind, torch.optim.Optimizer)):
            return other(content["type"], "an optimizer that is not one of torch.optim")
        lr = float(self.value(content["groups"][0]["options"].get("lr", 0.0))) if content["groups"] else 0.0
        optimizer = kind([nn.Parameter(torch.zeros(1, 1))], lr=lr)  # some take matrices only
        self._write_optimizer(optimizer, content)
        return optimizer

    def _write_optimizer(self, optimizer: torch.optim.Optimizer, content: dict) -> None:
        groups = []
        for group in content["groups"]:
            options = {str(k): self.value(v) for k, v in group["options"].items()}
            groups.append({**optimizer.defaults, **options, "params": [self.value(p) for p in group["params"]]})
        optimizer.param_groups[:] = groups
        state = defaultdict(dict)
        for parameter, entry in content["state"]:
            state[self.value(parameter)] = self.value(entry)
        optimizer.state = state


def _emptied(module: nn.Module) -> nn.Module:
    """Another module of this one's class, with its settings, and without its tensors, inner modules and hooks."""
    other_one = type(module).__new__(type(module))
    nn.Module.__init__(other_one)
    for name, setting in vars(module).items():
        vars(other_one).setdefault(name, setting)
    for kind in ("_parameters", "_buffers", "_modules"):  # a layer may ask for what it does not have, such as a bias
        vars(other_one)[kind] = dict.fromkeys(vars(module)[kind])
    return other_one


def _convolution(options: dict) -> nn.Conv2d:
    """A convolution with these strides and borders, still without its weights."""
    module = nn.Conv2d(1, 1, 1)
    for key in CONV_SETTINGS:
        setting = options[key]
        if not isinstance(setting, str):  # "same" or "valid"
            setting = tuple(int(number) for number in setting)
            if len(setting) != 2 or not all(0 <= number <= MOST_STRIDE for number in setting):
                raise Unusable(f"a convolution with {key} {short(str(setting))}")
        setattr(module, key, setting)
    return module


def _cannot_run(self: nn.Module, *inputs: Any) -> None:
    raise TypeError(f"a {type(self).__name__} in the model: only layers of the kinds that the exercise asks for can be judged")


def write_notes(thing: Any, notes: dict) -> None:
    """Write plain attributes that a learner has written; nothing that the object's own working hangs on."""
    for name, note in notes.items():
        if name.startswith("_") or hasattr(type(thing), name) or not isinstance(note, PLAIN):
            raise Unusable(f"an attribute {name} that nobody writes")
        vars(thing)[name] = note


def refuse_vast(root: nn.Module) -> None:
    """Refuse a model that would keep the judge busy: modules that stand in many places multiply, and may even hold themselves."""
    waiting, modules, weights = [root], 0, 0
    while waiting:
        module = waiting.pop()
        modules += 1
        weights += sum(p.numel() for p in module._parameters.values() if p is not None)
        if modules > MOST_MODULES or weights > MOST_WEIGHTS:
            raise Unusable("a model too large to look at")
        waiting.extend(inner for inner in module._modules.values() if inner is not None)
