"""A box's kernels, forked from a zygote (`helpers.grading.inside`): how that one is started, asked and ended.

Around it is bubblewrap where there is one. Then the zygote and all below it have a file system, a process list and a network of
their own, and what is bound into that file system is decided here and in `helpers.grading.sandbox.isolation`.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import psutil

from helpers.course import machine, settings
from helpers.course.errors import CourseError
from helpers.grading.inside.leftovers import MB
from helpers.grading.sandbox import isolation, seccomp
from helpers.grading.sandbox.isolation import CACHE, COURSE, HOME, HUB, PACKAGE, WIRE
from helpers.grading.sandbox.kernel_source import BoxError, end_processes, environment

if TYPE_CHECKING:
    from helpers.grading.sandbox.box import Box

BOOT_SECONDS = 180  # for importing everything once; about 8 s on two cores with nothing else to do
ANSWER_SECONDS = 90  # for one request: more than the zygote itself allows a kernel for starting
RUN = "import sys, json; sys.path.insert(0, {path!r}); from helpers.grading.inside.zygote import main; main(json.loads({text!r}))"
MUCH = r"(?:from|import) (?:torch|timm|helpers)"
# The first to go when the system runs out of memory: set out here, since nothing inside can write to /proc.
EXPENDABLE = ("/bin/sh", "-c", 'echo 1000 2>/dev/null > /proc/self/oom_score_adj; exec "$@"', "sh")
ETC = {
    "passwd": "learner:x:1000:1000::/home/learner:/bin/sh\n",
    "group": "learner:x:1000:\n",
    "hosts": "127.0.0.1 localhost box\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}


class Zygotes:
    """One zygote at a time, and the line to it."""

    def __init__(self, box: Box):
        self.box, self.sealed = box, box.isolation.layer == "bubblewrap"
        self.inside_wire = WIRE if self.sealed else str(box.wire)
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        """Start a zygote and wait until it has imported everything.

        Raises:
            CourseError: it ends, or cannot fork here.
        """
        self.line, theirs = socket.socketpair()
        self.answers = self.line.makefile("rb")
        filter_file = self.box.folder / "seccomp"
        filter_file.write_bytes(seccomp.program())
        with theirs, (self.box.folder / "log").open("wb") as log, filter_file.open("rb") as calls:
            self.process = subprocess.Popen(
                self._command(theirs, calls), env={} if self.sealed else self._environment(), cwd="/", start_new_session=True,
                pass_fds=(theirs.fileno(), calls.fileno()), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self.line.settimeout(BOOT_SECONDS)
        try:
            found = json.loads(self.answers.readline())
        except (OSError, ValueError):
            raise CourseError(f"The box for learners' notebooks does not start: {self._last_words()}.") from None
        self.line.settimeout(ANSWER_SECONDS)
        if found["threads"] != 1 or found["alone"] != self.sealed:
            raise CourseError(f"The box for learners' notebooks cannot fork kernels here: it began with {found}.")

    def fork_kernel(self, connection: dict[str, Any], files: str) -> None:
        """Returns when the kernel's sockets are open."""
        order = {"connection": connection, "files": files and f"{self.inside_wire}/{files}", "variables": self.box.variables}
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
        """What is left of the last submission, in words; empty if nothing is."""
        try:
            return self._ask(do="reset")["left"]
        except BoxError as error:
            return str(error)

    def processes(self) -> list[psutil.Process]:
        with suppress(psutil.Error):
            if self.process is not None:
                top = psutil.Process(self.process.pid)
                return [top, *top.children(recursive=True)]
        return []

    def end(self) -> None:
        """End the zygote and all below it; with a process namespace of its own, its end is the end of them all."""
        if self.process is None:
            return
        left = self.processes()
        self.answers.close()
        self.line.close()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=2)
        end_processes(left)
        self.process.wait()
        self.process = None

    def _ask(self, **request: Any) -> dict[str, Any]:
        if self.process is None:
            raise BoxError("there is no zygote")
        try:
            self.line.sendall(json.dumps(request).encode() + b"\n")
            return json.loads(self.answers.readline())
        except (OSError, ValueError) as error:
            raise BoxError(f"the zygote does not answer ({type(error).__name__})") from None

    def _last_words(self) -> str:
        lines = (self.box.folder / "log").read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it says nothing"

    def _command(self, line: socket.socket, calls: IO) -> list[str]:
        home = HOME if self.sealed else str(self.box.folder / "home")
        places = [HOME, isolation.temporary(), "/dev/shm"] if self.sealed else [home, str(self.box.folder / "tmp")]
        content = {
            "line": line.fileno(), "places": places, "work": f"{home}/work", "wire": self.inside_wire,
            "limits": asdict(self.box.limits), "others": 0 if self.sealed and _counts_apart() else _threads_of_user(),
            "lessons": _import_much(self.box.course_root),
        }  # fmt: skip
        path = COURSE if self.sealed else str(PACKAGE.parent)
        python = [sys.executable, "-I", "-c", RUN.format(path=path, text=json.dumps(content))]
        return [*EXPENDABLE, *self._bubblewrap(calls), *python] if self.sealed else [*EXPENDABLE, *python]

    def _bubblewrap(self, calls: IO) -> list[str]:
        """What is seen, what may be written, what the environment holds."""
        size, package = str(self.box.limits.disk_mb * MB), f"{COURSE}/helpers"
        seen = ["--ro-bind", str(PACKAGE), package, *self._without_key(package), "--tmpfs", f"{package}/grading"]
        for name in ("__init__.py", "inside"):
            seen += ["--ro-bind", str(PACKAGE / "grading" / name), f"{package}/grading/{name}"]
        seen += ["--remount-ro", f"{package}/grading"]
        seen += ["--ro-bind-try", str(self.box.course_root / settings.FILE), f"{COURSE}/{settings.FILE}"]
        hub = machine.torch_hub_folder()
        known = {settings.load().cache_folder: CACHE, hub: HUB, hub.parent / "datasets": f"{Path(HUB).parent}/datasets"}
        for source, target in known.items():
            seen += ["--ro-bind", str(source), target] if source.is_dir() else ["--dir", target]
        for name, text in ETC.items():
            (self.box.folder / name).write_text(text, encoding="utf-8")
            seen += ["--ro-bind", str(self.box.folder / name), f"/etc/{name}"]
        for place in (HOME, isolation.temporary(), "/dev/shm"):
            seen += ["--perms", "0700", "--size", size, "--tmpfs", place]
        seen += ["--bind", str(self.box.wire), WIRE]
        filtered = ["--seccomp", str(calls.fileno())] if seccomp.program() else []
        variables = [word for name, value in self._environment().items() for word in ("--setenv", name, value)]
        view = isolation.system([self.box.course_root])
        return ["bwrap", *isolation.ALONE, *view, *seen, *isolation.end(), *filtered, *variables, "--chdir", "/"]

    def _without_key(self, package: str) -> list[str]:
        """The quiz's questions as a class is handed them: the key stays out here, with the judge."""
        from helpers.checks.quiz import questions  # imports torch

        questions.load()  # says in one sentence what is wrong with the file, if anything is
        handed_out = self.box.folder / questions.PATH.name
        handed_out.write_text(questions.without_key(questions.PATH.read_text(encoding="utf-8")), encoding="utf-8")
        return ["--ro-bind", str(handed_out), f"{package}/{questions.PATH.relative_to(PACKAGE).as_posix()}"]

    def _environment(self) -> dict[str, str]:
        if self.sealed:
            return environment(HOME, isolation.temporary(), CACHE, HUB)
        folder = self.box.folder
        return environment(f"{folder}/home", f"{folder}/tmp", str(settings.load().cache_folder), str(machine.torch_hub_folder()))


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
