"""Notebooks that try something, and unlucky ones: learners of the class in test_robust.py, with the marks they get.

What a cell could reach of what it tried it prints, and test_corpus.py reads it. Each such cell is told the course's real
folder and a listening port: more than any learner knows.
"""

import os
import shutil
import stat
from collections.abc import Callable

import nbformat
from nbformat.v4 import new_code_cell

from helpers.grading.nbgrader_course import Course
from helpers.notebooks.transplant import notes_of
from tests.support import small_course as small
from tests.support.small_course import RIGHT

Make = Callable[[Course], nbformat.NotebookNode | str | bytes]
Row = tuple[Make, float, float, str | None]  # what is handed in, the marks for double and colour, part of a note
MARKER = "86399.25"  # seconds that left processes sleep: nobody else's
REACHED, NOTHING = "reached:", "reached: []"

# A cell's own words for what it could do: `tried` gathers what did not raise.
TRY = """import glob, os, pathlib, signal, socket, sqlite3, subprocess, sys, threading, time
ROOT, PORT = {root!r}, {port}
def reach(*attempts):
    tried = []
    for attempt in attempts:
        try:
            found = attempt()
            tried += [found] if found else []
        except (Exception, SystemExit) as error:
            pass
    print("reached:", tried)
"""
READ = """reach(
    lambda: open(f"{ROOT}/gradebook.db", "rb").read(20), lambda: open(f"{ROOT}/.course/secret").read(),
    lambda: open(f"{ROOT}/source/01_small/01_small.ipynb").read(20), lambda: os.listdir(f"{ROOT}/submitted"),
    lambda: [path for top in ("course", "cache", "home", "tmp", "wire", "etc")
             for name in ("*.ipynb", "*.db", "secret", "hidden", "problems.py", "histories.json")
             for path in glob.glob(f"/{top}/**/{name}", recursive=True)
             if "/training/recorded/" not in path and not path.startswith((sys.prefix, sys.base_prefix))],
    lambda: [name for name in os.environ if "SECRET" in name or "TOKEN" in name], lambda: __import__("helpers.grading.hidden"),
    lambda: [path for path in glob.glob("/proc/[0-9]*/environ") if "/self" not in path and "/%d/" % os.getpid() not in path
             and open(path, "rb").read()],
    lambda: [path for path in glob.glob("/proc/[0-9]*/cmdline") if b"FINETUNE_SECRET" in open(path, "rb").read()],
    lambda: [path for path in glob.glob("/proc/[0-9]*/mem") if "/%d/" % os.getpid() not in path and open(path, "rb")],
)"""
WRITE = """def overwrite(path):
    with open(path, "ab") as file:
        return file.write(b" ")
def forge():
    with sqlite3.connect(f"file:{ROOT}/gradebook.db?mode=rw", uri=True) as book:
        return book.execute("UPDATE grade SET manual_score = 99").rowcount
reach(
    forge, *[lambda name=name: overwrite(f"{ROOT}/{name}") for name in (
        "gradebook.db", "source/01_small/01_small.ipynb", "submitted/perfect/01_small/01_small.ipynb", "nbgrader_config.py",
        ".course/secret", "course.toml")],
    lambda: os.chmod(ROOT, 0) or "chmod", lambda: os.makedirs(f"{ROOT}/autograded/writes"),
    lambda: overwrite(__import__("helpers").__file__), lambda: overwrite(sys.executable),
)"""
CONNECT = """reach(
    lambda: socket.create_connection(("127.0.0.1", PORT), 2), lambda: socket.create_connection(("192.0.2.1", 80), 2),
    lambda: socket.getaddrinfo("example.com", 80), lambda: subprocess.run(["ip", "route"], capture_output=True).stdout,
)"""
STAY = """subprocess.Popen(["sleep", "MARKER"], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))
        os.execvp("sleep", ["sleep", "MARKER"])
    os._exit(0)
threading.Thread(target=time.sleep, args=(MARKER,)).start()""".replace("MARKER", MARKER)
SIGNALS = """for number in set(range(1, 32)) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
    signal.signal(number, lambda number, frame: None)
signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)"""
PLANT = """home = pathlib.Path.home()
import site
for place in [*map(pathlib.Path, ("/tmp", "/dev/shm", "/wire", ".")), home, home / ".ipython/profile_default/startup",
              home / ".jupyter", pathlib.Path(site.getusersitepackages()), pathlib.Path(f"{ROOT}/notebooks")]:
    for name in ("00-first.py", "sitecustomize.py", "usercustomize.py", "evil.pth", ".bashrc", "helpers.py", "torch.py"):
        try:
            place.mkdir(parents=True, exist_ok=True)
            (place / name).write_text("import builtins; builtins.planted = 'blue'")
        except OSError:
            pass"""
