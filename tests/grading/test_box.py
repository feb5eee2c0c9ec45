"""Learners' notebooks in a box: what they can see, reach, use and leave behind, tried from inside by real kernels."""

import ast
import contextlib
import os
import platform
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import nbformat
import psutil
import pytest
import torch
import zmq
from nbformat.v4 import new_code_cell, new_notebook

from helpers.checks.quiz import questions
from helpers.course import settings
from helpers.course.errors import CourseError
from helpers.grading.handout import release
from helpers.grading.inside.leftovers import empty, taken
from helpers.grading.nbgrader_course import Course
from helpers.grading.sandbox import forked_kernels, isolation, seccomp
from helpers.grading.sandbox.box import Box
from helpers.grading.sandbox.kernel_client import MOST_BYTES, box_kernel
from helpers.grading.sandbox.kernel_messages import reduced
from helpers.grading.sandbox.kernel_source import BoxLimits
from helpers.notebooks import cell_outputs, masters
from helpers.notebooks.run_cells import NotebookRun, RunLimits
from helpers.notebooks.verdicts import KERNEL_ENDED, NOT_RUN, OVER_TIME
from helpers.training import cache

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap and fork are Linux's")
REPOSITORY = Path(__file__).resolve().parents[2]
INSIDE = (REPOSITORY / "tests/support/inside_a_box.py").read_text(encoding="utf-8")
TIGHT = BoxLimits(memory_mb=1200, processes=16, threads=120, disk_mb=30, files=1500)  # so that what goes over them is small
OUTPUT = 100_000
SECRET = "the-instructor's-own"
NOTEBOOKS = (f"{folder}/01_small/01_small.ipynb" for folder in ("source", "solutions", "submitted/ann"))
HIDDEN = ("gradebook.db", ".course/secret", *NOTEBOOKS)


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Path:
    """A course's folder with what no learner may see."""
    root = tmp_path_factory.mktemp("course")
    for name in ("course.toml", "nbgrader_config.py"):
        shutil.copy(REPOSITORY / name, root)
    for name in HIDDEN:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(SECRET)
    return root


@pytest.fixture
def plain_course(course, tmp_path) -> Path:
    """The same with a lesson of plain Python only, for which a box starts in a third of the time."""
    shutil.copytree(course, tmp_path, dirs_exist_ok=True)
    released = tmp_path / "notebooks" / "01_small"
    released.mkdir(parents=True)
    (released / "01_small.ipynb").write_text("{}")
    return tmp_path


def need_sandbox() -> None:
    if isolation.isolation().layer != "bubblewrap" and not os.environ.get("CI"):
        pytest.skip(f"there is no sandbox here: {isolation.isolation().missing}")
    assert isolation.isolation().layer == "bubblewrap", f"CI must have bubblewrap: {isolation.isolation().missing}"


@pytest.fixture(scope="module")
def box(course, course_cache) -> Iterator[Box]:
    """One sealed box for all tests. When they are done: does anything survive its end?"""
    need_sandbox()
    cache.write(course_cache, "kept", {"x": torch.arange(3)}, 10)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FINETUNE_SECRET", SECRET)
        with Box(course, isolation.isolation(require=True), limits=TIGHT) as made:
            yield made
            seen = []
            run(made, "plant()", then=lambda: seen.extend(made.processes()))
            assert len(running(seen)) == 2, "who waits for the zygote and the zygote go on, and nothing else"
            run(made, "plant()", then=lambda: (seen.extend(made.processes()), made.close()))
    assert len(seen) > 8
    assert not running(seen) and made.processes() == []
    assert not made.folder.exists()


