"""The learner's side of a judge's visit: looks up names, calls functions on problems that come in, describes what came of it.

Runs in the learner's own kernel, so nothing that it sends is believed as such. Requests come pickled, from the judge, who is
trusted; answers go back as JSON and safetensors, which can be read without running anything.
"""

import gc
import json
import pickle
import socket
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FunctionType
from typing import Any

from torch import nn

from helpers.checks.clean_torch import clean_torch, switched
from helpers.grading.inside import epoch_weights
from helpers.grading.inside.describe import Description, describe_error
from helpers.grading.inside.shared_objects import Known
from helpers.models.packing import in_safetensors

LENGTH = struct.Struct(">Q")
NEW_OBJECTS = 10_000  # between two looks for garbage


def serve(names: dict[str, Any], address: str) -> None:
    """Connect to the judge's Unix socket at a path and answer requests on the notebook's names until it has seen enough."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(address)
        found = switched()
        # Else whatever the notebook has switched would decide what is unpickled and described.
        with clean_torch(), epoch_weights.looking_away(), seldom_collecting():
            while (request := receive(line)) is not None:
                content, tensors = answer(pickle.loads(request), names, found)
                send(line, json.dumps(content).encode())
                send(line, tensors)


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """Inside, Python looks for garbage less often: a judge's problems leave little, and the looks took a tenth of their time."""
    often = gc.get_threshold()
    gc.set_threshold(NEW_OBJECTS)
    try:
        yield
    finally:
        gc.set_threshold(*often)


def send(line: socket.socket, content: bytes) -> None:
    """One message: its length, then its bytes."""
    line.sendall(LENGTH.pack(len(content)))
    line.sendall(content)


def receive(line: socket.socket, limit: int | None = None) -> bytes | None:
    """One message; None where the other side has hung up.

    Raises:
        ValueError: it says that it is longer than `limit`.
    """
    head = _exactly(line, LENGTH.size)
    if head is None:
        return None
    (length,) = LENGTH.unpack(head)
    if limit is not None and length > limit:
        raise ValueError(f"a message of {length} bytes, at most {limit}")
    return _exactly(line, length)


def _exactly(line: socket.socket, count: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < count:
        part = line.recv(min(count - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)


def answer(request: dict, names: dict[str, Any], found: Sequence[str] = ()) -> tuple[dict, bytes]:
    """(JSON, safetensors) for one request: to ``"look"`` at a name, to ``"call"`` it with arguments and options, to tell
    which of torch's ``"switches"`` were `found` out of their first position, or which ``"weights"`` a model had.
    """
    try:
        if request["do"] == "switches":
            content, tensors = {"switched": list(found)}, {}
        elif request["do"] == "weights":
            content, tensors = epoch_weights.told(request["number"])
        elif request["do"] == "look":
            content, tensors = _look(names, request["name"])
        else:
            content, tensors = call(names[request["name"]], request["arguments"], request["options"], request["gradients"])
    except BaseException as error:  # SystemExit and KeyboardInterrupt are as much the answer's own as any other
        content, tensors = {"error": describe_error(error)}, {}
    return content, in_safetensors(tensors)


def _look(names: dict[str, Any], name: str) -> tuple[dict, dict]:
    """What stands under a name: a function, a model's weights, or a value."""
    if name not in names:
        return {"missing": True}, {}
    thing, description = names[name], Description(Known([]))
    if isinstance(thing, nn.Module):
        return {"weights": description.weights(thing)}, description.tensors
    if isinstance(thing, (FunctionType, type)) or (callable(thing) and not hasattr(thing, "dtype")):
        return {"function": True}, {}
    return {"value": description.value(thing), "new": description.new}, description.tensors


def call(function: Callable, arguments: tuple, options: dict, gradients: list) -> tuple[dict, dict]:
    """(what came of the call, bare tensors)."""
    known = Known([arguments, options])
    known.take_gradients(gradients)
    description = Description(known)
    result, error, left = None, {}, []
    for observed in known.observed:
        observed.begin()
    try:
        with clean_torch() as left:
            result = function(*arguments, **options)
    except BaseException as problem:
        error = {"error": describe_error(problem)}
    finally:
        for observed in known.observed:
            observed.end()
    return {**description.all([arguments, options], result), "left": left, **error}, description.tensors
