"""Heads that were trained before, read from disk: for lessons that train the same few dozen again whenever they are run."""

import dis
import inspect
from collections.abc import Callable
from functools import wraps
from types import CodeType, ModuleType

import torch
from torch import Tensor, nn

from helpers.course.errors import CourseError
from helpers.training import cache

Train = Callable[..., nn.Linear]


def kept(train: Train) -> Train:
    """A function as `train`; a call that was made before, by the same source with the same arguments, is read from disk.

    torch's random numbers then go on as after that call. ``kept(train).__wrapped__`` is `train` itself, for who wants it to run.

    Args:
        train: gives a frozen `nn.Linear` with a bias. Whatever else decides it has to be an argument, or the default of one.

    Raises:
        CourseError: it reads a variable of the notebook's.
    """
    outside = [name for name in _names(train.__code__) if not isinstance(train.__globals__.get(name, torch), ModuleType)]
    if read := [*train.__code__.co_freevars, *outside]:
        raise CourseError(f"{train.__name__} reads {', '.join(sorted(read))} from outside: make that arguments of it.")
    source, signature = inspect.getsource(train), inspect.signature(train)

    @wraps(train)
    def once(*given: object, **options: object) -> nn.Linear:
        bound = signature.bind(*given, **options)
        bound.apply_defaults()
        plain = {name: value for name, value in bound.arguments.items() if not isinstance(value, Tensor)}
        if " at 0x" in repr(plain):  # an address: another function may have it tomorrow
            return train(*given, **options)
        tensors = {name: value for name, value in bound.arguments.items() if isinstance(value, Tensor)}
        how = f"torch {torch.__version__} {torch.backends.cpu.get_cpu_capability()} {torch.get_num_threads()} threads"
        key = cache.make_key("head", source, repr(plain), cache.checksum(tensors | {"draws": torch.get_rng_state()}), how)
        folder, limit_mb = cache.place()
        found = cache.read(folder, key)
        if found is None:
            head = train(*given, **options)
            found = {"weight": head.weight.detach(), "bias": head.bias.detach(), "draws": torch.get_rng_state()}
            cache.write(folder, key, found, limit_mb)
            return head
        head = nn.Linear(*found["weight"].shape[::-1], device="meta").requires_grad_(False)
        head.load_state_dict({"weight": found["weight"], "bias": found["bias"]}, assign=True)
        torch.set_rng_state(found["draws"])
        return head

    return once


def _names(code: CodeType) -> set[str]:
    """What a function, and what is defined in it, reads from outside."""
    own = {step.argval for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL"}
    return own.union(*(_names(part) for part in code.co_consts if isinstance(part, CodeType)))
