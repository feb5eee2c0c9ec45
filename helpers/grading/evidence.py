"""What a judge makes of the learner's side's description: the same objects, rebuilt from plain data.

Nothing of the learner's is unpickled or run. Values are rebuilt from JSON and bare tensors; the state of a model is written into
the judge's own copy of it, the very object that the check handed out, so that checks look at it as if the answer had been called
here. Whatever does not fit raises `Unusable`, and the exercise earns nothing.
"""

from __future__ import annotations

import builtins
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from helpers.acting.describe import PLAIN_MODULES
from helpers.acting.known import Known

MOST_DEPTH = 60


class Unusable(Exception):
    """The description is not one that the learner's side makes of an honest answer."""


class Other:
    """Stands for an object of a kind that does not travel. Its class bears the object's name, for messages."""

    def __init__(self, words: str):
        self._words = words

    def __repr__(self) -> str:
        return self._words


def other(kind: str, words: str) -> Other:
    """An `Other` of a class of this name."""
    return type(str(kind)[:100] or "object", (Other,), {})(str(words)[:300])


def error_of(content: dict) -> Exception:
    """The error that an answer stopped with: of the same kind if Python knows it, with the learner's own line in its words."""
    kind, words, where = (str(content.get(key, ""))[:2000] for key in ("type", "words", "where"))
    known = getattr(builtins, kind, None)
    text = (words.strip().splitlines() or ["(no message)"])[0] + (f" ({where})" if where else "")
    if isinstance(known, type) and issubclass(known, Exception):
        try:
            return known(text)
        except TypeError:  # UnicodeDecodeError and its like want more than words
            pass
    return type(kind or "Exception", (Exception,), {})(text)


class Readings:
    """Stands for a loader or a data set of the learner's: each pass through it gives what one pass there gave, in turn."""

    def __init__(self, passes: list[list]):
        self._passes, self._begun, self._looks = passes, 0, Counter()

    def __len__(self) -> int:
        return len(self._passes[0])

    def __iter__(self) -> Iterator:
        self._begun += 1
        return iter(self._passes[(self._begun - 1) % len(self._passes)])

    def __getitem__(self, index: int) -> Any:
        """The item as it was in the first pass, at the second look as in the second, and so on."""
        item = self._passes[self._looks[index] % len(self._passes)][index]
        self._looks[index] += 1
        return item


