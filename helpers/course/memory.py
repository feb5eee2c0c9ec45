"""How much memory this process may use, and how much of it is free."""

from contextlib import suppress
from pathlib import Path

LIMIT = Path("/sys/fs/cgroup/memory.max")  # a container's (cgroup v2, Linux)


def total_and_free() -> tuple[int, int]:
    """(all, free or soon freed) in bytes, a container's limit kept."""
    total, free = _of_machine()
    with suppress(OSError, ValueError):  # no such file, or "max"
        total = min(total, int(LIMIT.read_text(encoding="ascii")))
    return total, min(free, total)


def _of_machine() -> tuple[int, int]:
    """On Linux as the kernel says, without psutil, which takes longer to import than all of doctor's looks take."""
    with suppress(OSError, KeyError, ValueError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        kilobytes = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
        return 1024 * kilobytes["MemTotal"], 1024 * kilobytes["MemAvailable"]
    import psutil

    found = psutil.virtual_memory()
    return found.total, found.available