@pytest.fixture
def surrounded(plain_course, monkeypatch, own_nurseries) -> Iterator[tuple[Path, Path]]:
    """A course's folder in /tmp with this process's Python in it, and a folder of more packages in /dev/shm."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as top, tempfile.TemporaryDirectory(dir="/tmp") as folder:
        root, packages = Path(folder, "course"), Path(top, "more", "site-packages")
        shutil.copytree(plain_course, root)
        packages.mkdir(parents=True)
        (packages / "added.py").touch()
        prefix = root / ".venv"
        venv.create(prefix, symlinks=True)
        site = sysconfig.get_path("purelib", vars={"base": str(prefix)})
        monkeypatch.setattr(sys, "path", [*sys.path, site, str(packages)])
        Path(site, "course.pth").write_text("\n".join(path for path in sys.path if path.endswith("-packages")))
        for name, path in (("prefix", prefix), ("exec_prefix", prefix), ("executable", prefix / "bin" / "python")):
            monkeypatch.setattr(sys, name, str(path))
        monkeypatch.setattr(isolation, "PACKAGE", root / "helpers")
        monkeypatch.setenv("FINETUNE_SECRET", SECRET)
        yield root, packages


def run(
    box: Box, *sources: str, cell_seconds: int = 20, stop_seconds: int = 5, files: Path | None = None, then=lambda: None
) -> list[nbformat.NotebookNode]:
    """The cells after a run, without the first one, which makes the functions of inside_a_box.py known.

    `then` is called before the kernel is ended.
    """
    notebook = new_notebook(cells=[new_code_cell(source) for source in (INSIDE, *sources)])
    with box_kernel(box, files) as kernel:
        NotebookRun(notebook, kernel, RunLimits(cell_seconds, 90, OUTPUT, stop_seconds)).run()
        then()
    assert notebook.cells[0].outputs == []
    assert notebook.metadata == {}
    return notebook.cells[1:]


def shown(cell: nbformat.NotebookNode) -> str:
    """All that a cell said, as one text."""
    plain_text = [output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    return "\n".join([*plain_text, *(output.get("text") or output.get("evalue") or "" for output in cell.outputs)])


def value(cell: nbformat.NotebookNode):
    results = [output.data["text/plain"] for output in cell.outputs if output.output_type == "execute_result"]
    assert len(results) == 1, cell.outputs
    return ast.literal_eval(results[0])


def names(cell: nbformat.NotebookNode) -> list[str]:
    return [output.ename for output in cell.outputs if output.output_type == "error"]


def running(processes: list[psutil.Process]) -> set[psutil.Process]:
    return {process for process in processes if process.is_running() and process.status() != psutil.STATUS_ZOMBIE}


def test_there_is_no_network(box):
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as abstract:
        name = f"box-{os.getpid()}"
        abstract.bind(f"\0{name}")
        abstract.listen()
        found = value(run(box, f"network({server.getsockname()[1]}, {name!r})")[0])
    assert found["local port"] in ("ConnectionRefusedError", "OSError")
    assert (found["outside"], found["names"], found["abstract socket"]) == ("OSError", "gaierror", "ConnectionRefusedError")
    assert found["interfaces"] == ["lo"]


def test_nothing_of_the_course_or_the_instructor_is_seen_but_what_lessons_need(box, course):
    paths = [course, REPOSITORY / "source", REPOSITORY / "tests", REPOSITORY / ".git"]
    names_of_secrets = [*(Path(name).name for name in HIDDEN), "hidden.py", "judge.py", "nbgrader_config.py", "submitted"]
    seen, secrets, modules, top, variables, begun, packages, files, where = run(
        box,
        f"[attempt(os.listdir, path) for path in {[str(path) for path in paths]}]",
        f"named(*{names_of_secrets})",
        "[attempt(__import__, f'helpers.grading.{name}') for name in ('hidden', 'judge', 'worker')]",
        "os.listdir('/')",
        "sorted(os.environ)",
        "Path('/proc/self/environ').read_bytes().strip(bytes(1))",
        "[__import__(name).__file__ for name in ('helpers', 'torch')]",
        "open_files()",
        "from helpers.course import settings\nstr(settings.load().cache_folder), settings.load().profile, str(settings.root())",
    )
    assert value(seen) == ["FileNotFoundError"] * 4
    assert value(secrets) == [] and value(files) == []
    assert value(modules) == ["ModuleNotFoundError"] * 3
    python = {Path(prefix).parts[1] for prefix in (sys.prefix, sys.base_prefix, Path(sys.base_prefix).resolve())}
    assert not {"root", "mnt", "media", "srv", "var", "run", "boot", "opt"} - python & set(value(top))
    assert not {name for name in value(variables) if "SECRET" in name or name.startswith(("PYTEST", "SSH", "USER"))}
    assert len(value(variables)) < 30 and value(begun) == b""
    assert value(packages)[0] == str(isolation.PACKAGE / "__init__.py") and value(packages)[1] == torch.__file__
    assert value(where) == ("/cache", settings.load().profile, "/")


def test_the_course_looks_inside_as_a_class_is_handed_it(box, course, monkeypatch):
    """What is in nobody's handout is nobody's business in a box: the quiz's key, hidden problems, recorded answers, the judge."""
    monkeypatch.setattr(masters, "lessons", lambda _: [])  # what a self-check compares with: of no use in a box
    handed_out = release.contents(Course.here(course), "01_small")
    wanted = {name: sha256(content).hexdigest() for name, content in handed_out.items() if name.startswith("helpers/")}
    files = [path for path in (REPOSITORY / "helpers/grading/inside").rglob("*.py")]
    own = {path.relative_to(REPOSITORY).as_posix(): path for path in [REPOSITORY / "helpers/grading/__init__.py", *files]}
    wanted |= {name: sha256(path.read_bytes()).hexdigest() for name, path in own.items()}
    wanted["course.toml"] = sha256((course / "course.toml").read_bytes()).hexdigest()
    seen, key = run(box, f"digests({str(isolation.PACKAGE)!r}) | digests('/course.toml')", "key_of_the_quiz()")
    assert value(seen) == wanted
    assert value(key) == [] and all(question.has_key for question in questions.load().values())


