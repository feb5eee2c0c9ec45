"""A box's kernels, forked from a zygote (`helpers.grading.inside`): how that one is had, asked and ended.

It is forked from a nursery, and goes into what bubblewrap has made, where there is one. Then the zygote and all below it have a
file system, a process list and a network of their own, and what is bound into that file system is decided here and in
`helpers.grading.sandbox.isolation`.
"""

import json
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

from helpers.course import machine, settings
from helpers.course.errors import CourseError
from helpers.grading.inside.leftovers import MB
from helpers.grading.sandbox import isolation, kernel_source, seccomp
from helpers.grading.sandbox.isolation import CACHE, HOME, HUB, PACKAGE, PLACES, TMP, WIRE
from helpers.grading.sandbox.kernel_source import BoxError, BoxLimits, end_processes, make_folders
from helpers.grading.sandbox.nursery import BOOT_SECONDS, Nursery

ANSWER_SECONDS = 90  # for one request: more than the zygote itself allows a kernel for starting
MUCH = r"(?:from|import) (?:torch|timm|helpers)"
ETC = {
    "passwd": "learner:x:1000:1000::/home/learner:/bin/sh\n",
    "group": "learner:x:1000:\n",
    "hosts": "127.0.0.1 localhost box\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}


class ForkedKernels:
    """One zygote at a time, and the line to it: in the box's folder, and in bubblewrap's namespaces if `sealed`."""

    def __init__(self, folder: Path, course_root: Path, limits: BoxLimits, *, sealed: bool):
        self.folder, self.wire, self.course_root, self.limits, self.sealed = folder, folder / "wire", course_root, limits, sealed
        self.inside_wire = WIRE if sealed else str(self.wire)
        self.process: psutil.Process | None = None
        self._own: Nursery | None = None

    def start(self) -> None:
        """Have a zygote forked, and wait until it serves.

        Raises:
            CourseError: it ends, or cannot fork here.
        """
        make_folders(self.folder)
        self.line, theirs = socket.socketpair()
        self.answers = self.line.makefile("rb")
        self.line.settimeout(BOOT_SECONDS)
        if Nursery.lent is None and self._own is None:
            self._own = Nursery.start(None if _import_much(self.course_root) else [])
        with theirs, (self.folder / "log").open("wb") as log, self._doors() as doors:
            files, spaces = [theirs.fileno(), log.fileno(), *doors.values()], [name for name in doors if name != "calls"]
            order = {"settings": self._settings(), "doors": spaces, "environment": self._environment()}
            pid = (Nursery.lent or self._own).fork(files, do="zygote", **order)
            with suppress(psutil.Error):
                self.process = psutil.Process(pid)
        try:
            found = json.loads(self.answers.readline())
        except (OSError, ValueError):
            raise CourseError(f"The box for learners' notebooks does not start: {self._last_words()}.") from None
        self.line.settimeout(ANSWER_SECONDS)
        if found["threads"] != 1 or found["alone"] != self.sealed:
            raise CourseError(f"The box for learners' notebooks cannot fork kernels here: it began with {found}.")

    def start_kernel(self, connection: dict[str, Any], files: str, variables: dict[str, str]) -> None:
        """Returns when the kernel's sockets are open."""
        order = {"connection": connection, "files": files and f"{self.inside_wire}/{files}", "variables": variables}
        if not self._ask(do="fork", **order)["ready"]:
            raise BoxError(f"the kernel did not start: {self._last_words()}")

    def state(self) -> tuple[int | None, str]:
        try:
            found = self._ask(do="state")
        except BoxError:
            return -9, ""
        return found["code"], found["trouble"]

    def signal(self, number: int) -> None:
        with suppress(BoxError):
            self._ask(do="signal", number=number)

    def kill(self) -> None:
        with suppress(BoxError):
            self._ask(do="kill")

    def reset(self) -> str:
        try:
            return self._ask(do="reset")["left"]
        except BoxError as error:
            return str(error)

    def processes(self) -> list[psutil.Process]:
        with suppress(psutil.Error):
            if self.process is not None:
                return [self.process, *self.process.children(recursive=True)]
        return []

    def end(self) -> None:
        """End the zygote and all below it; with a process namespace of its own, its end is the end of them all."""
        left = self.processes()
        if hasattr(self, "line"):
            self.answers.close()
            self.line.close()
        psutil.wait_procs(left, timeout=2)
        end_processes(left)
        self.process = None
        if self._own is not None:
            self._own.close()
            self._own = None

    def _ask(self, **request: Any) -> dict[str, Any]:
        if self.process is None:
            raise BoxError("there is no zygote")
        try:
            self.line.sendall(json.dumps(request).encode() + b"\n")
            return json.loads(self.answers.readline())
        except (OSError, ValueError) as error:
            raise BoxError(f"the zygote does not answer ({type(error).__name__})") from None

    def _last_words(self) -> str:
        lines = (self.folder / "log").read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it says nothing"

    def _settings(self) -> dict[str, Any]:
        home = HOME if self.sealed else str(self.folder / "home")
        places = PLACES if self.sealed else [home, str(self.folder / "tmp")]
        return {
            "places": places, "work": f"{home}/work", "wire": self.inside_wire, "limits": asdict(self.limits),
            "others": 0 if self.sealed and _counts_apart() else _threads_of_user(),
        }  # fmt: skip

    def _environment(self) -> dict[str, str]:
        if not self.sealed:
            return kernel_source.environment(self.folder)
        return kernel_source.sealed_environment(HOME, TMP, CACHE, HUB)

    @contextmanager
    def _doors(self) -> Iterator[dict[str, int]]:
        """File descriptors of the box's namespaces, and of its filter of system calls; none where it is not sealed."""
        if not self.sealed:
            yield {}
            return
        filter_file = self.folder / "seccomp"
        filter_file.write_bytes(seccomp.program())
        with filter_file.open("rb") as calls, isolation.namespaces(self._view()) as doors:
            yield {**doors, "calls": calls.fileno()}

    def _view(self) -> list[str]:
        """bubblewrap's options for what is seen and what may be written."""
        package, hub = str(PACKAGE), machine.torch_hub_folder()
        shown = {package: PACKAGE, **self._without_key(package), f"{package}/grading": None}
        shown |= {f"{package}/grading/{name}": PACKAGE / "grading" / name for name in ("__init__.py", "inside")}
        if (self.course_root / settings.FILE).exists():
            shown[f"/{settings.FILE}"] = self.course_root / settings.FILE
        kept = settings.load().cache_folder
        with suppress(OSError):
            kept.mkdir(parents=True, exist_ok=True)  # a later lesson's features go there, and a box only shows what there is
        known = {CACHE: kept, HUB: hub, f"{Path(HUB).parent}/datasets": hub.parent / "datasets"}
        shown |= {target: source if source.is_dir() else None for target, source in known.items()}
        for name, text in ETC.items():
            shown[f"/etc/{name}"] = self.folder / name
            shown[f"/etc/{name}"].write_text(text, encoding="utf-8")
        return isolation.view(shown, [self.course_root], self.wire, self.limits.disk_mb * MB)

    def _without_key(self, package: str) -> dict[str, Path]:
        """The quiz's questions as a class is handed them: the key stays out here, with the judge."""
        from helpers.checks.quiz import questions  # imports torch

        questions.load()  # says in one sentence what is wrong with the file, if anything is
        handed_out = self.folder / questions.PATH.name
        handed_out.write_text(questions.without_key(questions.PATH.read_text(encoding="utf-8")), encoding="utf-8")
        return {f"{package}/{questions.PATH.relative_to(PACKAGE).as_posix()}": handed_out}


def _import_much(course_root: Path) -> bool:
    """Whether the course's notebooks import torch or helpers, as far as is known here: if not, the zygote need not either."""
    released = list((course_root / "notebooks").glob("*/*.ipynb"))
    return not released or any(re.search(MUCH, path.read_text(encoding="utf-8")) for path in released)


def _counts_apart() -> bool:
    """Whether this Linux counts a user's threads in each user namespace on its own (5.14 and later)."""
    version = [int(part) for part in os.uname().release.split("-")[0].split(".")[:2] if part.isdigit()]
    return version >= [5, 14]


def _threads_of_user() -> int:
    """How many threads this user has on the whole system."""
    count = 0
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            count += process.num_threads() if process.uids().real == os.getuid() else 0
    return count
