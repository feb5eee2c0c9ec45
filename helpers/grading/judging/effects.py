"""What a judge makes of the learner's side's description of a call: the judge's own objects become as the answer left them.

The state of a model is written into the judge's own copy of it, the very object that the check handed out, so that checks look
at it as if the answer had been called here. Whatever does not fit raises `Unusable`, and the exercise earns nothing.

A learner may replace the code that describes. It can then claim any effect, but the claim has to be right for a model that was
drawn at random for this call: to forge it is to solve the exercise. What an answer did on its way (`Observed`: that no graph was
recorded, how often images were read, at which rate an optimizer stepped) is told by the learner's side alone. Checks let that
refuse points, and give them for numbers that differ with it (`helpers.checks.watching`).
"""

from typing import Any

from torch import Tensor, nn

from helpers.grading.judging.rebuild import Rebuilt, refuse_vast, write_notes
from helpers.grading.judging.stand_ins import Unusable
from helpers.models.parts import parts_of


class CallEffects(Rebuilt):
    """What came of one call."""

    def apply(self, arguments: list) -> Any:
        """The result of the call; the judge's own objects are now as the answer left them.

        Args:
            arguments: what was handed out, ``[arguments, options]``: its lists and dicts become what the answer made of them.

        Raises:
            Unusable: the description does not fit what was handed out.
        """
        try:
            for root, state in zip(self.known.modules, self.content["models"], strict=True):
                self._write_model(root, state)
                refuse_vast(root)
            for optimizer, state in zip(self.known.optimizers, self.content["optimizers"], strict=True):
                self._write_optimizer(optimizer, state)
            for observed, notes in zip(self.known.observed, self.content["observed"], strict=True):
                observed.take(self.value(notes))
            for name, content in self.content["inputs"]:
                _copy_into(self.known.thing(tuple(name)), self.bare(content))
            result = self.value(self.content["result"])
            for module in [thing for thing in self._made.values() if isinstance(thing, nn.Module)]:
                refuse_vast(module)
            _write_plain(arguments, self.value(self.content["arguments"]))
            return result
        except Unusable:
            raise
        except Exception as error:
            raise Unusable(f"{type(error).__name__}: {str(error)[:200]}") from None

    # ------------------------------------------------------------ models
    def _write_model(self, root: nn.Module, state: dict) -> None:
        """Write modules, parameters, buffers, modes and notes into the judge's model."""
        found = {str(path): entry for path, *entry in state["modules"]}
        self._write_modules(root, found)
        modules = dict(parts_of(root))
        gone = [path for path in modules if path not in found]
        if gone:
            raise Unusable(f"nothing is said of {gone[0]}, which was handed out")
        for path, (_, training, hooks, notes) in found.items():
            module = modules[path]
            module.training = bool(training)
            write_notes(module, notes)
            own = len(module._forward_hooks) + len(module._forward_pre_hooks)
            for _ in range(min(int(hooks), 100) - own):
                module.register_forward_hook(_left_behind)
        self._write_tensors(modules, state)

    def _write_modules(self, root: nn.Module, found: dict[str, list]) -> None:
        """Put new modules where the learner's side has some."""
        there: dict[str, Any] = {"": root}
        for path, (value, *_) in sorted(found.items(), key=lambda item: item[0].count(".")):
            if not path:
                continue
            above, _, name = path.rpartition(".")
            parent, there[path] = there[above], self.value(value)
            if parent._modules.get(name) is not there[path]:
                parent._modules[name] = there[path]

    def _write_tensors(self, modules: dict[str, nn.Module], state: dict) -> None:
        """Write all parameters and buffers. A parameter in two places is told of once."""
        parameters = {str(path): content for path, content in state["parameters"]}
        buffers = {str(path): content for path, content in state["buffers"]}
        told = set()
        for path, content in parameters.items():
            module, name = modules[path.rpartition(".")[0]], path.rpartition(".")[2]
            module._parameters[name] = self._held(content)
            told.add(id(module._parameters[name]))
        for path, content in buffers.items():
            module, name = modules[path.rpartition(".")[0]], path.rpartition(".")[2]
            module._buffers[name] = self.bare(content).clone()
        for path, module in modules.items():
            for name in [name for name in module._buffers if (f"{path}.{name}" if path else name) not in buffers]:
                module._buffers[name] = None
            for name, parameter in module._parameters.items():
                if parameter is not None and id(parameter) not in told:
                    raise Unusable(f"nothing is said of the parameter {name} of {path or 'the model'}")


def _copy_into(mine: Tensor, theirs: Tensor) -> None:
    """Write what an input has become; where its shape does not fit, what it was is gone all the same."""
    if mine.shape == theirs.shape and mine.dtype == theirs.dtype:
        mine.data.copy_(theirs)
    else:
        mine.data.zero_()


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
