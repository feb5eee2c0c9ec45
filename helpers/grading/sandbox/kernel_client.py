"""A box's kernels as Jupyter's own parts take them, and nbclient's client for notebooks that may be up to anything.

A learner's code knows its kernel's key and can send whatever it likes in the kernel's name. So no message is taken at its word:
each is reduced to plain fields of the right types or dropped, and counted against the cell's bytes.
"""

from __future__ import annotations

import asyncio
import copy
import os
from collections.abc import Callable
from pathlib import Path
from queue import Empty
from time import monotonic
from typing import Any

import zmq
import zmq.asyncio
from jupyter_client import AsyncKernelClient, AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.provisioning import KernelProvisionerBase
from nbclient import NotebookClient
from nbclient.util import run_sync
from nbformat import NotebookNode
from traitlets import HasTraits, Instance

from helpers.grading.sandbox.box import Box
from helpers.grading.sandbox.kernel_messages import reduced
from helpers.grading.sandbox.kernel_source import BoxError
from helpers.notebooks.run_cells import SMALL, CarefulRun

MOST_BYTES = 1 << 25  # of one message; anything larger is cut off with its connection
MOST_WAITING = 16  # messages held in memory for each of a kernel's sockets
MOST_OUTPUTS, SPARED = 1000, 20  # of one cell; results and errors that come after them
MOST_CELLS_FULL = 20  # a whole notebook keeps as many times a cell's bytes
USUAL = {
    "iopub_timeout": 5, "interrupt_on_timeout": True, "allow_errors": True, "record_timing": False, "startup_timeout": 60,
    "kernel_name": "python3",
}  # fmt: skip


class BoxProvisioner(KernelProvisionerBase):
    """Starts, signals and ends a kernel through its box."""

    box = Instance(Box)
    running = False

    @property
    def has_process(self) -> bool:
        return self.running

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        self.parent.write_connection_file()
        self.connection_info = self.parent.get_connection_info()
        return {**kwargs, "cmd": []}

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> dict[str, Any]:
        """Fork a kernel; the files put beside it are in its folder when it starts.

        Raises:
            BoxError: it did not come up.
        """
        inside = {**self.connection_info, "key": self.connection_info["key"].decode()}
        if inside["transport"] == "ipc":
            inside["ip"] = f"{self.box.inside_wire}/k"
        self.box.fork_kernel(inside)
        self.running = True
        return self.connection_info

    async def poll(self) -> int | None:
        return self.box.state() if self.running else 0

    async def wait(self) -> int | None:
        while (code := await self.poll()) is None:
            await asyncio.sleep(0.01)
        self.running = False
        return code

    async def send_signal(self, signum: int) -> None:
        self.box.signal(signum)

    async def kill(self, restart: bool = False) -> None:
        self.box.kill()

    async def terminate(self, restart: bool = False) -> None:
        self.box.kill()

    async def cleanup(self, restart: bool = False) -> None:
        """Nothing is left to do: the box's own reset leaves nothing."""


class BoxClient(AsyncKernelClient):
    """Jupyter's client, without the heartbeat: the box knows whether a kernel is alive."""

    def start_channels(self, **channels: bool) -> None:
        super().start_channels(**{"hb": False, "stdin": False, **channels})

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Return when the kernel answers and what it says to all is heard.

        Raises:
            RuntimeError: it does not answer in time, or is gone.
        """
        end = monotonic() + (timeout or 60)
        while monotonic() < end and await self.is_alive():
            asked = self.kernel_info()
            try:
                while (await self.get_shell_msg(timeout=2))["parent_header"].get("msg_id") != asked:
                    pass
                while True:
                    heard = await self.get_iopub_msg(timeout=0.5)
                    if heard["parent_header"].get("msg_id") == asked and heard["content"].get("execution_state") == "idle":
                        return
            except Empty:
                continue
        raise RuntimeError("the kernel does not answer")


class BoxManager(AsyncKernelManager):
    """Jupyter's manager of one kernel, over sockets in the box's wire. Kernels that the instructor has set up play no part."""

    box = Instance(Box)

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(argv=["box"], display_name="Python 3", language="python", interrupt_mode="signal")


def kernel_manager(box: Box) -> AsyncKernelManager:
    """A manager for the box's next kernel, to be given to nbclient as ``km``. `finish` takes leave of it."""
    context = zmq.asyncio.Context()
    for option, value in ((zmq.MAXMSGSIZE, MOST_BYTES), (zmq.RCVHWM, MOST_WAITING), (zmq.LINGER, 0)):
        context.setsockopt(option, value)
    # Windows has no such sockets for it.
    where = {"transport": "tcp", "ip": "127.0.0.1"} if os.name == "nt" else {"transport": "ipc", "ip": str(box.wire / "k")}
    file = str(box.folder / "kernel.json")
    manager = BoxManager(box=box, context=context, connection_file=file, client_factory=BoxClient, **where)
    manager.provisioner = BoxProvisioner(box=box, parent=manager)
    return manager


