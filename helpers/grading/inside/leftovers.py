"""What a submission uses and leaves behind: counted against its limits, and deleted to the last trace."""

import contextlib
import os
import uuid
from collections.abc import Collection

import psutil

MB = 10**6


def empty(folder: str, mounted: Collection[str] = ()) -> None:
    """Leave nothing in a folder and no trace on it, however deep or odd: no path below it is ever longer than two names.

    What is `mounted` directly in it, given by path, stays.
    """
    os.chmod(folder, 0o700)
    while entries := [entry for entry in os.scandir(folder) if entry.path not in mounted]:
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.path)
                continue
            os.chmod(entry.path, 0o700)
            for inner in list(os.scandir(entry.path)):
                if inner.is_dir(follow_symlinks=False):
                    os.chmod(inner.path, 0o700)  # a folder that may not be written cannot be moved
                os.rename(inner.path, os.path.join(folder, uuid.uuid4().hex))
            os.rmdir(entry.path)
    for name in getattr(os, "listxattr", lambda _: [])(folder):
        os.removexattr(folder, name)
    os.utime(folder, (0, 0))


def taken(folder: str, most: int) -> tuple[int, int]:
    """(bytes, files) below a folder; stops counting after `most` files."""
    size, files, waiting = 0, 0, [folder]
    while waiting and files <= most:
        with contextlib.suppress(OSError):
            for entry in os.scandir(waiting.pop()):
                files += 1
                with contextlib.suppress(OSError):
                    size += entry.stat(follow_symlinks=False).st_size
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
    return size, files


def overuse(processes: list[psutil.Process], limits: dict[str, int], more_memory: int = 0) -> str:
    """Which limit these processes are over, in words that go after "this cell"; empty if they are within all.

    Args:
        processes: all processes of a submission.
        limits: the fields of `helpers.grading.sandbox.kernel_source.BoxLimits`.
        more_memory: bytes that are held in memory without belonging to a process: files in a memory file system.
    """
    memory, threads = more_memory, 0
    for process in processes:
        with contextlib.suppress(psutil.Error), process.oneshot():
            memory += process.memory_info().rss
            threads += process.num_threads()
    if len(processes) > limits["processes"] or threads > limits["threads"]:
        most = f"{limits['processes']} processes and {limits['threads']} threads"
        return f"ran {len(processes)} processes with {threads} threads at once, more than the {most} allowed"
    if memory > limits["memory_mb"] * MB:
        # Pages that are shared after a fork were counted for each process: look again, closer and more slowly.
        memory = more_memory + sum(_share(process) for process in processes)
        if memory > limits["memory_mb"] * MB:
            return f"used {memory / MB:.0f} MB of memory, more than the {limits['memory_mb']} MB allowed"
    return ""


def overfull(folders: list[str], limits: dict[str, int], more_files: int = 0) -> str:
    """As `overuse`, for what lies in these folders."""
    found = [taken(folder, limits["files"]) for folder in folders]
    size, files = sum(one for one, _ in found), more_files + sum(one for _, one in found)
    if size > limits["disk_mb"] * MB or files > limits["files"]:
        most = f"{limits['disk_mb']} MB and {limits['files']} files"
        return f"wrote {size / MB:.0f} MB and {files} files, more than the {most} allowed"
    return ""


def _share(process: psutil.Process) -> int:
    """What of the memory is this process's part: Linux's proportional set size, elsewhere what is its alone."""
    try:
        found = process.memory_full_info()
        return getattr(found, "pss", found.uss)
    except psutil.Error:
        with contextlib.suppress(psutil.Error):
            return process.memory_info().rss
        return 0