def test_nothing_can_be_written_but_its_own_places(box):
    paths = ["/etc/passwd", str(isolation.PACKAGE / "parameters.py"), "/course.toml", "/cache/kept.safetensors", "/usr/bin/env"]
    paths += ["/proc/sys/kernel/core_pattern", "/proc/sys/vm/swappiness", "/proc/sysrq-trigger", "/proc/1/oom_score_adj"]
    paths += [sys.executable, torch.__file__]
    opened = f"[attempt(os.open, path, os.O_WRONLY) for path in {paths}]"
    cached = "import torch\nfrom helpers.training import cache\nfolder = Path('/cache')\n"
    cached += "cache.read(folder, 'kept')['x'].tolist(), cache.write(folder, 'new', {'x': torch.ones(1)}, 10)"
    files, mounts, places, kept = run(box, opened, "writable_mounts()", "writable_folders()", cached)
    assert set(value(files)) <= {"OSError", "PermissionError", "FileNotFoundError"}
    assert value(mounts) == ["/home/learner", "/tmp", "/wire"]
    assert set(value(places)) <= {"/tmp", "/dev/shm", "/wire", "/dev/pts"}
    assert value(kept) == ([0, 1, 2], False), "the cache can be read, and says no to being written"


def test_a_cache_to_which_nothing_was_written_so_far_is_shown_for_later_lessons(plain_course, tmp_path, monkeypatch):
    kept, folder = tmp_path / "not" / "there", tmp_path / "box"
    monkeypatch.setenv("FINETUNE_CACHE", str(kept))
    folder.mkdir()
    options = forked_kernels.ForkedKernels(folder, plain_course, TIGHT, sealed=True)._view()
    assert " ".join(["--ro-bind", str(kept), isolation.CACHE]) in " ".join(options) and kept.is_dir()


def test_the_zygote_is_out_of_reach(box):
    before = box.processes()
    found = value(run(box, "zygote()")[0])
    assert found["processes"] is True
    assert found["memory"] == ["PermissionError"] * 4 and found["links"] == ["PermissionError"] * 3
    assert set(found["files"]) <= {"PermissionError", "FileNotFoundError"}
    assert found["limits"] == found["priority"] == "PermissionError"
    assert set(found["signals"]) == {None}, "sent, and of no effect"
    assert value(run(box, "1 + 1")[0]) == 2
    assert (box.processes(), box.renewed) == (before, 0)


def test_there_are_no_privileges_and_no_way_to_some(box):
    column = seccomp.MACHINES[platform.machine()][0]
    numbers = [numbers[column] for numbers in seccomp.REFUSED.values()]
    calls, namespace, found = run(
        box,
        f"[system_call(number, 0, 0, 0, 0, 0) for number in {numbers}]",
        f"system_call({seccomp.REFUSED['unshare'][column]}, 0x10000000)",  # CLONE_NEWUSER
        "privileges()",
    )
    assert value(calls) == ["EPERM"] * len(numbers) and value(namespace) == "EPERM"
    nothing = "0000000000000000"
    assert value(found) == {"CapBnd:": nothing, "CapPrm:": nothing, "NoNewPrivs:": "1", "Seccomp:": "2"}


