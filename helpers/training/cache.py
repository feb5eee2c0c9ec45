"""Computed tensors on disk: checked when read, written in one move, the oldest thrown out first.

Each entry is one safetensors file that also holds its key and a checksum. A file that is cut short,
changed, or made by other code is noticed and counts as absent: the worst that a bad file can do is cost
the time to compute it again. Any number of processes may use one folder at once.
"""

import contextlib
import hashlib
import json
import math
import os
import time
import uuid
from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from helpers.course import settings

FOLDER = "features"  # in the course's cache folder
# Changes when the meaning of a file changes, so that files of an older course are not read.
FORMAT = "1"
SUFFIX = ".safetensors"
# A temporary file this old belongs to a process that was stopped while writing.
STALE_SECONDS = 24 * 3600

Tensors = dict[str, Tensor]

HELD_MB = 100  # of what could not be kept on disk: as much of it stays in this process's memory
_held: dict[tuple[Path, str], tuple[str, Tensors]] = {}  # (folder, key) -> (checksum, tensors), the oldest first


def place(
    course: settings.Settings | None = None, folder: str | Path | None = None, limit_mb: float | None = None
) -> tuple[Path, float]:
    """(folder, MB): where things are kept, and how large that may grow; what is not given is by `course`, or `course.toml`."""
    if folder is None or limit_mb is None:
        course = course or settings.load()
    folder = course.cache_folder / FOLDER if folder is None else Path(folder)
    return folder, course.cache_limit_mb if limit_mb is None else limit_mb


def make_key(*parts: str) -> str:
    """A short name for a computation, different when any part of its description is."""
    return hashlib.sha256("\0".join((FORMAT, *parts)).encode()).hexdigest()[:32]


def checksum(tensors: Tensors) -> str:
    """A hash of names, types, shapes and values."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(_heading(name, tensor.dtype, tensor.shape))
        digest.update(_content(tensor))
    return digest.hexdigest()


def _heading(name: str, dtype: torch.dtype, shape: Iterable[int]) -> bytes:
    """What a checksum takes in before a tensor's values."""
    return f"{name} {dtype} {tuple(shape)}".encode()


def _content(tensor: Tensor) -> memoryview:
    """A contiguous tensor's bytes: NumPy has no bfloat16, and a hash needs none. Without dimensions it has no such view."""
    return tensor.reshape(-1).view(torch.uint8).numpy().data


def from_json(value: object) -> Tensor:
    """What JSON can hold, as the bytes of its text: uint8 (N,)."""
    return torch.frombuffer(bytearray(json.dumps(value).encode()), dtype=torch.uint8)


def to_json(text: Tensor) -> object:
    """The value again; raises `ValueError` where the bytes are none of JSON's."""
    return json.loads(text.numpy().tobytes())


def size_mb(tensors: Tensors) -> float:
    """What the tensors take, in MB (10^6 bytes)."""
    return sum(tensor.nbytes for tensor in tensors.values()) / 1e6


def read(folder: Path, key: str) -> Tensors | None:
    """The tensors kept under `key`, or None if there is no whole, unchanged file.

    Large ones are mapped into memory, not copied. Side effects: the file counts as just used; a bad one is deleted.
    """
    path = folder / f"{key}{SUFFIX}"
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        good = about.get("key") == key and about.get("checksum") == checksum(tensors)
    except (SafetensorError, OSError, ValueError, RuntimeError):
        good, tensors = False, {}
    if not good:
        _delete(path)
        return None
    # The time of last use decides who goes first; access times are switched off on many systems.
    with contextlib.suppress(OSError):
        os.utime(path)
    return tensors


def write(folder: Path, key: str, tensors: Tensors, limit_mb: float) -> bool:
    """Keep the tensors under `key`; the least recently used files make room. False if they could not be kept.

    The file appears whole or not at all: it is written beside its place and then moved there.

    Args:
        folder: where to; made if it is not there.
        key: see `make_key`.
        tensors: what to keep.
        limit_mb: how large the folder may grow, in MB (10^6 bytes).
    """
    whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
    about = {"key": key, "checksum": checksum(whole)}
    return _put(folder, key, size_mb(tensors), limit_mb, lambda place: save_file(whole, place, metadata=about))


