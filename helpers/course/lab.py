"""JupyterLab on the start page: one process that serves this computer's user and nobody else."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from helpers.course import live_view, machine, progress, settings, start_page, variants
from helpers.course.errors import CourseError

HOST = "127.0.0.1"  # never another: a notebook server runs any code it is sent
FIRST_PORT = 8888
PAGE = f"/lab/tree/{start_page.PAGE}"  # shown as a preview: lab_config makes that the default for Markdown
START_SECONDS = 90
LOG = "lab.log"
SERVER = "import helpers; from jupyterlab.labapp import main; main()"  # helpers first, for what it spares jsonschema
# What is switched on and off, for any server whose environment has its path: opened notebooks count as unchanged, saved ones keep
# plain HTML, a click in the quiz writes into the answer cell, an extension of the course's own.
LAB_CONFIG = Path(__file__).resolve().parent / "lab_config"


def run(*, open_browser: bool = True, port: int | None = None) -> int:
    """Open the course in JupyterLab and stay until Ctrl-C; returns the exit status.

    Side effects: writes ``START.md``, and the server's messages to ``.course/lab.log``.

    Raises:
        CourseError: JupyterLab is not installed, or did not start.
    """
    root = settings.root()
    _add_programs_to_path()
    variants.keep_name(root / settings.FILE)
    port, token = port or free_port(), secrets.token_urlsafe(24)
    address = f"http://{HOST}:{port}{PAGE}?token={token}"
    _stop_on_signals()

    def look_around() -> None:
        print("The machine", *machine.report(), sep="\n", flush=True)
        start_page.write(progress.load(), root)

    with serving(root, port, token, look_around) as server:
        opened = open_browser and open_in_browser(address)
        print(f"\n{'The course is open in your browser' if opened else 'Open this address in a browser'}:\n\n  {address}\n")
        print("Leave this window open while you work. Ctrl-C ends it.", flush=True)
        try:
            server.wait()
        except KeyboardInterrupt:
            print("\nClosing JupyterLab.")
            return 0
    raise CourseError(f"JupyterLab ended by itself: its last words are in {root / '.course' / LOG}.")


@contextlib.contextmanager
def serving(root: Path, port: int, token: str, meanwhile: Callable[[], None] = lambda: None):
    """A JupyterLab server in `root` that answers on `port` for the length of the block; yields its process.

    Args:
        root, port, token: of the course, and of the server.
        meanwhile: what there is to do until it answers, which takes it a second or more.

    Raises:
        CourseError: it ended, or did not answer in time.
    """
    log = root / ".course" / LOG
    log.parent.mkdir(exist_ok=True)
    with log.open("w", encoding="utf-8") as stream:
        server = subprocess.Popen(
            command(root, port), cwd=root, env=environment(root, token), stdin=subprocess.DEVNULL, stdout=stream, stderr=stream
        )
        try:
            meanwhile()
            _wait_until_it_answers(server, port, log)
            yield server
        finally:
            _end(server)


def command(root: Path, port: int) -> list[str]:
    """The command line that starts the server."""
    options = {
        "ServerApp.ip": HOST,
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,  # the address has been worked out already
        "ServerApp.root_dir": root,
        "ServerApp.open_browser": False,
    }
    line = [sys.executable, "-c", SERVER, *(f"--{name}={value}" for name, value in options.items())]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        line.append("--allow-root")  # containers; Jupyter refuses root otherwise
    return line


def environment(root: Path, token: str) -> dict[str, str]:
    """The server's environment: this course's settings before the user's own, the token out of the process list."""
    known = dict(os.environ)
    is_instructors = (root / "nbgrader_config.py").is_file()  # else nothing of formgrader is shown
    own = [str(LAB_CONFIG), *([] if is_instructors else [str(LAB_CONFIG / "learners")])]
    for name in ("JUPYTER_CONFIG_PATH", "JUPYTER_PATH"):
        known[name] = os.pathsep.join([*own, *filter(None, [known.get(name)])])
    known["JUPYTER_TOKEN"] = token
    if find_spec("anywidget"):  # in an environment that is older than the course there are no views
        known[live_view.SERVER] = "1"
    # The kernel named python3 is this environment's, also where the user has another one of that name.
    known["JUPYTER_PREFER_ENV_PATH"] = "1"
    # Tabs of other projects would open here and complain that their files are missing.
    known["JUPYTERLAB_WORKSPACES_DIR"] = str(root / ".jupyter" / "workspaces")
    return machine.FOR_KERNELS | known


def free_port(first: int = FIRST_PORT) -> int:
    """A port nobody listens on: `first` or the next free one after it.

    Raises:
        CourseError: fifty ports in a row are taken.
    """
    for port in range(first, first + 50):
        with socket.socket() as probe:
            if os.name != "nt":  # on Windows this option would let two servers share a port
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((HOST, port))
                return port
    raise CourseError(f"The ports {first} to {first + 49} are all in use: close other notebook servers.")


def open_in_browser(address: str) -> bool:
    """Whether a browser with a window was asked to open `address`; text browsers and bare consoles count as none."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    with contextlib.suppress(webbrowser.Error):
        return webbrowser.open(address)
    return False


def _add_programs_to_path() -> None:
    """Put this environment's programs first on the PATH, for the server's nbgrader and for terminals in JupyterLab."""
    scripts, path = sysconfig.get_path("scripts"), os.environ.get("PATH", "")
    if scripts not in path.split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([scripts, path])


def _stop_on_signals() -> None:
    """Make a closed terminal and a polite kill end the server as Ctrl-C does."""
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)


def _wait_until_it_answers(server: subprocess.Popen, port: int, log: Path) -> None:
    """Return once the server answers; a CourseError if it ended, or START_SECONDS have passed."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(f"http://{HOST}:{port}/api", timeout=5).close()
            return
        except urllib.error.HTTPError:
            return  # an answer, if an unkind one
        except OSError:
            time.sleep(0.1)
    raise CourseError(f"JupyterLab did not start: read {log}, then try `make lab` again.")


def _end(server: subprocess.Popen) -> None:
    """End the server and its kernels; by force if it does not listen."""
    if server.poll() is None:
        server.terminate()
    try:
        server.wait(timeout=15)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
