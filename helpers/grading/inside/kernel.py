"""A kernel that need not import anything: what is loaded once before the fork, and what the forked child does to become one."""

import contextlib
import gc
import importlib
import io
import json
import os
import pkgutil
import random
import signal
import sys
import traceback
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from helpers.course import machine
from helpers.grading.inside.leftovers import MB
from helpers.grading.inside.namespaces import DUMPABLE, NO_NEW_PRIVILEGES, PARENT_DEATH, prctl

# What a kernel imports by and by, and what answers a judge in it.
KERNEL = ("numpy", "torch", "safetensors.torch", "IPython.core.pylabtools", "ipykernel.kernelapp", "ipykernel.zmqshell")
KERNEL += ("ipykernel.debugger",)  # named in a string, so that each kernel would import it for itself
# What a kernel imports once it runs, and no import above has: 0.05 s of a processor in each.
KERNEL += ("IPython.core.completerlib", "IPython.core.debugger", "IPython.core.oinspect", "IPython.core.logger")
KERNEL += ("IPython.extensions.storemagic", "faulthandler", "numpy.random", "sqlite3", "tornado.platform.asyncio")
KERNEL += ("torch.utils._device", "torch.utils.serialization.config", "helpers.grading.inside.random_numbers")
# What lessons import, and what parts of helpers import by and by. What is not installed is left out. Without scikit-learn and
# captum: two seconds, for cells that few marks depend on.
LESSONS = ("PIL.Image", "torchvision", "timm", "tqdm.auto", "matplotlib.pyplot", "ipywidgets")
# pyplot asks for it when it is imported; the module itself comes later: it takes hold of the kernel that it is imported in.
INLINE = "module://matplotlib_inline.backend_inline"
# Parts of helpers for who runs notebooks, not for what runs in one: they import nbformat and jsonschema, which takes seconds.
NOT_WARM = {"__main__", "grading", "notebooks", "upkeep", "course.opened_page"}


def warm_up(modules: list[str] | None = None, models: Sequence[tuple[str, int | None]] = ()) -> None:
    """Import what kernels need, and these modules; or, for None, what lessons need. Make these models: backbone and seed.

    Starts no thread and touches no GPU: a fork takes over neither.
    """
    os.environ["MPLBACKEND"] = INLINE
    sys.modules.setdefault("debugpy", None)  # no debugger comes to these kernels
    gc.disable()  # imports leave little of it: looking for it took 8 % of their time in one run, 30 % in another
    import torch

    from helpers.models import eager

    eager.spare_optimizers()
    if modules is None or "helpers.models" in modules:
        for name in ("torchvision", "timm"):
            with contextlib.suppress(ImportError):
                eager.imported(name)
    for name in [*KERNEL, "helpers.grading.inside.answer_judge", *([*LESSONS, *_helpers()] if modules is None else modules)]:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    machine.tune_allocator()
    if modules is None:
        _draw_once()
        _read_once(models)
        torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1).step()
    gc.freeze()  # the collector would otherwise touch, and so copy, every page in each kernel
    gc.enable()


def _helpers() -> list[str]:
    """The parts of helpers that lessons use."""
    import helpers

    rooms = [found.name for found in pkgutil.iter_modules(helpers.__path__) if found.name not in NOT_WARM]
    inner = [pkgutil.walk_packages([str(Path(top, room))], f"helpers.{room}.") for top in helpers.__path__ for room in rooms]
    found = [*(f"helpers.{room}" for room in rooms), *(module.name for room in inner for module in room)]
    return [name for name in found if name.removeprefix("helpers.") not in NOT_WARM]


def _draw_once() -> None:
    """Load fonts and what else saving a figure needs, without pyplot, which must still be free to choose how it shows figures."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().set_title("warm")
    FigureCanvasAgg(figure).print_png(io.BytesIO())


def _read_once(models: Sequence[tuple[str, int | None]]) -> None:
    """Read what pip brings for the course's usual settings, and make these models; a notebook on others has its own to do."""
    from helpers.course.errors import CourseError
    from helpers.data.named_sets import load_images
    from helpers.models import backbones, made_ahead

    with contextlib.suppress(CourseError, ImportError):
        load_images("digits")
        backbones.get("efficientnet_lite0").without_values()
        for name, seed in set(models):
            build = partial(backbones.get(name).build, pretrained=seed is None, seed=seed or 0)
            made_ahead.keep(name, seed, [build() for _ in range(models.count((name, seed)))])


def become_kernel(order: dict[str, Any], settings: dict[str, Any], reserved: int) -> None:
    """Turn this forked child into an ordinary Jupyter kernel within its limits. Does not return.

    Args:
        order: ``connection``, Jupyter's description of the kernel's sockets; ``variables`` for its environment; and ``ready``,
            where to say that they are open.
        settings: see `helpers.grading.inside.zygote.Zygote`.
        reserved: bytes of address space that were taken before the fork.
    """
    log = os.dup(2)
    try:
        os.setsid()
        prctl(DUMPABLE, 1)
        prctl(NO_NEW_PRIVILEGES, 1)
        if os.getppid() != 1:
            prctl(PARENT_DEATH, signal.SIGKILL)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        os.close(null)
        os.chdir(settings["work"])
        os.environ.update(order["variables"])
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _limit(settings["limits"], reserved, settings["others"])
        for seed in (random.seed, sys.modules["numpy"].random.seed, sys.modules["torch"].random.default_generator.seed):
            seed()  # as in a Python that has just started; a fork would give all kernels the same numbers
        app = _kernel(order["connection"], settings["wire"])
    except BaseException:
        os.write(log, traceback.format_exc().encode())
        os._exit(1)
    # From here on the notebook's code may run: what is the zygote's is closed.
    os.close(log)
    os.write(order["ready"], b"k")
    os.close(order["ready"])
    try:
        app.start()
    finally:
        os._exit(0)


def _limit(limits: dict[str, int], reserved: int, others: int) -> None:
    """The system's own limits, for each process. What all processes use together is watched by the zygote."""
    import resource

    wanted = {
        # torch alone reserves more than 3 GB that it never touches: what counts is what comes on top of that.
        resource.RLIMIT_AS: reserved + limits["memory_mb"] * MB,
        resource.RLIMIT_NPROC: limits["threads"] + others,
        resource.RLIMIT_FSIZE: limits["disk_mb"] * MB,
        resource.RLIMIT_CPU: limits["cpu_seconds"],
        resource.RLIMIT_NOFILE: limits["open_files"],
        resource.RLIMIT_CORE: 0,
    }
    for kind, value in wanted.items():
        most = resource.getrlimit(kind)[1]
        value = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(kind, (value, value))


def _kernel(connection: dict[str, Any], wire: str) -> Any:
    """An ordinary ipykernel whose sockets are open."""
    from ipykernel.kernelapp import IPKernelApp

    path = Path(wire, "kernel.json")
    path.write_text(json.dumps(connection), encoding="utf-8")
    sys.argv = ["ipykernel_launcher.py", "-f", str(path)]
    app = IPKernelApp.instance()
    app.initialize([*sys.argv[1:], "--HistoryManager.hist_file=:memory:"])
    sys.path.append("")  # modules that were handed in beside the notebook, after all others: they take nobody's place
    app.shell.unobserve_all("exit_now")  # exit() would end the kernel a moment later, in the middle of another cell
    return app
