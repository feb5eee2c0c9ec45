"""What keeps a learner's notebook apart from everything else on this system, chosen by trying it; in words for the log."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import helpers
from helpers.course import settings
from helpers.course.errors import CourseError
from helpers.grading.inside.leftovers import MB
from helpers.grading.inside.namespaces import SPACES
from helpers.grading.sandbox import seccomp

if sys.platform != "win32":
    import fcntl

PACKAGE = Path(helpers.__file__).resolve().parent
CACHE, HUB, WIRE, HOME, TMP = "/cache", "/torch/hub", "/wire", "/home/learner", "/tmp"
PLACES = (HOME, TMP, "/dev/shm")  # what a notebook may write besides the wire: each a file system in memory of its own
# All namespaces (no network, no processes but its own); no privileges and no way back to some; ends with the grader.
# As process 1 the zygote is out of reach of signals from inside.
ALONE = (
    "--unshare-all", "--unshare-user", "--disable-userns", "--uid", "1000", "--gid", "1000", "--hostname", "box",
    "--cap-drop", "ALL", "--die-with-parent", "--new-session", "--as-pid-1", "--clearenv",
)  # fmt: skip
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store")
# Programs find their libraries, fonts and alternatives there, torch the number of cores.
DETAILS = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts", "/etc/localtime", "/sys/devices/system/cpu")
# It ends when its input does; by then somebody else is in there.
WAIT = ("/bin/sh", "-c", "echo there; read -r _")
TRY = """import os, sys; sys.path.insert(0, {path!r}); import namespaces
namespaces.enter(dict(zip({names!r}, {files!r})), b""); print(os.getpid(), flush=True); os._exit(0)"""
OWNER = 0xB701  # NS_GET_USERNS of ioctl (linux/nsfs.h): the user namespace that another namespace belongs to
PARTS = ("bin", "lib", "lib64", "share", "etc", "pyvenv.cfg")  # of a Python installation, which may lie in somebody's home
# nbgrader's own exchange lies here unless it is told otherwise; other learners' work is in it.
EXCHANGES = ("/usr/local/share/nbgrader", os.environ.get("FINETUNE_EXCHANGE", ""))
UBUNTU = "Ubuntu 23.10 and later want a profile for it (see docs, or github.com/containers/bubblewrap/issues/632)"


BOXED = (
    "Each notebook runs in a bubblewrap sandbox: no network, a read-only system, an empty home of its own, no sight of other "
    "submissions, hidden tests, gradebook or environment, and limits on memory, processes, files and time."
)
UNFILTERED = "On this kind of processor system calls are not filtered."
APART = "Each notebook runs in a process of its own with limits on memory, processes, files and time."
EXPOSED = "a notebook can read and change what you can, hidden tests and gradebook included, and use the network"


@dataclass(frozen=True)
class Isolation:
    """How notebooks are kept apart.

    Attributes:
        layer: ``"bubblewrap"`` or ``"none"``.
        forks: whether kernels are forked from one process that has torch imported.
        does: what it does, a sentence.
        missing: what it does not do, a sentence; empty if nothing is missing that the course promises.
    """

    layer: str
    forks: bool
    does: str
    missing: str = ""

    def __str__(self) -> str:
        return f"{self.does} {self.missing}".strip()


def isolation(require: bool = False) -> Isolation:
    """The best that works on this system, found by running something in it.

    Args:
        require: refuse anything less than a sandbox.

    Raises:
        CourseError: `require`, and there is none: says why, and the remedy.
    """
    obstacle = _obstacle()
    if not obstacle:
        return Isolation("bubblewrap", True, BOXED, "" if seccomp.program() else UNFILTERED)
    if require:
        raise CourseError(f"There is no sandbox on this system: {obstacle}.")
    # Python's own multiprocessing calls a fork without exec unsafe on macOS: system libraries start threads there.
    return Isolation("none", sys.platform == "linux", APART, f"There is no sandbox ({obstacle}): {EXPOSED}.")


@cache
def _obstacle() -> str:
    """Why bubblewrap cannot be used, with the remedy; empty if it can."""
    if sys.platform != "linux":
        return "bubblewrap runs on Linux only; grade there, or in a Linux virtual machine"
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed; `apt-get install bubblewrap` brings it"
    try:
        with namespaces(view()) as doors:
            names, files = list(doors), list(doors.values())
            program = TRY.format(path=str(PACKAGE / "grading" / "inside"), names=names, files=files)
            command = [sys.executable, "-I", "-S", "-c", program]
            options = {"pass_fds": files, "timeout": 60, "stdin": subprocess.DEVNULL, "check": False}
            tried = subprocess.run(command, capture_output=True, text=True, **options)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        words = str(error)
    else:
        if tried.stdout.strip() == "1":
            return ""
        words = (tried.stderr.strip().splitlines() or ["it says nothing"])[-1]
    if "nknown option" in words:
        return f"bubblewrap is older than 0.8 ({words}); install a newer one"
    return f"bubblewrap is not allowed to work here ({words}); {UBUNTU}, containers a permission for user namespaces"


@contextmanager
def namespaces(view: list[str]) -> Iterator[dict[str, int]]:
    """Have bubblewrap make namespaces with this `view`; gives file descriptors, for `helpers.grading.inside.namespaces.enter`.

    Raises:
        OSError: bubblewrap does not start, or may not; says why.
    """
    reading, writing = os.pipe()
    with ExitStack() as stack:
        stack.callback(os.close, reading)
        options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "pass_fds": [writing]}
        command = ["bwrap", *ALONE, "--info-fd", str(writing), *view, *WAIT]
        try:
            process = stack.enter_context(subprocess.Popen(command, **options))
        finally:
            os.close(writing)
        stack.callback(process.kill)
        if not process.stdout.readline():  # it is said when all is mounted
            said = process.stderr.read().decode().strip().splitlines() or ["it says nothing"]
            raise OSError(said[-1].removeprefix("bwrap: "))
        place = f"/proc/{json.loads(os.read(reading, 10_000))['child-pid']}/ns"
        doors = {}
        for name in (*SPACES[1:], "user"):
            doors[name] = os.open(f"{place}/{name}", os.O_RDONLY)
            stack.callback(os.close, doors[name])
        doors["owner"] = fcntl.ioctl(doors["mnt"], OWNER)
        stack.callback(os.close, doors["owner"])
        yield doors


def view(
    shown: Mapping[str, Path | None] = {}, hidden: Iterable[Path] = (), wire: Path | None = None, size: int = MB
) -> list[str]:
    """bubblewrap's options for all that a box sees: the system and this Python, read-only, and `PLACES` to write in.

    Args:
        shown: path inside -> a file or folder that is seen there too, read-only; None for an empty folder.
        hidden: folders that are masked where they would show.
        wire: a folder that may be written at `WIRE`.
        size: bytes that each of `PLACES` can hold.
    """
    own = {Path(path) for path in (*SYSTEM, *DETAILS) if os.path.exists(path)} | {path for path in _python() if path.exists()}
    empty = {path for path in _hidden(hidden) if any(path.is_relative_to(seen) for seen in own)} - {Path(path) for path in shown}
    empty |= {Path(path) for path, source in shown.items() if source is None} | _covers({*own, *map(Path, shown)})
    mounts = {path: ["--ro-bind", str(path), str(path)] for path in own}
    mounts |= {path: ["--symlink", os.readlink(path), str(path)] for path in own if path.is_symlink() and str(path) in SYSTEM}
    mounts |= {Path(path): ["--ro-bind", str(source), path] for path, source in shown.items()}
    mounts |= {Path(path): ["--perms", "0700", "--size", str(size), "--tmpfs", path] for path in PLACES}
    mounts |= {Path(WIRE): ["--bind", str(wire), WIRE]} if wire else {}
    mounts |= {path: ["--tmpfs", str(path)] for path in empty}
    mounts |= {Path("/proc"): ["--proc", "/proc"], Path("/dev"): ["--dev", "/dev"]}
    # Deeper ones later: a mask covers what lies around the environment inside the course's folder, and a notebook's own /tmp
    # what lies around a Python in the system's.
    options = [word for path in sorted(mounts, key=lambda path: (len(path.parts), path)) for word in mounts[path]]
    # Everything in /proc that root owns may be written by it even without privileges: sysctl, above all.
    closed = [Path("/proc"), Path("/dev"), Path("/"), *sorted(empty)]
    return [*options, *(word for path in closed for word in ("--remount-ro", str(path)))]


def _covers(shown: Iterable[Path]) -> set[Path]:
    """The topmost folder around each thing that is shown below one of `PLACES`, if there is one between the two.

    Mounted and read-only it can neither be renamed nor be filled by a notebook, to whom all else in that place belongs.
    """
    below = {(Path(place), path.relative_to(place).parts) for place in PLACES for path in shown if path.is_relative_to(place)}
    return {place / parts[0] for place, parts in below if len(parts) > 1}


def _python() -> list[Path]:
    """The folders and files of the running Python, under every name by which it refers to them."""
    roots = {Path(prefix) for prefix in (sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix)}
    roots |= {root.resolve() for root in roots}
    found = [root / part for root in sorted(roots) for part in PARTS if not root.is_relative_to("/usr")]
    found += [Path(entry) for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages")]
    link = Path(sys.executable)
    while link.is_symlink():
        link = link.parent / os.readlink(link)
        found.append(link)
    return [path for path in found if not any(path != other and path.is_relative_to(other) for other in found)]


def _hidden(folders: Iterable[Path]) -> list[Path]:
    """What no box shows: the given folders, this package wherever it is installed, the course that it came with, other boxes."""
    sites = {sysconfig.get_path("purelib"), *(entry for entry in sys.path if Path(entry).name.endswith("-packages"))}
    # A box shows the package elsewhere, less what is secret. Answers and masters lie beside it unless it was installed.
    own = PACKAGE.parent if (PACKAGE.parent / settings.FILE).is_file() else PACKAGE
    places = [Path(tempfile.gettempdir()).resolve(), *(Path(place) for place in EXCHANGES if place)]
    every = [*folders, own, *places, *(Path(site, PACKAGE.name) for site in sites)]
    return [path for path in {*every, *(path.resolve() for path in every)} if path.is_dir()]
