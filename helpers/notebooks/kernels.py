"""A running kernel as the loop that runs cells takes it (`helpers.notebooks.run_cells`), and an ordinary one of one's own."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

from jupyter_client import BlockingKernelClient, KernelManager

# Modules beside the notebook are found after all others: one that is called as a library is takes nobody's place, nor that of a
# package that is installed editable, for which a finder of its own stands behind the one of sys.path. And exit() is not obeyed:
# the kernel would end a moment later, in the middle of another cell.
PREPARE = """(lambda sys: (
    sys.path.__setitem__(slice(None), [*filter(None, sys.path), ""]),
    sys.meta_path.sort(key=lambda finder: getattr(finder, "__name__", "") == "PathFinder"),
))(__import__("sys"))
get_ipython().unobserve_all("exit_now")"""
START_SECONDS = 60  # for a kernel to answer


@dataclass(frozen=True)
class Kernel:
    """A running kernel, and what the loop asks of it.

    Attributes:
        client: with channels to it.
        is_alive, interrupt, kill: look at it, tell it to stop what it does, end it.
        reduced: (kind of a message, its content) -> what counts of it; None where it is to be ignored.
        why_ended: what the run has seen of its end -> what that is put down to, in words that go after "this cell".
    """

    client: BlockingKernelClient
    is_alive: Callable[[], bool]
    interrupt: Callable[[], object]
    kill: Callable[[], object]
    reduced: Callable[[str, Any], dict[str, Any] | None] = lambda kind, content: content
    why_ended: Callable[[str], str] = str


@contextmanager
def own_kernel(folder: Path | str, env: Mapping[str, str], name: str = "python3") -> Iterator[Kernel]:
    """A fresh kernel of this name that works in `folder`, with the environment `env`. It is taken at its word.

    Raises:
        NoSuchKernel, RuntimeError: it does not start.
    """
    manager = KernelManager(kernel_name=name)

    def kill() -> None:
        if manager.is_alive():
            manager.shutdown_kernel(now=True)

    history = ["--HistoryManager.hist_file=:memory:"] if manager.ipykernel else []
    # What the kernel says on the terminal itself is about sockets; a cell's stderr comes as an output.
    manager.start_kernel(cwd=str(folder), env={**env, "PYTHONSAFEPATH": "1"}, stderr=DEVNULL, extra_arguments=history)
    client = manager.client()
    try:
        client.start_channels(stdin=False, hb=False)
        client.wait_for_ready(timeout=START_SECONDS)
        client.execute(PREPARE, silent=True, store_history=False)
        yield Kernel(client, manager.is_alive, manager.interrupt_kernel, kill)
    finally:
        client.stop_channels()
        kill()
        manager.cleanup_resources()