class Evidence:
    """One description, put to use.

    Args:
        content: the JSON.
        tensors: the bare tensors that it names.
        known: what the judge handed out.
    """

    def __init__(self, content: dict, tensors: dict[str, Tensor], known: Known):
        self.content, self.tensors, self.known = content, tensors, known
        self._made: dict[str, Any] = {}

    def apply(self) -> Any:
        """The result of the call; the judge's own objects are now as the answer left them.

        Raises:
            Unusable: the description does not fit what was handed out.
        """
        try:
            for root, state in zip(self.known.modules, self.content["models"], strict=True):
                self._write_model(root, state)
            for optimizer, state in zip(self.known.optimizers, self.content["optimizers"], strict=True):
                self._write_optimizer(optimizer, state)
            for observed, notes in zip(self.known.observed, self.content["observed"], strict=True):
                observed.take(self.value(notes))
            for name, content in self.content["inputs"]:
                _copy_into(self.known.thing(tuple(name)), self.tensors[content["key"]])
            return self.value(self.content["result"])
        except Unusable:
            raise
        except Exception as error:
            raise Unusable(f"{type(error).__name__}: {str(error)[:200]}") from None

    def write_arguments(self, arguments: list) -> None:
        """Write changes of the lists and dicts that were handed out into them: an answer may have changed them in place."""
        _write_plain(arguments, self.value(self.content["arguments"]))

    # ------------------------------------------------------------ values
    def value(self, content: Any, depth: int = 0) -> Any:
        """A value rebuilt from its description."""
        if depth > MOST_DEPTH:
            raise Unusable("a value too deep to look at")
        if content is None or type(content) in (bool, int, float, str):
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
            return np.dtype(str(content["dtype"])).type(content["value"])
        return other(content.get("type", "object"), content.get("repr", ""))

    def _new(self, key: str, depth: int) -> Any:
        """An object that the answer made: the same one wherever its key stands."""
        if key not in self._made:
            content = self.content["new"][key]
            if content["is"] in ("tensor", "parameter"):
                self._made[key] = self._tensor(content)
            elif content["is"] == "module":
                self._made[key] = self._new_module(content, depth)
            elif content["is"] == "optimizer":
                self._made[key] = self._new_optimizer(content)
            elif content["is"] == "readings":
                passes = [[self.value(item, depth + 1) for item in items] for items in content["passes"]]
                self._made[key] = Readings(passes)
            else:
                self._made[key] = other(content.get("type", "object"), content.get("repr", ""))
        return self._made[key]

    def _tensor(self, content: dict) -> Tensor:
        bare = self.tensors[content["key"]]
        if content["is"] == "parameter":
            return nn.Parameter(bare, requires_grad=bool(content["requires_grad"]))
        if content.get("inference"):
            with torch.inference_mode():
                return bare.clone()
        return bare.clone().requires_grad_(True) if content["requires_grad"] and bare.is_floating_point() else bare.clone()

    def _new_module(self, content: dict, depth: int) -> nn.Module:
        """A plain layer of torch's, with the learner's weights; for any other kind an empty module of that name."""
        kind = content["type"]
        if kind not in PLAIN_MODULES:
            module = type(str(content["name"])[:100] or "Module", (nn.Module,), {})()
        elif kind in ("Sequential", "ModuleList"):
            module = getattr(nn, kind)()
            for name, child in content["children"]:
                module.add_module(str(name), self.value(child, depth + 1))
        elif kind == "Linear":
            module = nn.Linear(1, 1)
        else:
            module = getattr(nn, kind)(**content["options"])
        for name in list(module._parameters):
            module._parameters[name] = None
        for name, held in content["own"]:
            module.register_parameter(str(name), self._held(held))
        if kind == "Linear" and module.weight is not None and module.weight.ndim == 2:
            module.out_features, module.in_features = module.weight.shape
        return module

    # ------------------------------------------------------------ models
    def _held(self, content: dict) -> nn.Parameter:
        """The parameter that lies in a place: the judge's own if the learner's side left it there, with the new values in it."""
        bare, flag = self.tensors[content["key"]], bool(content["requires_grad"])
        parameter = self.value(content["object"])
        if parameter.shape != bare.shape or parameter.dtype != bare.dtype:
            parameter.data = bare.clone()
        else:
            parameter.data.copy_(bare)
        parameter.requires_grad_(flag)
        grad = content["grad"]
        parameter.grad = None if grad is None else self.tensors[grad["key"]].clone()
        for name, note in content["notes"].items():
            vars(parameter)[str(name)] = self.value(note)
        return parameter

    def _write_model(self, root: nn.Module, state: dict) -> None:
        """Write modules, parameters, buffers, modes and notes into the judge's model."""
        found = {str(path): entry for path, *entry in state["modules"]}
        self._write_modules(root, found)
        modules = dict(root.named_modules())
        for path, (_, training, hooks, notes) in found.items():
            module = modules[path]
            module.training = bool(training)
            for name, note in notes.items():
                vars(module)[str(name)] = self.value(note)
            own = len(module._forward_hooks) + len(module._forward_pre_hooks)
            for _ in range(min(int(hooks), 100) - own):
                module.register_forward_hook(_left_behind)
        self._write_tensors(modules, state)

    def _write_modules(self, root: nn.Module, found: dict[str, list]) -> None:
        """Put new modules where the learner's side has some. Of everything else that was handed out it must tell."""
        for path, (value, *_) in sorted(found.items(), key=lambda item: item[0].count(".")):
            if not path:
                continue
            parent, name = _place(root, path)
            wanted = self.value(value)
            if parent._modules.get(name) is not wanted:
                parent._modules[name] = wanted
        gone = [path for path, _ in root.named_modules() if path not in found]
        if gone:
            raise Unusable(f"nothing is said of {gone[0]}, which was handed out")

    def _write_tensors(self, modules: dict[str, nn.Module], state: dict) -> None:
        parameters = {str(path): content for path, content in state["parameters"]}
        buffers = {str(path): content for path, content in state["buffers"]}
        for path, content in parameters.items():
            module, name = modules[path.rpartition(".")[0]], path.rpartition(".")[2]
            module._parameters[name] = self._held(content)
        for path, content in buffers.items():
            module, name = modules[path.rpartition(".")[0]], path.rpartition(".")[2]
            module._buffers[name] = self.tensors[content["key"]].clone()
        for path, module in modules.items():
            for name in [name for name in module._buffers if (f"{path}.{name}" if path else name) not in buffers]:
                module._buffers[name] = None
            for name, parameter in module._parameters.items():
                if parameter is not None and not self._seen(module, name, path, parameters, modules):
                    raise Unusable(f"nothing is said of the parameter {name} of {path or 'the model'}")

    def _seen(self, module: nn.Module, name: str, path: str, parameters: dict, modules: dict) -> bool:
        """Whether the learner's side still has this parameter, under this name or (shared) under an earlier one."""
        full = f"{path}.{name}" if path else name
        if full in parameters:
            return True
        mine = module._parameters[name]
        return any(modules[p.rpartition(".")[0]]._parameters.get(p.rpartition(".")[2]) is mine for p in parameters)

    # ------------------------------------------------------------ optimizers
    def _new_optimizer(self, content: dict) -> Any:
        kind = getattr(torch.optim, str(content["type"]), None)
        if not (isinstance(kind, type) and issubclass(kind, torch.optim.Optimizer)):
            return other(content["type"], "an optimizer that is not one of torch.optim")
        lr = float(self.value(content["groups"][0]["options"].get("lr", 0.0))) if content["groups"] else 0.0
        optimizer = kind([nn.Parameter(torch.zeros(1))], lr=lr)
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