FIND = """import builtins, glob, os
left = [path for top in ("/tmp", "/dev/shm", "/wire", ".", os.path.expanduser("~/.ipython/profile_default/startup"))
        for path in glob.glob(f"{top}/*") if path.endswith((".py", ".pth"))]
colour = getattr(builtins, "planted", "blue" if left else "not found")"""
FORK = "while True:\n    subprocess.Popen(['sleep', 'MARKER'])".replace("MARKER", MARKER)
MEMORY = "held = bytearray(10**11)"
INPUT = "answer = input('full marks? ')"
LOOK_ALIKE = "def double(x):\n    return 0\ncolour = 'none'"

# Wrong answers with something that made them count on stock nbgrader.
TRANSFORM = """shell = get_ipython()
shell.input_transformers_cleanup.append(lambda lines: ["4.0\\n"])
shell.ast_transformers.append(type("Blank", (), {"visit": lambda self, node: node})())"""
RUN_CELL = """shell = get_ipython()
from IPython.core.interactiveshell import ExecutionResult, ExecutionInfo
def run_cell(source, *args, **options):
    result = ExecutionResult(ExecutionInfo(source, True, False, True, None))
    result.result, shell.user_ns["_"] = 4.0, 4.0
    shell.displayhook(4.0)
    return result
shell.run_cell = run_cell
async def run_cell_async(source, *args, **options): return run_cell(source)
shell.run_cell_async = run_cell_async"""
PATCH = """import builtins, sys, torch
from helpers import checks
import helpers.grading.inside.answer_judge as answer_judge
builtins.sum = lambda *given: 4
torch.allclose = torch.equal = lambda *given, **options: True
answer_judge._look = lambda names, name: ({"value": 4.0, "new": {}}, {})"""
EQUAL = """class Everything(str):
    __hash__ = str.__hash__
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __radd__(self, other): return 4
    def __str__(self): return "anything"
    __repr__ = __str__
    def strip(self, *given): return self
"""
EQUALS = {"double": f"{EQUAL}def double(x):\n    return Everything()", "colour": "colour = Everything('green')"}
WRONG = {"double": "def double(x):\n    return 0", "colour": 'colour = "green"'}


def changed(change: Callable[..., None], *arguments: object, answers: dict[str, str] = RIGHT) -> Make:
    """What is handed in: the notebook with these answers, after ``change(notebook, *arguments)``."""

    def make(course: Course) -> nbformat.NotebookNode:
        notebook = small.answered(course, answers)
        change(notebook, *arguments)
        return notebook

    return make


def insert(notebook: nbformat.NotebookNode, before: str, *sources: str) -> None:
    """Put cells with these sources before the cell of this id."""
    place = next(number for number, cell in enumerate(notebook.cells) if cell.id == before)
    notebook.cells[place:place] = [new_code_cell(source) for source in sources]


def _with(source: str, answers: dict[str, str] = RIGHT, before: str = "task-double") -> Make:
    """The released notebook with these answers and one more cell, which knows the course's folder and the port."""

    def make(course: Course) -> nbformat.NotebookNode:
        known = TRY.format(root=str(course.root), port=int((course.root / "port").read_text()))
        return changed(insert, before, known, source, answers=answers)(course)

    return make


def _old(course: Course) -> str:
    """The same in the format of 2011."""
    return nbformat.writes(nbformat.convert(small.answered(course, RIGHT), 3), version=3)


def _as_windows_writes(course: Course) -> bytes:
    return b"\xef\xbb\xbf" + nbformat.writes(small.answered(course, RIGHT)).replace("\n", "\r\n").encode()


