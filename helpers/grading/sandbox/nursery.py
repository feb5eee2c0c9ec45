"""A line to the process that is forked from, `helpers.grading.inside.nursery`: how that one is started, asked and ended.

A grading worker is forked from one and gets a line to it. Anyone else who opens a box starts one.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from threading import Lock
from typing import IO, Any, Self

from helpers.course import machine
from helpers.course.errors import CourseError
from helpers.grading.sandbox.isolation import PACKAGE

BOOT_SECONDS = 180  # for importing everything once; about 8 s on two cores with nothing else to do
RUN = "import sys; sys.path.insert(0, {path!r}); from helpers.grading.inside.nursery import main; main{arguments!r}"
KEPT = ("PATH", "HOME", "LD_LIBRARY_PATH")  # of the instructor's environment: libraries and fonts are found by these


class Nursery:
    """Forks what it is ordered to. `lent` is the one that this process was forked from, for boxes to use; None elsewhere."""

    lent: "Nursery | None" = None

    def __init__(self, line: socket.socket, process: subprocess.Popen | None = None, log: IO[bytes] | None = None):
        self._line, self._process, self._log, self._turn = line, process, log, Lock()
        line.settimeout(BOOT_SECONDS)

    @classmethod
    def start(cls, modules: list[str] | None = None, models: Sequence[tuple[str, int | None]] = ()) -> Self:
        """Start one and do not wait: it goes on to import these modules, or all that lessons need, and to make these models."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        flags = ["-I", *(["-B"] if sys.dont_write_bytecode else [])]
        program = RUN.format(path=str(PACKAGE.parent), arguments=(theirs.fileno(), modules, models))
        log = tempfile.TemporaryFile()  # noqa: SIM115 (`close` closes it)
        variables = {name: os.environ[name] for name in KEPT if name in os.environ} | {"LANG": "C.UTF-8"}
        with theirs:
            process = subprocess.Popen(
                [sys.executable, *flags, "-c", program], env=variables | machine.ONE_THREAD | machine.QUIET_THREADS, cwd="/",
                start_new_session=True, pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        return cls(ours, process, log)

    def fork(self, files: Sequence[int], **order: Any) -> int:
        """Have a process forked that gets these file descriptors; returns its number.

        Raises:
            CourseError: it has ended.
        """
        try:
            with self._turn:
                socket.send_fds(self._line, [json.dumps(order).encode()], list(files))
                return json.loads(self._line.recv(1000))["pid"]
        except (OSError, ValueError):
            raise CourseError(f"The process that grading forks from has ended: {self._last_words()}.") from None

    def _last_words(self) -> str:
        if self._log is None:
            return "its own parent has"
        self._log.seek(0)
        return (self._log.read().decode(errors="replace").strip().splitlines() or ["it says nothing"])[-1]

    def close(self) -> None:
        """End it, and with it all that it has forked."""
        self._line.close()
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=5)
            self._process.kill()
            self._process.wait()
            self._log.close()
