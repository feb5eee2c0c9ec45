"""A box: where learners' notebooks run, one after the other, and none of them finds anything of the one before.

One box serves one grading process, and is as tight as `isolation` found possible on this system. Kernels are forked from a
process that has imported what notebooks need (`forked_kernels`), or started anew where forking is not safe (`plain_kernels`).
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from helpers.grading.sandbox.forked_kernels import ForkedKernels
from helpers.grading.sandbox.isolation import Isolation
from helpers.grading.sandbox.kernel_source import FILES, BoxLimits, KernelSource
from helpers.grading.sandbox.plain_kernels import PlainKernels

STALE_SECONDS = 24 * 3600  # a folder this old without its process was left by a grader that was killed


class Box:
    """Use it in a ``with`` statement, in a thread that lives as long as the box: bubblewrap ends with the thread that started it.

    Args:
        course_root: the course's folder; kernels see nothing of it but course.toml.
        isolation: from `isolation`.
        limits: what a submission may use.

    Attributes:
        folder: what the box keeps on this system, the wire among it.
        wire: a folder that both sides see: its path here. Once a kernel runs, anything in it may be a link to somewhere else
            out here, or a pipe: follow nothing, and change no permissions in it.
        inside_wire: its path as kernels see it.
        variables: what the environment of the next kernels holds beside what is the same for all.
        trouble: which limit the current kernel was ended for, in words that go after "this cell"; empty if none.
        renewed: how often the box had to be made anew, because a reset did not come out clean.
    """

    def __init__(self, course_root: Path, isolation: Isolation, *, limits: BoxLimits | None = None):
        limits, self.folder = limits or BoxLimits(), _new_folder()
        self.wire = self.folder / "wire"
        self.variables: dict[str, str] = {}
        self.trouble, self.renewed = "", 0
        self._used = self._closed = False
        self._source: KernelSource = PlainKernels(self.folder, limits)
        if isolation.forks:
            sealed = isolation.layer == "bubblewrap"
            self._source = ForkedKernels(self.folder, course_root.resolve(), limits, sealed=sealed)
        self.inside_wire = self._source.inside_wire

    def __enter__(self) -> Box:
        """Start. CourseError: it does not start here."""
        try:
            self._source.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def put(self, files: Path) -> None:
        """Have the next kernel find these files, a folder of them, where its notebook runs. Links are put as links."""
        self._used = True
        shutil.copytree(files, self.wire / FILES, symlinks=True)

    def fork_kernel(self, connection: dict[str, Any]) -> None:
        """Start a kernel with Jupyter's connection information: paths as seen inside, and text for the key.

        Raises:
            BoxError: it did not come up.
        """
        self.trouble, self._used = "", True
        self._source.start_kernel(connection, FILES if (self.wire / FILES).is_dir() else "", self.variables)

    def state(self) -> int | None:
        """The current kernel's exit code, negative for a signal; None while it runs."""
        code, trouble = self._source.state()
        self.trouble = trouble or self.trouble
        return code

    def signal(self, number: int) -> None:
        """Send the kernel and its children a signal."""
        self._source.signal(int(number))

    def kill(self) -> None:
        """End the kernel and everything it has started."""
        self._source.kill()

    def reset(self) -> None:
        """Make the box as good as new: nothing of the last submission runs, and nothing of it is left. Or make a new one.

        Raises:
            CourseError: a new one does not start.
        """
        self.trouble = ""
        if self._used and not self._closed and self._source.reset():
            self._source.end()
            self.renewed += 1
            self._source.start()
        self._used = False

    def processes(self) -> list[psutil.Process]:
        """All processes of the box, its own included."""
        return self._source.processes()

    def close(self) -> None:
        """End everything in the box and delete its folder."""
        self._closed = True
        self._source.end()
        shutil.rmtree(self.folder, ignore_errors=True)


def _new_folder() -> Path:
    """A folder that only this user can enter; those of graders that were killed are deleted."""
    # A socket's path must be shorter than 108 characters, and macOS, for one, has long ones for temporary files.
    top = Path(tempfile.gettempdir() if len(tempfile.gettempdir()) < 60 else "/tmp").resolve()
    for old in top.glob("box-*-*"):
        number = old.name.split("-")[1]
        with suppress(OSError):
            stale = time.time() - old.lstat().st_mtime > STALE_SECONDS and old.is_dir() and not old.is_symlink()
            if stale and number.isdigit() and not psutil.pid_exists(int(number)):
                shutil.rmtree(old, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"box-{os.getpid()}-", dir=top))