def _copy_into(mine: Tensor, theirs: Tensor) -> None:
    """Write what an input has become; where its shape does not fit, what it was is gone all the same."""
    if mine.shape == theirs.shape and mine.dtype == theirs.dtype:
        mine.data.copy_(theirs)
    else:
        mine.data.zero_()


def _place(root: nn.Module, path: str) -> tuple[nn.Module, str]:
    """(the module that holds `path`, the name there)."""
    parent, _, name = path.rpartition(".")
    return (root.get_submodule(parent) if parent else root), name


def _left_behind(module: nn.Module, inputs: Any, output: Any) -> None:
    """Stands for a hook that the answer did not take away."""


def _write_plain(mine: Any, theirs: Any) -> None:
    """Make the lists and dicts in `mine` hold what those of `theirs` hold; the containers themselves stay the same objects."""
    if isinstance(mine, list) and isinstance(theirs, list):
        for index, (a, b) in enumerate(zip(mine, theirs, strict=False)):
            mine[index] = _merged(a, b)
        mine[len(theirs) :] = theirs[len(mine) :]
    elif isinstance(mine, dict) and isinstance(theirs, dict):
        for key in list(mine):
            if key not in theirs:
                del mine[key]
        for key, value in theirs.items():
            mine[key] = _merged(mine[key], value) if key in mine else value


def _merged(mine: Any, theirs: Any) -> Any:
    if type(mine) in (list, dict) and type(mine) is type(theirs):
        _write_plain(mine, theirs)
        return mine
    if isinstance(mine, (bool, int, float, str, type(None))):
        return theirs
    if isinstance(mine, tuple) and isinstance(theirs, (tuple, list)):
        for a, b in zip(mine, theirs, strict=False):
            _merged(a, b)
    return mine