def find_nothing(box: Box) -> None:
    """After a learner who leaves all kinds of things the next one finds a box as good as new."""
    assert value(run(box, "plant()")[0]) == "planted"
    nothing = {"files": [], "home": [".ipython", "work"], "startup": [], "wire": ["kernel.json"], "alone": True, "planted": False}
    nothing |= {"modules": [False, False], "traces": [0o700, [], 0.0], "objects": [0, 0, 0]}
    assert value(run(box, "find()")[0]) == nothing
    assert box.renewed == 0


def test_the_next_learner_finds_nothing_of_the_last(box):
    find_nothing(box)


def test_random_numbers_differ_from_kernel_to_kernel_as_in_fresh_ones(box):
    source = "import random, numpy, torch\nrandom.random(), float(numpy.random.rand()), torch.rand(1).item()"
    first, second = (value(run(box, source)[0]) for _ in range(2))
    assert all(one != other for one, other in zip(first, second, strict=True))


WRITTEN = "more than the 30 MB and 1500 files allowed"  # how much hangs on when the watch looks
TASKS = "more than the 16 processes and 120 threads allowed, so its kernel was ended"
BOMBS = {  # cell that ends its kernel -> words about it
    "fork(6, lambda: b'x' * 180_000_000)": "MB of memory, more than the 1200 MB allowed, so its kernel was ended",
    "fork(300)": TASKS,
    "fill('/wire', 2, 20_000_000)": WRITTEN,
    "fill('/tmp', 2000, 0)": WRITTEN,
    "os._exit(0)": "ended the kernel",
    "ctypes.string_at(0)": "ended the kernel",
    "os.kill(os.getpid(), 9)": "ended the kernel",
}
REFUSED = {  # cell that is refused what it wants, and whose kernel goes on -> (the error, words about it)
    "x = bytearray(6 * 10**9)": ("MemoryError", ""),
    "fill('.', 1, 31_000_000)": ("OSError", ""),
    "fill('/tmp', 2, 20_000_000)": ("OSError", "No space left"),
    "os.kill(-1, 9)": ("ProcessLookupError", ""),  # there is nobody else
    "input()": ("StdinNotImplementedError", ""),
    "[threading.Thread(target=time.sleep, args=(15,)).start() for _ in range(300)]": ("RuntimeError", "can't start new thread"),
}


@pytest.mark.parametrize("source", BOMBS)
def test_what_ends_its_kernel_is_said_and_the_next_is_served(box, source):
    first, bomb, last = run(box, "'first'", source, "'last'", cell_seconds=12)
    assert value(first) == "first"  # so it is served after the one before it
    assert (names(bomb), names(last)) == ([KERNEL_ENDED], [NOT_RUN])
    assert BOMBS[source] in shown(bomb) and BOMBS[source] in shown(last)
    assert box.renewed == 0


def test_what_is_refused_is_an_error_and_the_kernel_goes_on(box):
    *cells, last = run(box, *REFUSED, "'last'")
    assert [names(cell) for cell in cells] == [[error] for error, _ in REFUSED.values()]
    assert [words in shown(cell) for cell, (_, words) in zip(cells, REFUSED.values(), strict=True)] == [True] * len(cells)
    assert value(last) == "last"


def test_endless_cells_end_in_time(box):
    began = time.monotonic()
    loop, after = run(box, "while True: pass", "'after'", cell_seconds=1)
    assert OVER_TIME in names(loop) and value(after) == "after"
    deaf = "signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True:\n    time.sleep(0.1)"
    ignoring, after = run(box, deaf, "'after'", cell_seconds=1, stop_seconds=1)
    assert KERNEL_ENDED in names(ignoring) and names(after) == [NOT_RUN]
    assert "went on running" in shown(after)
    assert time.monotonic() - began < 60


RESULT = {"data": {"text/plain": "4.0"}, "metadata": {}, "execution_count": 1}
FLOODS = (
    "print('x' * 3_000_000)",
    "displays(40, 50_000)",
    "displays(150, 0)",
    "handle = display(display_id=True)\nfor _ in range(30):\n    handle.update(HTML('z' * 90_000))",
    "import ipywidgets\n[ipywidgets.HTML('w' * 100_000) for _ in range(20)] and None",
    f"say('execute_result', {RESULT}, 150)",
    "nonsense()",
)


