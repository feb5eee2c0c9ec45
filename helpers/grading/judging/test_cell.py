"""The judge: runs an exercise's own test cell, with the learner's functions acting at a distance.

The test cell, hidden part included, runs here. The names that it uses of the learner's notebook are looked up on the learner's
side: a function becomes a `Distant` one, which sends its arguments there, has the learner's function act on them, and writes what
came of it into the arguments; a value is rebuilt from plain data. So a check needs not know where the answer runs, and the
learner's code and the hidden problems never share a process.
"""

import ast
import builtins
import json
import pickle
from collections import ChainMap
from contextlib import suppress
from typing import Any, ClassVar, Protocol

import cloudpickle
import torch
from torch import Tensor

from helpers.checks.clean_torch import told
from helpers.checks.each_epoch import known
from helpers.grading.inside.shared_objects import Known
from helpers.grading.judging import trace_note
from helpers.grading.judging.effects import CallEffects
from helpers.grading.judging.rebuild import Rebuilt
from helpers.grading.judging.stand_ins import Unusable, error_of, other, short
from helpers.models import backbones
from helpers.models.packing import WAYS, pack

# Bytes of one answer. ResNet50's weights take 94 MB; what a function makes of a check's small models, some hundred kB.
MOST_JSON, MOST_TENSORS, MOST_OF_A_CALL = 8_000_000, 600_000_000, 20_000_000
MOST_LOOKS = 2_000  # at weights that a model had


class Line(Protocol):
    """The way to the learner's side: one request, pickled, gives JSON and safetensors."""

    def ask(self, request: bytes) -> tuple[bytes, bytes]: ...


class Distant:
    """A function of the learner's, called where the learner's code runs.

    Attributes:
        left: the calls by which it has left switches of torch's in another position there.
    """

    def __init__(self, line: Line, name: str):
        self._line, self._name = line, name
        self.left: list[str] = []

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Call it there; the arguments are afterwards as it left them.

        Raises:
            Exception: whatever it raised, of the same name and with the same words.
            Unusable: what came back is not what an honest call gives.
        """
        known = Known([arguments, options])
        request = {"do": "call", "name": self._name, "arguments": arguments, "options": options, "gradients": known.gradients()}
        content, tensors = _ask(self._line, request, MOST_OF_A_CALL)
        if "models" not in content:
            raise error_of(content.get("error"))
        self.left += _calls(content.get("left"))
        result = CallEffects(content, tensors, known).apply([arguments, options])
        if "error" in content:
            raise error_of(content["error"])
        return result


class _PackingAll(cloudpickle.Pickler):
    """Packs functions and classes of a check's own as well, and asks of each thing whether it is one."""

    dispatch_table: ClassVar = ChainMap(WAYS, cloudpickle.Pickler.dispatch_table)


def _packed(request: dict) -> bytes:
    try:
        return pack(request)
    except (pickle.PicklingError, AttributeError, TypeError):
        return pack(request, _PackingAll)


def _ask(line: Line, request: dict, most: int = MOST_TENSORS) -> tuple[dict, dict]:
    """(JSON, bare tensors) for a request.

    Raises:
        Unusable: what came back cannot be read, or has more than `most` bytes of tensors.
    """
    from safetensors.torch import load

    text, tensors = line.ask(_packed(request))
    try:
        if len(tensors) > most:
            raise ValueError(f"{len(tensors)} bytes")
        content = json.loads(text)
        if b"\\u" in text:  # halves of characters, which no file can hold
            content = json.loads(json.dumps(content, ensure_ascii=False).encode("utf-8", "replace"))
        if not isinstance(content, dict):
            raise TypeError("an answer that is no object")
        return content, load(tensors)
    except Exception as error:
        raise Unusable(f"an answer that cannot be read ({type(error).__name__})") from None


def _calls(said: Any) -> list[str]:
    """The calls that a learner's side tells of switches, as far as they look like some."""
    return [short(call) for call in said[:20] if isinstance(call, str)] if isinstance(said, list) else []


