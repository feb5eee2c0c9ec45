"""What every test stands on: one cache folder a session, one thread a process, and `offline` on request."""

import gc
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest

from helpers import notebooks  # noqa: F401 (first: it spares nbformat a second's work)
from helpers.course import machine, settings
from tests.support.fresh import fresh  # noqa: F401 (a fixture)
from tests.support.image_folders import make_solar_package
from tests.support.one_nursery import one_nursery, own_nurseries  # noqa: F401 (fixtures)
from tests.support.warm_kernels import warm_kernel  # noqa: F401 (a fixture)

# Set before any test imports torch: two processes with two threads each on two cores hold each other up.
os.environ.setdefault("OMP_NUM_THREADS", "1")
machine.tune_allocator()  # as a grader's processes have it: training takes two thirds of the time
gc.disable()  # until all tests are imported: imports leave little garbage, and looking for it takes a part of their time


def pytest_collection_finish() -> None:
    """What was imported stays to the end: looking for garbage in it, again and again, would find none."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def course_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The course's cache folder (FINETUNE_CACHE) of this session: shared by its processes, empty at the start."""
    base = tmp_path_factory.getbasetemp()
    # Under pytest-xdist each worker has a folder of its own inside the session's.
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "course_cache"
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FINETUNE_CACHE", str(folder))
        yield folder


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network in this process: every look-up of a host fails, as it does on a train."""
    fail = Mock(side_effect=OSError("Network is unreachable"))
    monkeypatch.setattr(socket, "getaddrinfo", fail)
    monkeypatch.setattr(socket.socket, "connect", fail)


@pytest.fixture
def course_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: a course folder of its own, with the settings that the repository has."""
    shutil.copy(settings.root() / settings.FILE, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.delenv("FINETUNE_PROFILE", raising=False)
    return tmp_path


@pytest.fixture
def solar_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for the package elpv-dataset comes first in the path of imports, whether or not the real one is installed."""
    monkeypatch.syspath_prepend(make_solar_package(tmp_path / "site"))
