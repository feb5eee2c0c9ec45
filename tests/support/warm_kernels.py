"""Kernels for notebooks that a test runs: forked from one process that has torch imported, a second each in place of eight.

A learner's own kernel starts anew; `tests/notebooks/test_self_check.py` runs notebooks in those.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from helpers.grading.sandbox.box import Box
from helpers.grading.sandbox.isolation import Isolation
from helpers.grading.sandbox.kernel_client import box_kernel
from helpers.grading.sandbox.kernel_source import BoxLimits
from helpers.notebooks.kernels import Kernel, own_kernel

ENTER = "(lambda os: (os.environ.clear(), os.environ.update({env!r}), os.chdir({folder!r})))(__import__('os'))"


@pytest.fixture(scope="session")
def warm_kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., AbstractContextManager[Kernel]]]:
    """In place of `helpers.notebooks.kernels.own_kernel`: the same but for where its kernels come from; they see all there is."""
    if sys.platform != "linux":  # elsewhere a fork is not safe with torch
        yield own_kernel
        return
    box = Box(tmp_path_factory.mktemp("warm"), Isolation("none", True, ""), limits=BoxLimits(memory_mb=6000))

    @contextmanager
    def kernel(folder: Path | str, env: Mapping[str, str]) -> Iterator[Kernel]:
        with box_kernel(box) as started:
            enter = ENTER.format(env=dict(env), folder=os.fspath(folder))
            started.client.execute(enter, silent=True, store_history=False)
            yield started

    with box:
        yield kernel
