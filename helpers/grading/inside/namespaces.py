"""How a process that runs already goes into a box: into the namespaces that bubblewrap has made, and into one for processes of
its own. There is no way back: afterwards it has no privileges and can get none.

bubblewrap itself starts a program anew. One that has torch imported is had by a fork alone, and a fork has to go in by itself.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Mapping

# Linux's prctl (prctl.h): whether others may read this process's memory; who gets the orphans; a signal when the parent ends.
PARENT_DEATH, DUMPABLE, SECCOMP, CAPBSET_DROP, SUBREAPER, NO_NEW_PRIVILEGES, AMBIENT = 1, 4, 22, 24, 36, 38, 47
FILTER, CLEAR_ALL = 2, 4  # of SECCOMP and of AMBIENT
NEW_PID = 0x20000000  # sched.h
CLOSED = 1 | 2 | 4 | 8  # mount.h: read-only, no privileges by a file's owner, no devices, no programs
CAPABILITIES = 0x20080522  # the version of capset's structures (capability.h)
# In this order: who has not gone into the user namespace that owns the others may not go into these.
SPACES = ("owner", "mnt", "net", "ipc", "uts", "cgroup")


def prctl(option: int, value: int, more: int = 0) -> int:
    """One of Linux's switches for the calling process; elsewhere nothing."""
    if sys.platform != "linux":
        return 0
    word = ctypes.c_ulong
    return ctypes.CDLL(None, use_errno=True).prctl(option, word(value), word(more), word(0), word(0))


def enter(doors: Mapping[str, int], calls: bytes) -> None:
    """Go in. Returns in a child, process 1 of the box, which ends when the calling process does; that one waits for its end.

    Args:
        doors: file descriptors of namespaces: `SPACES`, and ``user``, the one that all within are to be in. Are closed.
        calls: the filter of system calls, see `helpers.grading.sandbox.seccomp`; empty for none.

    Raises:
        OSError: it cannot go in. The process is then somewhere in between: end it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    for name in SPACES:
        _done(libc.setns(doors[name], 0), f"setns {name}")
    _done(libc.unshare(NEW_PID), "unshare")
    if child := os.fork():
        _give_up_privileges(libc)
        prctl(PARENT_DEATH, signal.SIGKILL)
        os.closerange(0, 1 << 16)
        os.waitpid(child, 0)
        os._exit(0)
    _done(libc.mount(b"proc", b"/proc", b"proc", CLOSED, None), "mount /proc")
    _done(libc.setns(doors["user"], 0), "setns user")
    os.chdir("/")
    for door in doors.values():
        os.close(door)
    _give_up_privileges(libc)
    prctl(PARENT_DEATH, signal.SIGKILL)
    prctl(DUMPABLE, 0)
    if calls:
        _filter(calls)


def _give_up_privileges(libc: ctypes.CDLL) -> None:
    prctl(AMBIENT, CLEAR_ALL)
    capability = 0
    while prctl(CAPBSET_DROP, capability) == 0:  # fails at the first that this kernel does not know
        capability += 1
    head, nothing = (ctypes.c_uint32 * 2)(CAPABILITIES, 0), (ctypes.c_uint32 * 6)()
    _done(libc.capset(head, nothing), "capset")
    _done(prctl(NO_NEW_PRIVILEGES, 1), "no new privileges")


def _filter(calls: bytes) -> None:
    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))

    program = Program(len(calls) // 8, calls)
    _done(prctl(SECCOMP, FILTER, ctypes.addressof(program)), "seccomp")


def _done(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
