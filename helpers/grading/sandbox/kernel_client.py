"""A box's kernels as the loop that runs cells takes them (`helpers.notebooks.kernels`).

A learner's code knows its kernel's key and can send whatever it likes in the kernel's name. So no message is taken at its word:
each is reduced to plain fields of the right types or dropped.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from signal import SIGINT
from time import monotonic

import zmq
from jupyter_client import BlockingKernelClient

from helpers.grading.sandbox.box import Box
from helpers.grading.sandbox.kernel_messages import reduced
from helpers.grading.sandbox.kernel_source import BoxError
from helpers.notebooks.kernels import START_SECONDS, Kernel

MOST_BYTES = 1 << 28  # of one message; anything larger is cut off, and the connection with it


@contextmanager
def box_kernel(box: Box, files: Path | None = None) -> Iterator[Kernel]:
    """A fresh kernel in an empty folder. The box is as good as new before and after.

    Args:
        box: where to.
        files: a folder of plain files that the notebook finds beside it.

    Raises:
        BoxError, RuntimeError: a kernel did not start, twice in a row, or does not answer.
    """

    def why_ended(seen: str) -> str:
        box.state()
        return f"{box.trouble}, so its kernel was ended" if box.trouble else seen

    with zmq.Context() as context:
        context.setsockopt(zmq.MAXMSGSIZE, MOST_BYTES)
        try:
            client = _started(box, files, context)
            # Without the heartbeat: the box knows whether a kernel is alive.
            client.start_channels(stdin=False, hb=False, control=False)
            _wait_until_ready(box, client)
            yield Kernel(client, lambda: box.state() is None, lambda: box.signal(SIGINT), box.kill, reduced, why_ended)
        finally:
            context.destroy(linger=0)
            box.reset()


def _started(box: Box, files: Path | None, context: zmq.Context) -> BlockingKernelClient:
    """A client for a running kernel in a box as good as new. One failed attempt may be the last submission's doing."""
    for attempt in (1, 2):
        box.reset()
        if files is not None:
            box.put(files)
        # Windows has no such sockets for it.
        where = {"transport": "tcp", "ip": "127.0.0.1"} if os.name == "nt" else {"transport": "ipc", "ip": str(box.wire / "k")}
        client = BlockingKernelClient(context=context, connection_file=str(box.folder / "kernel.json"), **where)
        client.write_connection_file()  # chooses ports and a key
        client.cleanup_connection_file()
        known = client.get_connection_info()
        inside = {"key": known["key"].decode()} | ({"ip": f"{box.inside_wire}/k"} if known["transport"] == "ipc" else {})
        try:
            box.fork_kernel({**known, **inside})
            return client
        except BoxError:
            if attempt == 2:
                raise
    raise AssertionError("unreachable")


def _wait_until_ready(box: Box, client: BlockingKernelClient) -> None:
    """Return when the kernel answers and what it says to all is heard: jupyter_client's own way takes 0.2 s longer.

    Raises:
        RuntimeError: it does not answer in time, or is gone.
    """
    end = monotonic() + START_SECONDS
    while monotonic() < end and box.state() is None:
        asked = client.kernel_info()
        try:
            while client.get_shell_msg(timeout=2)["parent_header"].get("msg_id") != asked:
                pass
            while True:
                heard = client.get_iopub_msg(timeout=0.5)
                if heard["parent_header"].get("msg_id") == asked and heard["content"].get("execution_state") == "idle":
                    return
        except Empty:
            continue
    raise RuntimeError("the kernel does not answer")