def write_rows(folder: Path, key: str, batches: Iterable[tuple[Tensor, Tensor]], rows: int, limit_mb: float) -> bool:
    """`write` for ``features`` float32 (rows, ...) and ``labels`` int64 (rows,) that come batch by batch.

    No more than a batch is in memory at any time. The batches are asked for only where there is room for all.
    """
    batches = iter(batches)
    first = next(batches)
    shape = (rows, *first[0].shape[1:])
    sizes = {"labels": 8 * rows, "features": 4 * math.prod(shape)}
    layout = {
        "labels": ("I64", (rows,), (0, sizes["labels"])),
        "features": ("F32", shape, (sizes["labels"], sum(sizes.values()))),
    }

    def save(place: Path) -> None:
        digest, kept = hashlib.sha256(_heading("features", torch.float32, shape)), []
        with open(place, "wb") as file:
            begin = file.write(
                _header(layout, key, digest.hexdigest())
            )  # as long as with the checksum that is written at the end
            file.seek(sizes["labels"], os.SEEK_CUR)
            for features, labels in chain([first], batches):
                kept.append(labels)
                for receive in (file.write, digest.update):
                    receive(_content(features.contiguous()))
            digest.update(_heading("labels", torch.int64, (rows,)) + _content(torch.cat(kept)))
            file.seek(begin)
            file.write(_content(torch.cat(kept)))
            file.seek(0)
            file.write(_header(layout, key, digest.hexdigest()))

    return _put(folder, key, sum(sizes.values()) / 1e6, limit_mb, save)


def _header(layout: dict, key: str, digest: str) -> bytes:
    """How a safetensors file begins (https://github.com/huggingface/safetensors#format): a length, and JSON of it."""
    entries = {name: {"dtype": kind, "shape": shape, "data_offsets": place} for name, (kind, shape, place) in layout.items()}
    text = json.dumps({"__metadata__": {"key": key, "checksum": digest}, **entries}).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def hold(folder: Path, key: str, tensors: Tensors) -> Tensors:
    """The tensors, remembered in this process, for they could not be kept in the folder: in a grader's box, or on a full disk."""
    _held.pop((folder, key), None)
    if size_mb(tensors) <= HELD_MB:
        _held[folder, key] = checksum(tensors), tensors
    while sum(size_mb(entry) for _, entry in _held.values()) > HELD_MB:
        del _held[next(iter(_held))]
    return tensors


def held(folder: Path, key: str) -> Tensors | None:
    """What was remembered under `key`, None if nothing was, or if somebody has changed it."""
    told, tensors = _held.get((folder, key), ("", {}))
    return tensors if tensors and checksum(tensors) == told else None


def _put(folder: Path, key: str, megabytes: float, limit_mb: float, save: Callable[[Path], object]) -> bool:
    """Have `save` write a file beside its place, then move it there; False if that could not be."""
    if megabytes > limit_mb:
        return False
    path, temporary = folder / f"{key}{SUFFIX}", folder / f"{key}.{uuid.uuid4().hex}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _make_room(folder, limit_mb - megabytes, spare=path)
        save(temporary)
        os.replace(temporary, path)
        return True
    except (OSError, SafetensorError):
        # A full disk, a folder that may not be written, or (Windows) a file that another process has open.
        return False
    finally:
        _delete(temporary)


def _make_room(folder: Path, allowed_mb: float, spare: Path) -> None:
    """Delete the least recently used files until the rest, `spare` left out, takes no more than `allowed_mb`."""
    entries = []
    for path in folder.iterdir():
        try:
            status = path.stat()
        except OSError:
            continue
        if path.suffix == SUFFIX and path != spare:
            entries.append((status.st_mtime, status.st_size, path))
        elif path.suffix == ".tmp" and time.time() - status.st_mtime > STALE_SECONDS:
            _delete(path)
    used = sum(size for _, size, _ in entries)
    for _, size, path in sorted(entries):
        if used <= allowed_mb * 1e6:
            break
        _delete(path)
        used -= size


def _delete(path: Path) -> None:
    """Delete a file that may be gone already or, on Windows, still be open elsewhere."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
