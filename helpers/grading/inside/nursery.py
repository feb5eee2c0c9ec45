"""The process that workers and zygotes are forked from: it has imported what these need, and knows nothing else.

It is started with an environment of its own and is never told a secret, so that whatever is forked from it has none: neither
the course's nor the instructor's. Who holds a line to it has processes forked; when the first line is closed it ends, and they
with it.
"""

import contextlib
import ctypes
import importlib
import json
import os
import select
import signal
import site
import socket
import sys
from typing import Any

from helpers.grading.inside import zygote
from helpers.grading.inside.kernel import warm_up
from helpers.grading.inside.namespaces import DUMPABLE, PARENT_DEATH, SUBREAPER, enter, prctl

ZYGOTE = "zygote"  # of what is ordered; all else is a worker, by the name of its module
END_SECONDS = 2  # for children to end
ENVIRONMENT = (47, 48)  # env_start and env_end in /proc/self/stat, counted from behind the name (proc_pid_stat(5))
MOST_BYTES, MOST_FILES = 200_000, 16  # of one order
_workers: set[int] = set()  # the numbers of those that have not ended


def main(line: int, modules: list[str] | None, models: list[tuple[str, int | None]]) -> None:
    """Import, and then fork what is ordered, until the line with this file descriptor is closed.

    Args:
        line: of a socket that keeps messages apart. Each is an order as JSON, with file descriptors; the answer has the ``pid``.
        modules: what to import beside what each kernel needs; None for all that lessons need.
        models: what to make ahead, see `helpers.models.made_ahead`.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, _take_leave)
    prctl(DUMPABLE, 0)
    first = socket.socket(fileno=line)
    warm_up(modules, models)
    lines = [first]
    while first in lines:
        for one in select.select(lines, [], [])[0]:
            message, files, _, _ = socket.recv_fds(one, MOST_BYTES, MOST_FILES)
            if not message:
                one.close()
                lines.remove(one)
                continue
            order = json.loads(message)
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            pid = os.fork()
            if pid == 0:
                for each in (*lines, ours):
                    os.close(each.detach())
                _be(order, files, theirs)
            theirs.close()
            for file in files:
                os.close(file)
            lines.append(ours)
            if order["do"] != ZYGOTE:
                _workers.add(pid)
            one.send(json.dumps({"pid": pid}).encode())
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for pid in _workers:
        os.kill(pid, signal.SIGTERM)  # they put their boxes away
    signal.alarm(END_SECONDS)  # then they are killed, as each is when this process ends
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    os._exit(0)


def _take_leave(*_: object) -> None:
    """Of children that have ended; so the time that they took is known to be this process's."""
    with contextlib.suppress(ChildProcessError):
        while pid := os.waitpid(-1, os.WNOHANG)[0]:
            _workers.discard(pid)


def _be(order: dict[str, Any], files: list[int], line: socket.socket) -> None:
    """In a forked child: become what was ordered. Does not return."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        prctl(PARENT_DEATH, signal.SIGKILL)
        os.setsid()
        if order["do"] == ZYGOTE:
            line.close()
            _be_a_zygote(order, files)
        else:  # a module of the grader's, which nothing in here imports
            importlib.import_module(order["do"]).main(files[0], line)
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(1)


def _forget_environment() -> None:
    """Leave nothing of the environment that this program was started with, neither for it nor in /proc/self/environ."""
    os.environ.clear()
    if sys.platform == "linux":
        with open("/proc/self/stat") as file:
            numbers = file.read().rpartition(")")[2].split()
        begin, end = (int(numbers[place]) for place in ENVIRONMENT)
        ctypes.memset(begin, 0, end - begin)


def _be_a_zygote(order: dict[str, Any], files: list[int]) -> None:
    line, log, *doors = files
    calls = os.fdopen(doors.pop(), "rb").read() if order["doors"] else b""
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.close(log)
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")  # the first to go when the system runs out of memory; nothing inside can write there
    except OSError:
        pass
    _forget_environment()
    if order["doors"]:
        enter(dict(zip(order["doors"], doors, strict=True)), calls)
    os.environ.update(order["environment"])
    site.USER_BASE = site.USER_SITE = None  # is known by HOME, once
    prctl(SUBREAPER, 1)
    zygote.main({**order["settings"], "line": line})