class InBox(HasTraits):
    """Put before `CarefulRun` and `nbclient.NotebookClient` (or subclasses) in a class's bases: a client for a box's kernels."""

    box = Instance(Box)
    _in_all = 0
    _tasks: tuple[asyncio.Task, ...] = ()

    def reset_execution_trackers(self) -> None:
        super().reset_execution_trackers()
        self._in_all = 0

    async def async_execute_cell(self, cell: NotebookNode, cell_index: int, *args: Any, **options: Any) -> NotebookNode:
        """Run one cell. Messages that are no kernel's end the kernel; they are no error of the grader's."""
        self.raise_on_iopub_timeout = False
        try:
            return await super().async_execute_cell(cell, cell_index, *args, **options)
        except Exception as error:
            self.log.warning("cell %s: %s: %s", cell_index, type(error).__name__, str(error))
            self._stop(cell, cell_index, "sent what no kernel sends, so the kernel was ended")
            self.box.kill()
            return cell
        finally:
            self._in_all += min(self._kept, self.output_limit)
            self._end_tasks()

    execute_cell = run_sync(async_execute_cell)

    async def _async_poll_kernel_alive(self) -> None:
        self._tasks += (asyncio.current_task(),)
        await super()._async_poll_kernel_alive()

    async def _async_poll_output_msg(self, *args: Any) -> None:
        self._tasks += (asyncio.current_task(),)
        await super()._async_poll_output_msg(*args)

    def _end_tasks(self) -> None:
        """End what a cell that ended oddly has left behind: nbclient leaves some to go on, or their errors to nobody.

        asyncio would log such an error whenever it is collected as garbage. That formats a traceback, which parses Python; where
        it happens amid other parsing, Python 3.11 fails with a SystemError.
        """
        for task in self._tasks:
            if not task.cancel() and not task.cancelled():
                task.exception()
        self._tasks = ()

    async def _async_handle_timeout(self, timeout: float, cell: NotebookNode | None = None) -> dict[str, Any] | None:
        # A cell that was told to stop and says nothing more has not stopped; one that has ended may have lost its last words.
        self.raise_on_iopub_timeout = True
        return await super()._async_handle_timeout(timeout, cell)

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        """Pass on what a kernel may say, without what else came along.

        Raises:
            CellExecutionComplete: as nbclient has it.
        """
        content = reduced(msg["msg_type"], msg["content"])
        if content is None or not self._has_room(msg["msg_type"], content, cell):
            return None
        # nbclient looks the kind up in both places.
        header = {**msg["header"], "msg_type": msg["msg_type"]}
        return super().process_message({**msg, "header": header, "content": content}, cell, cell_index)

    def _has_room(self, kind: str, content: dict[str, Any], cell: NotebookNode) -> bool:
        """Whether an output can be taken in: `CarefulRun` counts a cell's bytes, not its outputs, nor what replaces one."""
        if kind in ("status", "clear_output"):
            return True
        if kind == "update_display_data":
            self._kept += len(str(content))
            return self._kept <= self.output_limit
        small = kind in ("error", "execute_result") and len(str(content)) <= SMALL
        spared = SPARED if small else 0  # a flood drowns neither the mark nor the error at its end
        return len(cell.outputs) < MOST_OUTPUTS + spared and (bool(spared) or self._in_all < MOST_CELLS_FULL * self.output_limit)

    def _stop(self, cell: NotebookNode, cell_index: int, what: str) -> None:
        self.box.state()
        super()._stop(cell, cell_index, f"{self.box.trouble}, so its kernel was ended" if self.box.trouble else what)


class BoxedRun(InBox, CarefulRun, NotebookClient):
    """nbclient's client for a notebook in a box."""


def run_notebook(
    box: Box,
    notebook: NotebookNode,
    *,
    files: Path | None = None,
    cell_seconds: int,
    notebook_seconds: int,
    output_limit: int,
    then: Callable[[BoxedRun], None] | None = None,
) -> NotebookNode:
    """The notebook, run in place by a fresh kernel in an empty folder. The box is as good as new before and after.

    Args:
        box: where to.
        notebook: gets the outputs; its metadata stays as it is.
        files: a folder of plain files that the notebook finds beside it.
        cell_seconds, notebook_seconds, output_limit: see `CarefulRun`.
        then: called with the client (``client.kc`` is live) before the kernel is ended; not called if the kernel is gone.

    Raises:
        BoxError, RuntimeError: twice in a row a kernel did not start.
    """
    client = BoxedRun(
        notebook, box=box, timeout=cell_seconds, notebook_timeout=notebook_seconds, output_limit=output_limit, **USUAL
    )  # fmt: skip
    return run_client(client, files=files, then=then)


def run_client(client: Any, *, files: Path | None = None, then: Callable[[Any], None] | None = None) -> NotebookNode:
    """As `run_notebook`, for a client of your own: `InBox` before `CarefulRun` in its bases, `box` among its arguments."""
    box, metadata = client.box, copy.deepcopy(client.nb.metadata)
    manager = _started(box, files)
    client.km, client.owns_km = manager, False  # so that the kernel outlives nbclient's own run
    try:
        notebook = client.execute()
        if then is not None and run_sync(manager.is_alive)():
            then(client)
        notebook.metadata = metadata  # the kernel describes itself in there
        return notebook
    finally:
        run_sync(_leave)(client, manager)
        box.reset()


def _started(box: Box, files: Path | None) -> AsyncKernelManager:
    """The manager of a running kernel in a box as good as new. One failed attempt may be the last submission's doing."""
    for attempt in (1, 2):
        box.reset()
        if files is not None:
            box.put(files)
        manager = kernel_manager(box)
        try:
            run_sync(manager.start_kernel)()
            return manager
        except BoxError:
            run_sync(_leave)(None, manager)
            if attempt == 2:
                raise
    raise AssertionError("unreachable")


async def _leave(client: Any, manager: AsyncKernelManager) -> None:
    """Close all sockets; what runs in the box is the box's business."""
    if client is not None and client.kc is not None:
        client.kc.stop_channels()
        client.kc = None
    await manager.cleanup_resources()
    manager.context.destroy(linger=0)
