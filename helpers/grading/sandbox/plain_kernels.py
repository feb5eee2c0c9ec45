"""A box's kernels where forking is not safe (macOS) or not possible (Windows): an ordinary process each, within some limits."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from signal import SIGINT
from typing import Any

import psutil
from jupyter_client.launcher import launch_kernel

from helpers.grading.inside.leftovers import overfull, overuse
from helpers.grading.sandbox.isolation import PACKAGE
from helpers.grading.sandbox.kernel_source import FOLDERS, BoxError, BoxLimits, end_processes, environment, make_folders

# Modules that were handed in beside the notebook come after all others: they take nobody's place.
START = "import sys; sys.path.append(''); from ipykernel.kernelapp import launch_new_instance; launch_new_instance()"
KEPT = ("SYSTEMROOT", "PATH", "DYLD_LIBRARY_PATH")  # without these no Python starts, on one system or another
ROUNDS = 5  # of ending what runs: what was just being started is seen in the next one


class PlainKernels:
    """One kernel process at a time, in a box's folder. Limits are looked at when its state is asked for, about once a second."""

    def __init__(self, folder: Path, limits: BoxLimits):
        self.folder, self.wire, self.limits = folder, folder / "wire", asdict(limits)
        self.inside_wire = str(self.wire)
        self.kernel: subprocess.Popen | None = None
        self.seen: dict[int, psutil.Process] = {}

    def start(self) -> None:
        make_folders(self.folder)  # each kernel starts by itself

    def start_kernel(self, connection: dict[str, Any], files: str, variables: dict[str, str]) -> None:
        """Returns at once; the kernel's sockets open when it has imported what it needs."""
        work = self.folder / "home" / "work"
        shutil.move(self.wire / files, work) if files else work.mkdir()
        path = self.wire / "kernel.json"
        path.write_text(json.dumps(connection), encoding="utf-8")
        env = environment(self.folder) | variables
        env |= {"PYTHONPATH": str(PACKAGE.parent)} | {name: os.environ[name] for name in KEPT if name in os.environ}
        command = [sys.executable, "-P", "-c", START, "-f", str(path), "--HistoryManager.hist_file=:memory:"]
        try:
            quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            self.kernel = launch_kernel(command, env=env, cwd=str(work), **quiet)
        except OSError as error:
            raise BoxError(f"the kernel did not start: {error}") from None

    def state(self) -> tuple[int | None, str]:
        if self.kernel is None:
            return -9, ""
        folders = [str(self.folder / name) for name in FOLDERS]
        trouble = overuse(self.processes(), self.limits) or overfull(folders, self.limits)
        if trouble:
            self.kill()
        return self.kernel.poll(), trouble

    def signal(self, number: int) -> None:
        if self.kernel is None:
            return
        if sys.platform == "win32" and number == SIGINT:
            from jupyter_client.win_interrupt import send_interrupt

            send_interrupt(self.kernel.win32_interrupt_event)
            return
        with suppress(OSError):
            os.killpg(self.kernel.pid, number) if hasattr(os, "killpg") else self.kernel.send_signal(number)

    def kill(self) -> None:
        for _ in range(ROUNDS):
            if left := self.processes():
                end_processes(left)
        if self.kernel is not None:
            self.kernel.wait()

    end = kill  # there is nothing else

    def reset(self) -> str:
        """Always "nothing is left" to be made anew: the folders themselves are what is new here."""
        self.kill()
        self.kernel, self.seen = None, {}
        make_folders(self.folder)
        return ""

    def processes(self) -> list[psutil.Process]:
        """The kernel and what it has started, as far as it was seen: a process whose parent has ended is still one of them."""
        if self.kernel is not None:
            with suppress(psutil.Error):
                self.seen.setdefault(self.kernel.pid, psutil.Process(self.kernel.pid))
            self._see_children()
        return [process for process in self.seen.values() if process.is_running()]

    def _see_children(self) -> None:
        """Add all below those that are seen. One look at the system's list, however many there are."""
        children: dict[int, list[psutil.Process]] = {}
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                children.setdefault(process.ppid(), []).append(process)
        waiting = [process.pid for process in self.seen.values() if process.is_running()]
        while waiting:
            for child in children.pop(waiting.pop(), ()):
                self.seen[child.pid] = child
                waiting.append(child.pid)
