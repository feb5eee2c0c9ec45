"""System calls that a notebook has no honest use for, as a filter that bubblewrap loads (``--seccomp``).

They are the ones that reach past a box's namespaces and limits: keys and shared memory that outlive their process, memory that
belongs to no process, other processes' limits and memory, and large parts of the system that sandboxes close by custom (Docker's
default profile refuses most of these as well). A refused call fails with EPERM, as on a system that does not have it.
"""

import platform
import struct

# Linux's numbers: (x86_64: asm/unistd_64.h, aarch64: asm-generic/unistd.h).
REFUSED = {
    # Keyrings and System V or POSIX objects stay when the process ends: a message to the next learner.
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "shmget": (29, 194), "semget": (64, 190), "msgget": (68, 186), "mq_open": (240, 180),
    # Files in memory that no process counts as its own.
    "memfd_create": (319, 279), "memfd_secret": (447, 447),
    # Other processes: their memory, their files, their priority.
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438), "kcmp": (312, 272), "move_pages": (279, 239), "migrate_pages": (256, 238), "ioprio_set": (251, 30),
    # Mounts and namespaces: capabilities are gone already, this is the second lock.
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97),
    "setns": (308, 268), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430), "mount_setattr": (442, 442),
    # Large, rarely used parts of the kernel, which have had more than their share of holes.
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "fanotify_init": (300, 262),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "syslog": (103, 116),
}  # fmt: skip
# Allowed for oneself only: the argument with this index must be 0. Scheduling is not among them: libzmq sets it for its threads.
FOR_ONESELF = {"prlimit64": ((302, 261), 0), "setpriority": ((141, 140), 1)}
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column above, AUDIT_ARCH_* (linux/audit.h)
X32 = 0x40000000  # x86_64's second set of numbers for the same calls

# Classic BPF (linux/bpf_common.h, linux/seccomp.h): load a word, compare it, return.
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
ALLOW, EPERM = 0x7FFF0000, 0x00050001
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16  # offsets in seccomp_data; of each argument the lower half, on little-endian


def program(machine: str | None = None) -> bytes:
    """The filter for this kind of machine; empty where the numbers of its system calls are not known here."""
    if (machine or platform.machine()) not in MACHINES:
        return b""
    column, architecture = MACHINES[machine or platform.machine()]
    refuse = _step(RETURN, EPERM)
    code = [_step(LOAD, ARCHITECTURE), _step(EQUAL, architecture, 1, 0), refuse, _step(LOAD, NUMBER)]
    code += [_step(AT_LEAST, X32, 0, 1), refuse]
    for numbers in REFUSED.values():
        code += [_step(EQUAL, numbers[column], 0, 1), refuse]
    for numbers, index in FOR_ONESELF.values():
        # Not this call: go on behind these five steps. This one: allowed if the argument is 0.
        own = [_step(LOAD, ARGUMENTS + 8 * index), _step(EQUAL, 0, 0, 1), _step(RETURN, ALLOW), refuse]
        code += [_step(EQUAL, numbers[column], 0, len(own)), *own]
    return b"".join([*code, _step(RETURN, ALLOW)])


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One instruction (struct sock_filter)."""
    return struct.pack("=HBBI", code, if_true, if_false, value)