def test_outputs_stay_within_their_bytes_and_within_the_format(box, monkeypatch):
    monkeypatch.setattr(cell_outputs, "MOST_OUTPUTS", 100)
    cells = run(box, *FLOODS, "1 + 1")
    nbformat.validate(new_notebook(cells=cells))
    sizes = [len(nbformat.writes(new_notebook(cells=[cell]))) for cell in cells]
    assert max(sizes) < 4 * OUTPUT, sizes
    assert max(len(cell.outputs) for cell in cells) <= 100 + cell_outputs.SPARED
    assert "was cut" in shown(cells[0])
    assert value(cells[-1]) == 2


def test_a_message_has_a_limit(box):
    with box_kernel(box) as kernel:
        channels = kernel.client.shell_channel, kernel.client.iopub_channel
        assert [channel.socket.getsockopt(zmq.MAXMSGSIZE) for channel in channels] == [MOST_BYTES] * 2


def test_what_is_no_message_at_all_is_the_cells_trouble_and_not_the_graders(box):
    not_a_message = "get_ipython().kernel.iopub_socket.send_multipart([b'<IDS|MSG>', b'0' * 64, *[b'{'] * 4])"
    odd, after = run(box, not_a_message, "1", cell_seconds=1)
    assert (names(odd), names(after)) == ([KERNEL_ENDED], [NOT_RUN])
    assert "sent what no kernel sends" in shown(after)
    assert value(run(box, "1 + 1")[0]) == 2


TYPES = [str(number) for number in range(99)]
SHOWN = {"data": {"t": "4"}, "metadata": {}, "transient": {}}
MANY = {"data": {"n" * 300: "4"} | dict.fromkeys(TYPES, ""), "metadata": {"1": {"alt": "a" * 9999}}}
FEWER = {"data": {"n" * 200: "4"} | dict.fromkeys(TYPES[:49], ""), "metadata": {"1": {"alt": "a" * 5000}}}
CURVE = {"data": {"image/png": "x"}, "metadata": {"image/png": {"alt": "a curve", "width": 9}}}
ODD_CURVE = CURVE | {"metadata": {"image/png": {"alt": "a curve", "width": 9, "height": -1, "on": "x"}}}
REDUCED = [  # kind, content -> what is kept of it
    ("stream", {"name": "stderr", "text": "a\ud800b"}, {"name": "stderr", "text": "a?b"}),
    ("stream", {"text": 7}, {"name": "stdout", "text": ""}),
    ("error", {"ename": "E", "evalue": 1, "traceback": ["x", 3]}, {"ename": "E", "evalue": "", "traceback": ["x", ""]}),
    ("display_data", {"data": {"t": "4", "x/json": {}}}, SHOWN),
    ("display_data", ODD_CURVE, CURVE | {"transient": {}}),
    ("execute_result", {"data": {"t": "4"}, "metadata": {"t": 1, "image/png": {"alt": "x"}}}, SHOWN | {"execution_count": None}),
    ("display_data", MANY, FEWER | {"transient": {}}),
    ("clear_output", {"wait": "yes"}, {"wait": False}),
    ("comm_open", {}, None),
    ("stream", [], None),
]


@pytest.mark.parametrize(("kind", "content", "kept"), REDUCED)
def test_messages_are_reduced_to_plain_fields(kind, content, kept):
    assert reduced(kind, content) == kept


LESSON = (
    "[name for name in ('nbformat', 'jsonschema') if name in sys.modules]",  # take seconds, and no lesson needs them
    "import torch\nfrom torch import nn\nfrom helpers import data, inspection, models, parameters, plots, training",
    "model = models.course_backbone().build(10)\nsum(p.numel() for p in model.parameters())",
    """head, losses = nn.Linear(8, 3), []
optimizer = torch.optim.SGD(head.parameters(), lr=0.1)
for _ in range(5):
    loss = nn.functional.cross_entropy(head(torch.ones(4, 8)), torch.zeros(4, dtype=torch.long))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
losses[-1] < losses[0]""",
    "from helpers.checks import freeze_base as checks\nchecks.trainable_summary(lambda model: {'tensors': 0, 'scalars': 0})",
    "import matplotlib.pyplot as plt\nplt.plot(losses);",
    """import multiprocessing
with multiprocessing.get_context('fork').Pool(2) as pool:
    squares = pool.map(abs, [-1, -2])
squares""",
    """loader = torch.utils.data.DataLoader(torch.ones(4, 2), batch_size=2, num_workers=2)
[batch.sum().item() for batch in loader]""",
    "!echo from the shell",
)


