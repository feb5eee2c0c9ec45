"""A box's kernels, forked from a zygote (`helpers.grading.inside`): how that one is started, asked and ended.

Around it is bubblewrap where there is one. Then the zygote and all below it have a file system, a process list and a network of
their own, and what is bound into that file system is decided here and in `helpers.grading.sandbox.isolation`.
"""

import json
import os
import re
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import psutil

from helpers.course import machine, settings
from helpers.course.errors import CourseError
from helpers.grading.inside.leftovers import MB
from helpers.grading.sandbox import isolation, kernel_source, seccomp
from helpers.grading.sandbox.isolation import CACHE, COURSE, HOME, HUB, PACKAGE, PLACES, TMP, WIRE
from helpers.grading.sandbox.kernel_source import BoxError, BoxLimits, end_processes, make_folders

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


class ForkedKernels:
    """One zygote at a time, and the line to it: in the box's folder, with bubblewrap around it if `sealed`."""

    def __init__(self, folder: Path, course_root: Path, limits: BoxLimits, *, sealed: bool):
        self.folder, self.wire, self.course_root, self.limits, self.sealed = folder, folder / "wire", course_root, limits, sealed
        self.inside_wire = WIRE if sealed else str(self.wire)
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        """Start a zygote and wait until it has imported everything.

        Raises:
            CourseError: it ends, or cannot fork here.
        """
        make_folders(self.folder)
        self.line, theirs = socket.socketpair()
        self.answers = self.line.makefile("rb")
        filter_file = self.folder / "seccomp"
        filter_file.write_bytes(seccomp.program())
        with theirs, (self.folder / "log").open("wb") as log, filter_file.open("rb") as calls:
            self.process = subprocess.Popen(
                self._command(theirs, calls), env={} if self.sealed else kernel_source.environment(self.folder), cwd="/",
                start_new_session=True, pass_fds=(theirs.fileno(), calls.fileno()),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self.line.settimeout(BOOT_SECONDS)
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
        lines = (self.folder / "log").read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it says nothing"

    def _command(self, line: socket.socket, calls: IO) -> list[str]:
        home = HOME if self.sealed else str(self.folder / "home")
        places = PLACES if self.sealed else [home, str(self.folder / "tmp")]
        content = {
            "line": line.fileno(), "places": places, "work": f"{home}/work", "wire": self.inside_wire,
            "limits": asdict(self.limits), "others": 0 if self.sealed and _counts_apart() else _threads_of_user(),
            "lessons": _import_much(self.course_root),
        }  # fmt: skip
        path = COURSE if self.sealed else str(PACKAGE.parent)
        python = [sys.executable, "-I", "-c", RUN.format(path=path, text=json.dumps(content))]
        return [*EXPENDABLE, *self._bubblewrap(calls), *python] if self.sealed else [*EXPENDABLE, *python]

    def _bubblewrap(self, calls: IO) -> list[str]:
        """What is seen, what may be written, what the environment holds."""
        package, hub = f"{COURSE}/helpers", machine.torch_hub_folder()
        shown = {package: PACKAGE, **self._without_key(package), f"{package}/grading": None}
        shown |= {f"{package}/grading/{name}": PACKAGE / "grading" / name for name in ("__init__.py", "inside")}
        if (self.course_root / settings.FILE).exists():
            shown[f"{COURSE}/{settings.FILE}"] = self.course_root / settings.FILE
        kept = settings.load().cache_folder
        with suppress(OSError):
            kept.mkdir(parents=True, exist_ok=True)  # a later lesson's features go there, and a box only shows what there is
        known = {CACHE: kept, HUB: hub, f"{Path(HUB).parent}/datasets": hub.parent / "datasets"}
        shown |= {target: source if source.is_dir() else None for target, source in known.items()}
        for name, text in ETC.items():
            shown[f"/etc/{name}"] = self.folder / name
            shown[f"/etc/{name}"].write_text(text, encoding="utf-8")
        view = isolation.view(shown, [self.course_root], self.wire, self.limits.disk_mb * MB)
        filtered = ["--seccomp", str(calls.fileno())] if seccomp.program() else []
        inside = kernel_source.sealed_environment(HOME, TMP, CACHE, HUB)
        variables = [word for name, value in inside.items() for word in ("--setenv", name, value)]
        return ["bwrap", *isolation.ALONE, *view, *filtered, *variables, "--chdir", "/"]

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
