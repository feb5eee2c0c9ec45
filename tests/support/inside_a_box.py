"""What a hostile notebook would try. The whole file is the first cell of such notebooks; later cells call one of these functions.

Nothing here changes anything outside a box even where it would succeed, and what it uses is small.
"""

import builtins
import contextlib
import ctypes
import errno
import hashlib
import itertools
import os
import re
import resource
import signal
import site
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from IPython import get_ipython
from IPython.display import HTML, display

import helpers

if sys.platform != "linux":
    raise RuntimeError("these are for Linux")


def attempt(action, *arguments):
    """The result, or the error's name."""
    try:
        return action(*arguments)
    except Exception as error:
        return type(error).__name__


def below(folder):
    """All paths below a folder but those of this Python and of the course's package, which lie where they lie."""
    packages = filter(re.compile("-packages$").search, sys.path)
    own = [Path(place) for place in (os.path.dirname(helpers.__file__), sys.prefix, sys.base_prefix, *packages)]
    paths = Path(folder).rglob("*")
    return [path for path in paths if not any(path.is_relative_to(one) or one.is_relative_to(path) for one in own)]


def network(port, abstract):
    def connect_abstract():
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(f"\0{abstract}")

    return {
        "local port": attempt(socket.create_connection, ("127.0.0.1", port), 2),
        "outside": attempt(socket.create_connection, ("192.0.2.1", 80), 2),
        "names": attempt(socket.getaddrinfo, "example.com", 80),
        "abstract socket": attempt(connect_abstract),
        "interfaces": [name for _, name in socket.if_nameindex()],
    }


def named(*names):
    """All files of these names that can be seen outside the system's and Python's own folders."""
    tops = (os.path.dirname(helpers.__file__), "/cache", "/home", "/tmp", "/wire", "/etc", "/dev")
    return [str(path) for top in tops for path in below(top) if path.name in names]