def test_lesson_code_runs_as_in_an_ordinary_kernel(box):
    cells = run(box, *LESSON)
    assert [name for cell in cells for name in names(cell)] == []
    loaded, _, count, learns, check, plot, squares, sums, shell = cells
    assert value(loaded) == [] and value(count) > 3_000_000 and value(learns) is True
    assert "trainable_summary" in str(check.outputs) and "expected" in str(check.outputs)
    assert any("image/png" in output.get("data", {}) for output in plot.outputs)
    assert (value(squares), value(sums)) == ([1, 2], [4.0, 4.0])
    assert "from the shell" in shown(shell)


def test_files_lie_beside_the_notebook(box, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "photo.txt").write_text("a photo")
    source = "Path.cwd().name, os.listdir(), Path('sub/photo.txt').read_text()"
    assert value(run(box, source, files=tmp_path)[0]) == ("work", ["sub"], "a photo")
    assert list(box.wire.iterdir()) == []


def test_only_lessons_that_import_much_have_it_imported_beforehand(course, plain_course):
    path = plain_course / "notebooks" / "01_small" / "01_small.ipynb"
    assert (forked_kernels._import_much(course), forked_kernels._import_much(plain_course)) == (True, False)
    path.write_text('"from helpers.checks import quiz"')
    assert forked_kernels._import_much(plain_course) is True


def test_notebooks_have_a_tmp_of_their_own_wherever_this_python_lies_also_when_a_box_is_made_anew(surrounded):
    need_sandbox()
    root, packages = surrounded
    covers = [root.parent, root, root / ".venv", root / ".venv" / "lib", packages.parents[1], packages.parent, packages]
    with Box(root, isolation.isolation(), limits=TIGHT) as box:
        find_nothing(box)
        variables, places, seen, secret, changed, *full = run(
            box,
            "sorted(os.environ), Path('/proc/self/environ').read_bytes().strip(bytes(1))",
            "os.environ['TMPDIR'], writable_mounts(), writable_folders()",
            f"named(*{[Path(name).name for name in HIDDEN]}), os.listdir({str(root)!r})",
            f"attempt(open, {str(root / HIDDEN[0])!r})",
            f"[change(folder) for folder in {[str(path) for path in covers]}]",
            "fill('/tmp', 2, 20_000_000)",
            "fill('/dev/shm', 2, 20_000_000)",
        )
        assert "SECRET" not in str(value(variables)[0]) and value(variables)[1] == b"", "neither where all is forked from"
        tmp, mounts, folders = value(places)
        assert (tmp, mounts) == ("/tmp", ["/home/learner", "/tmp", "/wire"])
        assert set(folders) <= {"/tmp", "/dev/shm", "/wire", "/dev/pts"}
        assert value(seen) == ([], [".venv"]) and value(secret) == "FileNotFoundError"
        assert value(changed) == [["OSError"] * 3] * len(covers)
        assert [(names(cell), "No space left" in shown(cell)) for cell in full] == [(["OSError"], True)] * 2
        assert box.renewed == 0
        for process in box.processes():
            process.kill()
        python = value(run(box, "import added\nsys.executable, added.__file__")[0])
        assert python == (str(root / ".venv/bin/python"), str(packages / "added.py"))
        assert box.renewed == 1


def test_folders_of_killed_graders_are_deleted_and_no_others(course, monkeypatch):
    with tempfile.TemporaryDirectory() as top:  # shorter than `tmp_path`, which no box would lie in
        monkeypatch.setattr(tempfile, "tempdir", top)
        gone, young, mine = (Path(top, f"box-{name}") for name in ("999999999-gone", "999999999-young", f"{os.getpid()}-mine"))
        for folder in (gone, young, mine):
            folder.mkdir()
        for folder in (gone, mine):
            os.utime(folder, (0, 0))
        Box(course, isolation.isolation()).close()
        assert (gone.exists(), young.exists(), mine.exists()) == (False, True, True)


