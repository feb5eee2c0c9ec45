"""A path at which an answer writes or reads a file, wherever it runs; what lies there afterwards travels back as bytes.

Nothing here trusts these bytes: `helpers.checks.take_it_home.saved_file` and `onnx_run` say how they are read.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from helpers.checks.watching import Observed
from helpers.course.one_line import one_line

MOST_BYTES = 4_000_000  # of one file; a check's small models take some ten kB
MOST_NAMES = 5  # of what else lies in the folder


class Place(str, Observed):
    """A path, as text: in a folder of its own that is there from `begin` to `end`, on the side where the answer runs.

    Args:
        name: the file's name.
        content: what lies there when the answer comes; None for nothing.

    Attributes:
        found: what lay there afterwards; None for nothing, or no plain file.
        size: how large it was, in bytes; of a file larger than `MOST_BYTES` only that is known.
        beside: names of what else lay in the folder.
        opened: how often a stranger's pickle was opened meanwhile, see `Stranger`.
    """

    def __new__(cls, name: str, content: bytes | None = None) -> Place:
        """A path that nobody else uses; the folder is not made yet."""
        place = super().__new__(cls, Path(tempfile.gettempdir(), f"finetune-{uuid.uuid4().hex}", name))
        place._name, place._content, place._told = name, content, False
        place.found, place.size, place.beside, place.opened = None, 0, (), 0
        return place

    def __reduce__(self) -> tuple:
        return Place, (self._name, self._content)  # another path on another side: its folder for temporary files is its own

    @contextmanager
    def there(self) -> Iterator[Place]:
        """Inside, the folder is there, for an answer that runs on this side."""
        self.begin()
        try:
            yield self
        finally:
            self.end()

    def begin(self) -> None:
        """Make the folder, and the file where there is one to read."""
        self._before = Stranger.opened
        folder = Path(self).parent
        folder.mkdir(mode=0o700)
        if self._content is not None:
            Path(self).write_bytes(self._content)

    def end(self) -> None:
        """Look at what lies there, and take the folder away."""
        if not self._told:
            self._look()
        shutil.rmtree(Path(self).parent, ignore_errors=True)

    def _look(self) -> None:
        self.opened = Stranger.opened - self._before
        folder = Path(self).parent
        self.beside = tuple(sorted(name for name in os.listdir(folder) if name != self._name)[:MOST_NAMES])
        try:
            self.size = os.lstat(self).st_size if stat.S_ISREG(os.lstat(self).st_mode) else 0
        except OSError:
            return
        if 0 < self.size <= MOST_BYTES:
            self.found = Path(self).read_bytes()

    def notes(self) -> list:
        """The bytes as a tensor, and the rest in plain numbers and names."""
        found = None if self.found is None else torch.frombuffer(bytearray(self.found), dtype=torch.uint8)
        return [found, self.size, list(self.beside), self.opened]

    def take(self, notes: list) -> None:
        """What was found on the other side."""
        found, size, beside, opened = notes
        if found is not None and not (isinstance(found, Tensor) and found.dtype == torch.uint8 and found.numel() <= MOST_BYTES):
            raise ValueError("a file that is none")
        self.found = None if found is None else found.reshape(-1).numpy().tobytes()
        self.size, self.opened = int(size), int(opened)
        self.beside = tuple(one_line(name, 100) for name in beside[:MOST_NAMES])
        self._told = True


class Stranger:
    """Pickled, it is a file that runs code when it is opened: here code that counts how often, on the side where it runs."""

    opened = 0

    def __reduce__(self) -> tuple:
        return _open, ()


def _open() -> dict:
    Stranger.opened += 1
    return {}
