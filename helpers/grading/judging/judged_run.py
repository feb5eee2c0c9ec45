"""Running a learner's notebook with a judge at its test cells: other cells run in the kernel, a test cell in the judge's process.

When the run comes to a test cell, the kernel is asked to serve the judge, who runs the master's test cell here.
So each exercise is judged with the names as they are at its place in the notebook, what was finished before a crash keeps its
points, and no hidden test is ever where the learner's code runs.
"""

from __future__ import annotations

import asyncio
import ctypes
import io
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from threading import Lock, Timer, get_ident
from time import monotonic
from typing import Any

from nbclient import NotebookClient
from nbclient.util import run_sync
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_output

from helpers.checks import display
from helpers.grading.inside.answer_judge import receive, send
from helpers.grading.judging import test_cell
from helpers.grading.judging.job import RunLimits
from helpers.grading.judging.stand_ins import Unusable
from helpers.grading.sandbox.box import Box
from helpers.grading.sandbox.kernel_client import USUAL, InBox, run_client
from helpers.notebooks.run_cells import CarefulRun
from helpers.notebooks.verdicts import OVER_TIME

SERVE = "from helpers.grading.inside.answer_judge import serve as _serve_judge; _serve_judge(globals(), {address!r})"
SPARE_SECONDS = 10  # what a visit may take beyond the cell's own time: connecting, and stopping an endless answer
CONNECT_SECONDS = 30
MOST_PRINTED = 100_000  # characters that a test cell itself prints


class OutOfTime(BaseException):
    """The answer took longer than a cell may. No finding about the answer, so no check is to catch it."""


class HungUp(Exception):
    """The learner's side went away in the middle of an exercise."""


class SocketLine:
    """The judge's end of a Unix socket. The kernel connects once; all requests of one exercise go over that connection."""

    def __init__(self, path: Path, deadline: float):
        self._deadline, self._path = deadline, path
        self._door: socket.socket | None = None
        self._line: socket.socket | None = None

    def open(self) -> None:
        """Be there for the kernel to connect.

        Raises:
            HungUp: something lies in the socket's place.
        """
        self._door = socket.socket(socket.AF_UNIX)
        try:
            self._door.bind(str(self._path))
            self._door.listen(1)
        except OSError as error:
            raise HungUp(f"{self._path.name} was taken: {error}") from None

    def ask(self, request: bytes) -> tuple[bytes, bytes]:
        """Send a request; returns JSON and safetensors.

        Raises:
            OutOfTime: the deadline has passed.
            HungUp: the kernel is not there (any more), or sends too much.
        """
        try:
            if self._line is None:
                self._door.settimeout(min(CONNECT_SECONDS, self._left()))
                self._line, _ = self._door.accept()
            self._line.settimeout(self._left())
            send(self._line, request)
            parts = []
            for limit in (test_cell.MOST_JSON, test_cell.MOST_TENSORS):
                self._line.settimeout(self._left())
                parts.append(receive(self._line, limit))
        except TimeoutError:
            raise OutOfTime from None
        except (OSError, ValueError) as error:
            raise HungUp(str(error) if self._line else "nobody came to answer") from None
        if None in parts:
            raise HungUp("the connection was closed")
        return parts[0], parts[1]

    def _left(self) -> float:
        left = self._deadline - monotonic()
        if left <= 0:
            raise OutOfTime
        return left

    def close(self) -> None:
        """Hang up: the kernel's side then ends its service, and `ask` its waiting for a kernel that does not come."""
        for end in (self._line, self._door):
            if end is not None:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)  # closing alone wakes nobody
                end.close()