@pytest.mark.parametrize("forks", [True, False])
def test_without_a_sandbox_limits_hold_and_processes_end(plain_course, forks):
    seen = []
    with Box(plain_course, isolation.Isolation("none", forks, "It runs apart."), limits=TIGHT) as made:
        daemon = "process = subprocess.Popen(['sleep', '600'], start_new_session=True)"
        look = "Path('left').touch(), os.environ.get('FINETUNE_SECRET')"
        cells = run(made, daemon, look, "time.sleep(1.2)", then=lambda: seen.extend(made.processes()))
        assert value(cells[1]) == (None, None)
        files, bomb = run(made, "os.listdir(), sorted(os.listdir('..'))", "fork(40)")
        assert value(files) == ([], [".ipython", "work"])
        assert TASKS in shown(bomb)
    assert len(seen) > 1 and not running(seen)


NO_SANDBOX = [  # what `bwrap` does where there is one -> words about it
    (None, "apt-get install bubblewrap"),
    ("echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1", "issues/632"),
    ("echo 'bwrap: Unknown option --disable-userns' >&2; exit 1", "older than 0.8"),
]


@pytest.mark.parametrize(("script", "words"), NO_SANDBOX)
def test_where_there_is_no_sandbox_it_says_so_with_the_remedy_and_can_refuse(monkeypatch, tmp_path, script, words):
    if script:
        (tmp_path / "bwrap").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(isolation, "_obstacle", isolation._obstacle.__wrapped__)  # looks again each time
    found = isolation.isolation()
    assert (found.layer, found.forks) == ("none", True)
    assert words in found.missing and "hidden tests" in str(found)
    with pytest.raises(CourseError, match="no sandbox"):
        isolation.isolation(require=True)


def test_a_course_or_a_box_that_lies_within_the_system_or_the_python_installation_is_masked(tmp_path, monkeypatch):
    need_sandbox()
    installed = tmp_path / "site-packages"
    for name in ("helpers/quiz", "course/helpers", "course/source", "tmp/box", "other/data"):
        (installed / name).mkdir(parents=True)
    shutil.copy(REPOSITORY / "course.toml", installed / "course")
    monkeypatch.setattr(sys, "path", [*sys.path, str(installed)])
    monkeypatch.setattr(isolation, "PACKAGE", installed / "course" / "helpers")
    monkeypatch.setattr(tempfile, "tempdir", str(installed / "tmp"))
    folders = ["/usr/share/doc", installed / "helpers", installed / "course", installed / "tmp", installed / "other"]
    view = [*isolation.ALONE, *isolation.view(hidden=[Path(folders[0])])]
    look = f"import os; print([os.listdir(folder) for folder in {[str(folder) for folder in folders]}])"
    told = subprocess.run(["bwrap", *view, sys.executable, "-I", "-c", look], capture_output=True, text=True, check=True)
    assert os.listdir(folders[0])
    assert ast.literal_eval(told.stdout) == [[], [], [], [], ["data"]]


def test_an_unknown_processor_has_no_filter_and_that_is_said(monkeypatch):
    assert len(seccomp.program("x86_64")) == len(seccomp.program("aarch64")) > 0
    assert seccomp.program("sparc64") == b""
    if isolation.isolation().layer == "bubblewrap":
        assert isolation.isolation().missing == ""
        monkeypatch.setattr(platform, "machine", lambda: "sparc64")
        assert "not filtered" in isolation.isolation().missing


def test_emptying_leaves_nothing_however_deep_or_odd(tmp_path):
    with contextlib.chdir(tmp_path):
        for _ in range(300):
            os.mkdir("a" * 20)
            os.chdir("a" * 20)
    (tmp_path / "link").symlink_to("/")
    (tmp_path / "locked").mkdir()
    (tmp_path / "locked" / "file").touch()
    (tmp_path / "locked").chmod(0)
    assert taken(str(tmp_path), 10)[1] > 10
    empty(str(tmp_path))
    assert list(tmp_path.iterdir()) == []
    assert Path("/usr").is_dir()