def digests(folder):
    """A file, or every file below a folder, compiled ones left out: name, the folder's own first -> SHA-256 of what is in it."""
    top = Path(folder)
    files = [path for path in [top, *top.rglob("*")] if path.is_file() and path.suffix != ".pyc"]
    return {path.relative_to(top.parent).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def key_of_the_quiz():
    """Every question that can be marked here, and every copy of the questions that tells an answer."""
    from helpers.checks.quiz import questions

    known = [name for name, question in questions.load().items() if question.has_key]
    tops = {"/home", "/tmp", "/wire", "/cache", *filter(os.path.isdir, sys.path)}
    copies = {path for top in tops for path in Path(top).rglob("questions*.toml")}
    return known + [str(path) for path in copies if re.search(r"(?m)^(right|why|shows|needs) *=", path.read_text())]


def writable_folders():
    """Folders that may be written, the large read-only mounts left out: those are among `writable_mounts` if they are not."""
    found, left_out = [], {"/proc", "/usr", "/sys", "/home/learner", f"{sys.prefix}/lib", f"{sys.base_prefix}/lib"}
    for place, names, _ in os.walk("/"):
        names[:] = [name for name in names if os.path.join(place, name) not in left_out]
        found += [place] if os.access(place, os.W_OK) else []
    return found


def writable_mounts():
    mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return sorted(mount[4] for mount in mounts if mount[5].startswith("rw") and not mount[4].startswith("/dev/"))


def zygote():
    """Everything that one process can try on another of the same user."""
    signals = (signal.SIGKILL, signal.SIGSTOP, signal.SIGINT, signal.SIGTERM, signal.SIGSEGV)
    return {
        "processes": sorted(int(name) for name in os.listdir("/proc") if name.isdigit()) == [1, os.getpid()],
        "memory": [attempt(open, f"/proc/1/{name}", "rb") for name in ("mem", "maps", "environ", "auxv")],
        "files": [attempt(open, f"/proc/1/fd/{number}", "rb") for number in range(3, 12)],
        "links": [attempt(os.readlink, f"/proc/1/{name}") for name in ("cwd", "root", "exe")],
        "limits": attempt(resource.prlimit, 1, resource.RLIMIT_NOFILE, (8, 8)),
        "priority": attempt(os.setpriority, os.PRIO_PROCESS, 1, 19),
        "signals": [attempt(os.kill, 1, number) for number in signals],
    }


def change(folder):
    """What changing a folder comes to: putting something into it, clearing its way for another of its name, opening it up."""
    moves = [lambda: Path(folder, "new").touch(), lambda: os.rename(folder, f"{folder}-old"), lambda: os.chmod(folder, 0o777)]
    return [attempt(move) for move in moves]


def open_files():
    """Files on disk that the kernel holds open."""
    links = [attempt(os.readlink, f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd")]
    return [link for link in links if link.startswith("/") and link != "/dev/null" and not link.startswith("/proc/")]


def system_call(number, *arguments):
    """The name of the error it ends with, or its result."""
    ctypes.set_errno(0)
    result = ctypes.CDLL(None, use_errno=True).syscall(number, *arguments)
    return errno.errorcode.get(ctypes.get_errno(), result)


def privileges():
    lines = [line.split() for line in Path("/proc/self/status").read_text().splitlines()]
    return {words[0]: words[1] for words in lines if words[0] in ("CapBnd:", "CapPrm:", "NoNewPrivs:", "Seccomp:")}


def plant():
    """Files, odd folders, start-up files, threads, processes and a daemon."""
    for folder in map(Path, ("/tmp", "/dev/shm", "/wire", "/home/learner", "/home/learner/work")):
        (folder / "left.txt").write_text("for the next")
        (folder / "locked").mkdir()
        (folder / "locked" / "file").touch()
        (folder / "locked").chmod(0)
    home, packages = Path.home(), Path(site.getusersitepackages())
    startup = home / ".ipython/profile_default/startup"
    files = [startup / "00.py", packages / "usercustomize.py", packages / "sitecustomize.py", Path("/wire/usercustomize.py")]
    for path in [*files, Path("torch.py"), Path("helpers.py"), home / ".config/matplotlib/matplotlibrc"]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("import builtins; builtins.planted = True")
    os.symlink("/", "/tmp/link")
    os.mkfifo("/tmp/pipe")
    with contextlib.chdir("/tmp"):
        for _ in range(400):  # deeper than a path can be long
            os.mkdir("deep-deep-deep")
            os.chdir("deep-deep-deep")
    os.chmod("/tmp", 0o500)
    os.utime("/tmp", (12345, 12345))
    threading.Thread(target=time.sleep, args=(600,)).start()
    subprocess.Popen(["sleep", "600"], start_new_session=True)
    _daemon()
    return "planted"


def _daemon():
    """A process that nobody waits for and that ignores all that can be ignored."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for number in set(range(1, 32)) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
                signal.signal(number, signal.SIG_IGN)
            while True:
                attempt(Path("/dev/shm/alive").touch)
                time.sleep(0.01)
        os._exit(0)


def find():
    """All that `plant` could have left."""
    time.sleep(0.1)
    home = Path.home()
    return {
        "files": [str(path) for folder in ("/tmp", "/dev/shm", home / "work") for path in below(folder)],
        "home": sorted(path.name for path in home.iterdir()),
        "startup": [path.name for path in home.glob(".ipython/profile_default/startup/*") if path.name != "README"],
        "wire": [path.name for path in Path("/wire").iterdir() if not path.is_socket()],
        "alone": sorted(int(name) for name in os.listdir("/proc") if name.isdigit()) == [1, os.getpid()],
        "planted": hasattr(builtins, "planted"),
        "modules": [Path(__import__(name).__file__).is_relative_to(home) for name in ("torch", "helpers")],
        "traces": [os.stat("/tmp").st_mode & 0o777, os.listxattr("/tmp"), os.stat("/tmp").st_mtime],
        "objects": [len(Path("/proc/sysvipc", kind).read_text().splitlines()) - 1 for kind in ("shm", "sem", "msg")],
    }


def fork(times, then=lambda: None):
    """Children that wait for their end, and a parent that does so too."""
    for _ in range(times):
        if os.fork() == 0:
            held = then()  # noqa: F841 (held in memory)
            time.sleep(30)
            os._exit(0)
    time.sleep(30)


def fill(folder, files, size, wait=30):
    for number in range(files):
        Path(folder, str(number)).write_bytes(bytes(size))
    time.sleep(wait)


def say(kind, content, times=1):
    """Send messages in the kernel's name."""
    kernel = get_ipython().kernel
    for _ in range(times):
        kernel.session.send(kernel.iopub_socket, kind, content, parent=kernel.get_parent())


def displays(times, size):
    for _ in range(times):
        display(HTML("y" * size))


def nonsense():
    """Every kind of message with contents that are not of it."""
    kinds = "stream display_data execute_result error status update_display_data clear_output comm_open comm_msg unheard_of"
    contents = [[], "text", None, {}, {"name": 3}, {"text": ["x"]}, {"data": [1]}, {"data": {"text/plain": {"a": 1}}}]
    contents += [{"execution_count": "x"}, {"transient": 3}, {"traceback": 7}, {"execution_state": []}]
    for kind, content in itertools.product(kinds.split(), contents):
        say(kind, content)
