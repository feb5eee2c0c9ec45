"""The process that makers of pages are forked from where this one has threads: there at once, and ready some seconds later."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver

from helpers.course.machine import ONE_THREAD

# Elsewhere than on Linux a fork is not safe.
METHOD = "forkserver" if sys.platform == "linux" else "spawn"


def start(*needed: str) -> None:
    """Start it, with these modules imported; without effect where it runs, or none is forked."""
    if METHOD == "forkserver":
        forkserver.set_forkserver_preload(list(needed))
        path = os.pathsep.join(entry for entry in sys.path if entry)
        with environment(ONE_THREAD | {"PYTHONPATH": path}):  # the same `helpers` as here, whatever is installed
            forkserver.ensure_running()


@contextmanager
def environment(variables: dict[str, str]) -> Iterator[None]:
    """This process's environment with these variables, for the programs that it starts meanwhile."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})