def fetch(line: Line, name: str) -> Any:
    """What stands under a name on the learner's side: a function, a value, or a model with the learner's weights.

    Raises:
        NameError: nothing stands there.
        Unusable: what came back cannot be read.
    """
    content, tensors = _ask(line, {"do": "look", "name": name})
    if content.get("missing"):
        raise NameError(f"name {name!r} is not defined")
    if content.get("function"):
        return Distant(line, name)
    if "error" in content:
        raise error_of(content["error"])
    try:
        if "weights" in content:
            return _model(content["weights"], tensors)
        return Rebuilt({**content, "new": content.get("new", {})}, tensors, Known([])).value(content["value"])
    except Exception as error:
        raise Unusable(f"{type(error).__name__}: {str(error)[:200]}") from None


def _model(content: dict, tensors: dict) -> Any:
    """A model of the course's architecture with the learner's weights; something else stays something else."""
    backbone = backbones.course_backbone()
    state = {str(name): tensors[entry["key"]] for name, entry in content["tensors"].items() if "key" in entry}
    classes = next((len(bias) for name, bias in state.items() if name == f"{backbone.head_name}.bias" and bias.ndim == 1), 0)
    # How large a model would be is the learner's word, until its weights are there.
    model = backbone.without_values(classes or 1).eval()
    own = model.state_dict()
    same = own.keys() == state.keys() and all(own[k].shape == t.shape and own[k].dtype == t.dtype for k, t in state.items())
    if not same:
        return other(content["type"], "a model of another kind")
    model.load_state_dict(state, assign=True)
    return model.to(memory_format=torch.channels_last)


def names_needed(source: str) -> list[str]:
    """The names that a test cell takes from the notebook: read, and neither made by the cell itself nor Python's own."""
    tree = ast.parse(source)
    made, read = set(), []
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (read.append(node.id) if isinstance(node.ctx, ast.Load) else made.add(node.id))
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            made |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            made.add(node.name)
        elif isinstance(node, ast.arg):
            made.add(node.arg)
    return sorted({name for name in read if name not in made and not hasattr(builtins, name)})


class SeenWeights:
    """The weights that were kept on the learner's side, see `helpers.checks.each_epoch.EpochWeights`."""

    def __init__(self, line: Line):
        self._line = line

    def looks(self) -> list[tuple[bool, dict[int, tuple[int, ...]]]]:
        """What was kept, in the order of time; what cannot be read is passed over: it earns nothing."""
        with suppress(LookupError, TypeError, ValueError):
            found = _ask(self._line, {"do": "weights", "number": None})[0]["looks"][-MOST_LOOKS:]
            return [(bool(quiet), {int(place): tuple(shape) for place, shape in shapes}) for quiet, shapes in found]
        return []

    def tensors(self, number: int) -> dict[int, Tensor]:
        """Place -> tensor of one look; empty where there are none."""
        with suppress(ValueError):
            return {int(place): t for place, t in _ask(self._line, {"do": "weights", "number": number})[1].items()}
        return {}


def run_test(source: str, line: Line, *, seen: bool = False) -> Any:
    """Run a test cell; returns the value of its last expression, the mark.

    Args:
        source: the cell.
        line: the way to the learner's side.
        seen: the notebook's models were looked at while it ran: its histories are held against that.

    Raises:
        Exception: whatever the test cell raised.
    """
    names: dict[str, Any] = {"__name__": "__judge__"}
    for name in names_needed(source):
        try:
            names[name] = fetch(line, name)
            trace_note.note(name, names[name])  # for the feedback page
        except NameError:
            continue  # the cell itself raises it where the name is used
    switched = _calls(_ask(line, {"do": "switches"})[0].get("switched"))
    with told(switched), known(SeenWeights(line) if seen else None):
        return _value_of(source, names)


def _value_of(source: str, names: dict[str, Any]) -> Any:
    """Run a cell; returns the value of its last line, None if that is no expression."""
    *first, last = ast.parse(source).body
    exec(compile(ast.Module(first, []), "<test cell>", "exec"), names)
    if isinstance(last, ast.Expr):
        return eval(compile(ast.Expression(last.value), "<test cell>", "eval"), names)
    exec(compile(ast.Module([last], []), "<test cell>", "exec"), names)
    return None
