"""The one trusted process of a box: forked from one that has imported all that notebooks need, it forks a kernel for each of
them, watches and tidies.

It opens no notebook and runs no code of a learner's. In a bubblewrap box it is process 1 of a process namespace of its own:
signals from inside do not reach it, its memory is closed to the others, all orphans come to it, and one signal ends all but it.
"""

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from helpers.grading.inside.kernel import become_kernel
from helpers.grading.inside.leftovers import empty, overfull, overuse

TICK = 0.1  # seconds between two looks at what a submission uses
START_SECONDS = 60  # for a forked kernel to open its sockets: a fraction of a second on a machine that is not overloaded
END_SECONDS = 10  # for killed processes to be gone: longer means that one hangs in the system


class Zygote:
    """The loop that answers a box's requests, one line of JSON each, and forks.

    Args:
        settings: ``line`` (file descriptor of the socket to the box), ``places`` (all folders that learners may write to),
            ``work`` (where notebooks run), ``wire`` (the folder shared with the box), ``limits`` (see
            `helpers.grading.sandbox.kernel_source.BoxLimits`), ``others`` (threads of this user elsewhere that the system counts
            as ours).
    """

    def __init__(self, settings: dict[str, Any]):
        self.settings, self.limits = settings, settings["limits"]
        self.line = socket.socket(fileno=settings["line"])
        self.lines = self.line.makefile("rb")
        self.alone = os.getpid() == 1
        inside = [entry.path for place in settings["places"] for entry in os.scandir(place)] if self.alone else []
        self.mounted = {path for path in inside if os.path.ismount(path)}  # a Python that lies there is, and stays
        self.kernel, self.code, self.trouble, self.ticks = 0, None, "", 0
        self.reserved, self.as_begun = 0, []

    def serve(self) -> dict[str, Any] | None:
        """Answer until the line is closed (None). In a forked child: return at once, with the order for its kernel."""
        self.reserved, self.as_begun = psutil.Process().memory_info().vms, _own_limits()
        self.do_reset({})  # importing has left some files
        self.answer({"threads": psutil.Process().num_threads(), "alone": self.alone})
        looked = 0.0
        while True:
            busy = self.kernel and self.code is None
            asked = select.select([self.line], [], [], TICK if busy else None)[0]
            if busy and time.monotonic() - looked >= TICK:
                self.reap()
                self.watch()
                looked = time.monotonic()
            if not asked:
                continue
            order = json.loads(self.lines.readline() or "null")
            if order is None:
                self.kill_all()
                return None
            if order["do"] == "fork":
                reader, writer = os.pipe()
                if self.fork(order["files"], reader, writer) == 0:
                    return {**order, "ready": writer}
            else:
                self.answer(getattr(self, f"do_{order['do']}")(order))

    def answer(self, content: dict[str, Any]) -> None:
        self.line.sendall(json.dumps(content).encode() + b"\n")

    def fork(self, files: str, reader: int, writer: int) -> int:
        """The child's number, once its kernel listens; 0 in the child itself, which no longer has the line."""
        work = Path(self.settings["work"])
        work.mkdir()
        if files:
            shutil.copytree(files, work, dirs_exist_ok=True)
            shutil.rmtree(files)
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            self.lines.close()
            self.line.close()
            return 0
        os.close(writer)
        self.kernel, self.code, self.trouble = pid, None, ""
        ready = select.select([reader], [], [], START_SECONDS)[0] and os.read(reader, 1)
        os.close(reader)
        self.answer({"ready": bool(ready)})
        return pid

    def do_state(self, _: dict[str, Any]) -> dict[str, Any]:
        self.reap()
        return {"code": self.code, "trouble": self.trouble}

    def do_signal(self, order: dict[str, Any]) -> dict[str, Any]:
        """A signal for the kernel and what it has started, as a terminal would send it."""
        with contextlib.suppress(ProcessLookupError):
            try:
                os.killpg(self.kernel, order["number"])
            except ProcessLookupError:
                os.kill(self.kernel, order["number"])
        return {}

    def do_kill(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"clean": self.kill_all()}

    def do_reset(self, _: dict[str, Any]) -> dict[str, Any]:
        """End all, empty all, and say what was left behind in spite of it: no words mean a box as good as new."""
        left = [] if self.kill_all() else ["a process that cannot be ended"]
        self.kernel, self.code, self.trouble = 0, None, ""
        for place in [*self.settings["places"], self.settings["wire"]]:
            try:
                empty(place, self.mounted)
            except OSError as error:
                left.append(f"something in {place} that cannot be deleted ({error})")
        if self.alone and any(len(Path("/proc/sysvipc", kind).read_text().splitlines()) > 1 for kind in ("shm", "sem", "msg")):
            left.append("shared memory")
        if _own_limits() != self.as_begun:
            left.append("other limits than it began with")
        return {"left": ", ".join(left)}

    def others(self) -> list[psutil.Process]:
        """All processes of the box but this one."""
        if self.alone:
            return [process for process in psutil.process_iter() if process.pid != 1]
        return psutil.Process().children(recursive=True)

    def reap(self) -> None:
        """Take leave of ended children, orphans included, and note how the kernel ended."""
        with contextlib.suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                if found[0] == self.kernel:
                    self.code = os.waitstatus_to_exitcode(found[1])

    def watch(self) -> None:
        """End everything when a limit is passed. Memory and processes at every tick, files at every fifth."""
        self.ticks += 1
        mounted = [os.statvfs(place) for place in self.settings["places"]] if self.alone else []
        trouble = overuse(self.others(), self.limits, sum((disk.f_blocks - disk.f_bfree) * disk.f_frsize for disk in mounted))
        if not trouble and self.ticks % 5 == 0:
            folders = [self.settings["wire"], *([] if self.alone else self.settings["places"])]
            trouble = overfull(folders, self.limits, sum(disk.f_files - disk.f_ffree for disk in mounted))
        if trouble:
            self.trouble = trouble
            self.kill_all()

    def kill_all(self) -> bool:
        """Whether nothing but this process is left. One signal to all at once leaves a fork bomb no gap to slip through."""
        end = time.monotonic() + END_SECONDS
        while others := self.others():
            if self.alone:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(-1, signal.SIGKILL)
            for process in [] if self.alone else others:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            self.reap()
            if time.monotonic() > end:
                return False
            time.sleep(0.005)
        self.reap()
        return True


def _own_limits() -> list[Any]:
    """What another process of the same user could have changed about this one."""
    import resource

    kinds = [name for name in sorted(dir(resource)) if name.startswith("RLIMIT_")]
    found: list[Any] = [resource.getrlimit(getattr(resource, kind)) for kind in kinds]
    if sys.platform == "linux":
        found += [sorted(os.sched_getaffinity(0)), os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0)]
    return found


def main(settings: dict[str, Any]) -> None:
    """Be a zygote, and in its children a kernel. Does not return."""
    tempfile.tempdir = None  # Python looks once where temporary files belong: here, so that each kernel's folder is untouched
    tempfile.gettempdir()
    zygote = Zygote(settings)
    order = zygote.serve()
    if order is not None:
        become_kernel(order, settings, zygote.reserved)
    os._exit(0)
