"""What a model is made of, under torch's names and in its order, each once; looked up where torch keeps it.

torch's own `named_modules` goes through a generator for each level of the model, and `named_parameters` through it anew.
"""

from collections.abc import Iterable, Iterator

from torch import Tensor, nn

Parts = list[tuple[str, nn.Module]]


def parts_of(root: nn.Module) -> Parts:
    """(path, module) for a model and all in it, each under its first path, as in ``named_modules``: the model itself first."""
    found, waiting, seen = [], [("", root)], set()
    while waiting:
        path, module = waiting.pop()
        if id(module) in seen:
            continue
        seen.add(id(module))
        found.append((path, module))
        if inner := vars(module)["_modules"]:
            before = f"{path}." if path else ""
            waiting.extend([(before + name, child) for name, child in reversed(inner.items()) if child is not None])
    return found


def tensors_in(parts: Iterable[tuple[str, nn.Module]], kind: str) -> Iterator[tuple[str, Tensor]]:
    """(path, tensor) for every ``"parameter"`` or ``"buffer"`` in a model's parts, each under its first path."""
    seen, where = set(), f"_{kind}s"
    for path, module in parts:
        for name, tensor in vars(module)[where].items():
            if tensor is not None and id(tensor) not in seen:
                seen.add(id(tensor))
                yield (f"{path}.{name}" if path else name), tensor
