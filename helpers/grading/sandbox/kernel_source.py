"""What both kinds of kernel are started with: limits, environment, the files of a connection, and how processes are ended."""

import shutil
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psutil

from helpers.course import machine, settings

FOLDERS = ("wire", "home", "tmp")  # in a box's folder, for kernels to write to
FILES = "files"  # in the wire: what was handed in beside the notebook


@dataclass(frozen=True)
class BoxLimits:
    """What one submission may use, all its processes together unless said otherwise.

    Attributes:
        memory_mb: MB (10^6 bytes) of memory; the laptop profile's whole strategy peaked at 1400.
        processes: processes at once, the kernel included.
        threads: threads at once.
        disk_mb: MB in each of the home, /tmp and /dev/shm, in the folder shared with the grader, and in any one file.
        files: files and folders at once.
        open_files: open files of one process.
        cpu_seconds: processor time of one process.
    """

    memory_mb: int = 3000
    processes: int = 32
    threads: int = 256
    disk_mb: int = 300
    files: int = 20_000
    open_files: int = 512
    cpu_seconds: int = 3600


class BoxError(RuntimeError):
    """A kernel could not be started, or the box does not answer. A reset helps."""


class KernelSource(Protocol):
    """Where a box's kernels come from: one at a time. `inside_wire` is the wire's path as kernels see it."""

    inside_wire: str

    def start(self) -> None:
        """Make the box's folders anew and be ready to start kernels."""

    def start_kernel(self, connection: dict[str, Any], files: str, variables: dict[str, str]) -> None:
        """Start one: with Jupyter's connection, with files from a folder of this name in the wire, with these variables too."""

    def state(self) -> tuple[int | None, str]:
        """The kernel's exit code, None while it runs; and which limit it was ended for, empty if none."""

    def signal(self, number: int) -> None:
        """Send the kernel and its children a signal."""

    def kill(self) -> None:
        """End the kernel and all that it has started."""

    def reset(self) -> str:
        """End and delete all; what is left in spite of it, in words, empty if nothing is."""

    def processes(self) -> list[psutil.Process]:
        """All that run."""

    def end(self) -> None:
        """End everything. It may be started again."""


def environment(folder: Path) -> dict[str, str]:
    """A notebook's environment where it sees the system as it is: home and temporary files lie in the box's folder."""
    hub, cache = machine.torch_hub_folder(), settings.load().cache_folder
    return sealed_environment(str(folder / "home"), str(folder / "tmp"), str(cache), str(hub))


def sealed_environment(home: str, tmp: str, cache: str, hub: str) -> dict[str, str]:
    """All that a notebook's environment holds: nothing of the instructor's but the profile. Sets have one order everywhere."""
    return {
        "HOME": home, "TMPDIR": tmp, "FINETUNE_CACHE": cache, "TORCH_HOME": str(Path(hub).parent), "LANG": "C.UTF-8",
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin", "NBGRADER_EXECUTION": "autograde",
        "PYTHONHASHSEED": "0",
        "FINETUNE_PROFILE": settings.load().profile, **machine.ONE_THREAD, **machine.QUIET_THREADS,
    }  # fmt: skip


def make_folders(folder: Path) -> None:
    """Make anew the folders that kernels write to, empty."""
    for name in FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir(mode=0o700, exist_ok=True)


def end_processes(processes: list[psutil.Process]) -> None:
    """Kill them and wait until they are gone."""
    for process in processes:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(processes, timeout=10)
