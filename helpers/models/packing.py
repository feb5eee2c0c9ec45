"""Models as bytes, quickly: plain tensors are packed as they lie in memory.

torch's own way packs each tensor as a file of its own: for a check's small model 9 ms there and back, this one takes 2. Read only
what this very program has packed: it is a pickle.
"""

import copyreg
import json
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import torch
from torch import Tensor, nn


def _packed_tensor(tensor: Tensor) -> Any:
    if not _is_plain(tensor):
        return tensor.__reduce_ex__(pickle.DEFAULT_PROTOCOL)
    return tensor_from, (_content(tensor), tensor.dtype, tuple(tensor.shape), tensor.requires_grad, type(tensor))


def _packed_dict(thing: OrderedDict) -> Any:
    """Each module may hold a dozen, nearly all empty. Python would look for slots of this class anew for each one."""
    if vars(thing):
        return thing.__reduce_ex__(pickle.DEFAULT_PROTOCOL)
    return OrderedDict, (), None, None, iter(thing.items()) if thing else None


# How things of these very classes are packed, for a pickler's `dispatch_table`.
WAYS = {Tensor: _packed_tensor, nn.Parameter: _packed_tensor, OrderedDict: _packed_dict}


class Packing(pickle.Pickler):
    """A pickler for things with tensors in them. It asks nothing in Python about all else."""

    def __init__(self, file: BytesIO):
        super().__init__(file)
        self.dispatch_table = copyreg.dispatch_table | WAYS


def packs_whole(model: nn.Module) -> bool:
    """Whether packing takes each of the model's tensors as it lies in memory."""
    return all(type(t) in (Tensor, nn.Parameter) and _is_plain(t) for t in (*model.parameters(), *model.buffers()))


def pack(thing: Any, pickler: type[pickle.Pickler] = Packing) -> bytes:
    """A thing as bytes, for `pickle.loads`. Gradients stay behind, as with torch's own pickling."""
    file = BytesIO()
    pickler(file).dump(thing)
    return file.getvalue()


def tensor_from(content: bytes, dtype: torch.dtype, shape: tuple[int, ...], learns: bool, kind: type[Tensor]) -> Tensor:
    """A tensor or parameter from what `Packing` has kept of it."""
    values = torch.frombuffer(bytearray(content), dtype=dtype) if content else torch.empty(0, dtype=dtype)
    values = values.reshape(shape)
    return values.requires_grad_(learns) if kind is Tensor else kind(values, learns)


# The names that safetensors' files have for kinds of numbers: https://github.com/huggingface/safetensors#format
NUMBERS = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.bool: "BOOL",
    torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8",
}  # fmt: skip


def in_safetensors(tensors: Mapping[str, Tensor]) -> bytes:
    """Tensors as a safetensors file has them, for safetensors' own reader; for many small ones its writer takes 7 times as long.

    Args:
        tensors: contiguous ones on the CPU, of the kinds of numbers in `NUMBERS`.
    """
    header, contents, end = {}, [], 0
    for name, tensor in tensors.items():
        content = _content(tensor)
        begin, end = end, end + len(content)
        header[name] = {"dtype": NUMBERS[tensor.dtype], "shape": tuple(tensor.shape), "data_offsets": (begin, end)}
        contents.append(content)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return b"".join((len(text).to_bytes(8, "little"), text, *contents))


def _content(tensor: Tensor) -> bytes:
    tensor = tensor.detach()  # numpy has no bfloat16
    return (tensor.reshape(-1).view(torch.uint8) if tensor.dtype == torch.bfloat16 else tensor).numpy().tobytes()


def _is_plain(tensor: Tensor) -> bool:
    """Whether values, shape and `requires_grad` are all there is to it."""
    usual = tensor.layout is torch.strided and tensor.device.type == "cpu" and tensor.is_contiguous() and tensor.is_leaf
    odd = tensor.is_quantized or tensor.is_neg() or tensor.is_conj() or tensor._backward_hooks or vars(tensor)
    return usual and not odd