class JudgedRun(CarefulRun, NotebookClient):
    """nbclient's client with limits that hold, and with a judge at the test cells.

    Attributes:
        tests: cell id -> source of the master's test cell, hidden part included.
        idle: ids of cells that are not run.
        wire: a folder that both sides see: here as this path, in the kernel as `inside`.
    """

    tests: dict[str, str]
    idle: set[str]
    wire: Path
    inside: str

    def judged_by(self, tests: dict[str, str], wire: Path, inside: str, idle: set[str] = frozenset()) -> JudgedRun:
        """Set what the judge needs; returns the client itself."""
        self.tests, self.wire, self.inside, self.idle = tests, wire, inside, idle
        return self

    async def async_execute_cell(
        self, cell: NotebookNode, cell_index: int, execution_count: int | None = None, store_history: bool = True
    ) -> NotebookNode:
        """Run one cell, or have it judged, or leave it alone."""
        if cell.get("id") in self.idle:
            return cell
        if cell.get("id") not in self.tests:
            return await super().async_execute_cell(cell, cell_index, execution_count, store_history)
        cell.outputs = []
        stand_in = new_code_cell("pass")
        if self.trouble or self._left() <= 0:
            await super().async_execute_cell(stand_in, cell_index)  # says why it was not run
            cell.outputs, self.nb.cells[cell_index] = stand_in.outputs, cell
            return cell
        await self._judge(cell, cell_index)
        return cell

    execute_cell = run_sync(async_execute_cell)

    async def _judge(self, cell: NotebookNode, cell_index: int) -> None:
        name = f"judge-{cell_index}.sock"
        seconds = self._get_timeout(cell)
        line = SocketLine(self.wire / name, monotonic() + seconds)
        try:
            line.open()
        except HungUp as error:
            cell.outputs = [_unusable(error)]
            return
        # Its first line stands for the cell where a note quotes it.
        stand_in = new_code_cell(f"# {cell.id}\n{SERVE.format(address=f'{self.inside}/{name}')}")
        own, self.timeout = self.timeout, seconds + SPARE_SECONDS
        with ThreadPoolExecutor(1) as threads:
            visit = (self.tests[cell.id], line, seconds + SPARE_SECONDS)
            verdict = asyncio.get_running_loop().run_in_executor(threads, _visit, *visit)
            serving = asyncio.ensure_future(super().async_execute_cell(stand_in, cell_index, store_history=False))
            # Whichever ends first ends the other: a verdict hangs up, and a kernel that is gone cannot answer.
            await asyncio.wait({verdict, serving}, return_when=asyncio.FIRST_COMPLETED)
            if serving.done():
                line.close()
            cell.outputs, over_time = await verdict
            line.close()
            if over_time and not serving.done():
                await self._interrupt()
            await serving
        self.timeout = own
        self.nb.cells[cell_index] = cell  # nbclient has put the stand-in there
        (self.wire / name).unlink(missing_ok=True)
        if over_time:
            self._timed_out = seconds
            cell.outputs.append(new_output("error", ename=OVER_TIME, evalue=self._over_time(), traceback=[self._over_time()]))
        elif self.trouble:
            cell.outputs = [output for output in stand_in.outputs if output.output_type == "error"]

    async def _interrupt(self) -> None:
        from nbclient.util import ensure_async

        await ensure_async(self.km.interrupt_kernel())


class BoxedJudgedRun(InBox, JudgedRun):
    """The same for a notebook in a box."""


def run_judged(
    box: Box, notebook: NotebookNode, tests: dict[str, str], files: Path, limits: RunLimits, idle: set[str] = frozenset()
) -> str:
    """Run and judge a notebook in place; returns why the rest of it was not run, empty if all of it was.

    Args:
        box: where the learner's code runs.
        notebook: the released notebook with the learner's answers; gets the outputs.
        tests: cell id -> source of the master's test cell.
        files: a folder of plain files that the notebook finds beside it.
        limits: what it may use.
        idle: ids of cells that need not be run.

    Raises:
        BoxError, RuntimeError: no kernel could be started.
    """
    times = {"timeout": limits.cell, "notebook_timeout": limits.notebook, "iopub_timeout": limits.stop}
    client = BoxedJudgedRun(notebook, box=box, output_limit=limits.output, **{**USUAL, **times})
    run_client(client.judged_by(tests, box.wire, box.inside_wire, idle), files=files)
    return client.trouble


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """End what this thread does in here when it takes longer, whether it waits for an answer or looks through one.

    It ends between two steps of Python's; `helpers.grading.classroom.worker_setup` ends what never comes to one.

    Raises:
        OutOfTime: it took longer.
    """
    thread, inside, lock = get_ident(), True, Lock()

    def end() -> None:
        with lock:
            if inside:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(OutOfTime))

    timer = Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        with lock:
            inside = False


def _visit(source: str, line: SocketLine, seconds: float) -> tuple[list[NotebookNode], bool]:
    """(outputs of the test cell: what it printed and showed, then the mark or the error; whether time ran out)."""
    printed, over_time = io.StringIO(), False
    with display.collected() as shown, redirect_stdout(printed):
        try:
            with _at_most(seconds):
                mark: Any = test_cell.run_test(source, line)
            end = [new_output("execute_result", {"text/plain": repr(mark)}, execution_count=None)]
        except OutOfTime:
            end, over_time = [], True
        except (HungUp, Unusable) as error:
            end = [_unusable(error)]
        except Exception as error:
            words = str(error).splitlines()[0][:300] if str(error) else ""
            end = [new_output("error", ename=type(error).__name__, evalue=words, traceback=[words])]
    text = printed.getvalue()[:MOST_PRINTED]
    return [*([new_output("stream", text=text)] if text else []), *_displays(shown), *end], over_time


def _unusable(error: Exception) -> NotebookNode:
    words = f"the answer's effect could not be looked at ({error}): was something of Python's or torch's replaced?"
    return new_output("error", ename=type(error).__name__, evalue=words, traceback=[words])


def _displays(shown: list[Any]) -> list[NotebookNode]:
    """What a test cell showed, as a notebook keeps it."""
    from IPython.core.formatters import DisplayFormatter

    formatter = DisplayFormatter()
    formatter.active_types = formatter.format_types
    outputs = []
    for thing in shown:
        data, metadata = formatter.format(thing)
        outputs.append(new_output("display_data", data, metadata=metadata))
    return outputs