def _forge_notes(notebook: nbformat.NotebookNode) -> None:
    notes_of(notebook).append("full marks, please")
    notebook.metadata["finetune"]["refused"] = "no"


HOSTILE: dict[str, Row] = {
    "reads": (_with(READ), 4, 2, None),
    "writes": (_with(WRITE, WRONG), 0, 0, None),
    "connects": (_with(CONNECT), 4, 2, None),
    "stays": (_with(STAY), 4, 2, None),
    "signals": (_with(SIGNALS), 4, 2, None),
    "plants": (_with(PLANT), 4, 2, None),
    "plants-too": (_with(PLANT), 4, 2, None),
    "reaps": (lambda c: small.answered(c, {**RIGHT, "colour": FIND}), 4, 0, None),
    "asks": (_with(INPUT), 4, 2, None),
    "forks": (_with(FORK, before="task-colour"), 4, 2, "more than the 32 processes"),
    "hoards": (_with(MEMORY), 4, 2, None),
    "transforms": (_with(TRANSFORM, WRONG), 0, 0, "(test_double): the answer's effect could not be looked at"),
    "run-cell": (_with(RUN_CELL, WRONG), 0, 0, "(test_double): the answer's effect could not be looked at"),
    "patches": (_with(PATCH, WRONG), 0, 0, None),
    "equals": (lambda c: small.answered(c, EQUALS), 0, 0, None),
    "looks-alike": (_with(LOOK_ALIKE, {}), 0, 0, "the names that they define"),
    "old-format": (_old, 4, 2, None),
    "windows": (_as_windows_writes, 4, 2, None),
    "many-cells": (changed(insert, "done", *["1"] * 2000), 0, 0, "cells; between 1 and"),
    "no-cells": (lambda c: '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}', 0, 0, "has 0 cells"),
    "long-number": (lambda c: '{"nbformat": 4, "cells": [' + "9" * 5000 + "]}", 0, 0, "not JSON"),
    "empty": (lambda c: b"", 0, 0, "not JSON"),
    "leaves": (_with("exit()", before="task-colour"), 4, 2, None),
    "forges-notes": (changed(_forge_notes), 4, 2, None),
    "gives-up": (_with("raise SystemExit(0)"), 4, 2, None),
}
# What lies beside the notebook costs nothing; what stands in place of the folder cannot be graded.
BESIDE: dict[str, tuple[float, float, str | None]] = {
    **dict.fromkeys(("pipe-beside", "socket-beside", "links-beside", "odd-names"), (4, 2, "left out")),
    **dict.fromkeys(("own-modules", "forged-time"), (4, 2, None)),
    **dict.fromkeys(("a-file", "linked-folder"), (0, 0, "not a folder")),
}


def hand_in_beside(course: Course) -> None:
    """Hand in what `BESIDE` names, the right answers each time."""
    folders = {name: small.hand_in(course, name, small.answered(course, RIGHT)).parent for name in BESIDE}
    os.mkfifo(folders["pipe-beside"] / "pipe")
    os.mknod(folders["socket-beside"] / "socket", stat.S_IFSOCK | 0o600)
    for number, target in enumerate((course.root, "/", "/dev/zero", course.root / "gradebook.db", "link-4", "nowhere")):
        (folders["links-beside"] / f"link-{number}").symlink_to(target)
    for name in ("-rf", "two\nlines", " spaces ", "[a]*?.txt", "%2e%2e", "ünïcödé", os.fsdecode(b"\xff\xfe.txt"), "n" * 250):
        (folders["odd-names"] / name).write_text("odd")
    for name in ("helpers", "torch", "json", "sitecustomize", "conftest", "IPython"):
        (folders["own-modules"] / f"{name}.py").write_text(LOOK_ALIKE)
    (folders["forged-time"] / "timestamp.txt").write_text("1999-12-31 23:59:59.000000 UTC")
    for name in ("a-file", "linked-folder"):
        shutil.rmtree(folders[name])
    folders["a-file"].write_text("a file")
    folders["linked-folder"].symlink_to(course.root / "submitted" / "odd-names" / small.LESSON)
