"""Running a learner's notebook with a judge at its test cells: other cells run in the kernel, a test cell in the judge's process.

When the run comes to a test cell, the kernel is asked to serve the judge, who runs the master's test cell here.
So each exercise is judged with the names as they are at its place in the notebook, what was finished before a crash keeps its
points, and no hidden test is ever where the learner's code runs.
"""

import ctypes
import io
import socket
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from functools import partial
from pathlib import Path
from threading import Lock, Timer, get_ident
from time import monotonic
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_output

from helpers.checks import display
from helpers.grading.inside.answer_judge import receive, seldom_collecting, send
from helpers.grading.judging import test_cell
from helpers.grading.judging.stand_ins import Unusable
from helpers.grading.sandbox.box import Box
from helpers.grading.sandbox.kernel_client import box_kernel
from helpers.notebooks.kernels import Kernel
from helpers.notebooks.run_cells import NotebookRun, RunLimits, over_time

SERVE = "from helpers.grading.inside.answer_judge import serve as _serve_judge; _serve_judge(globals(), {address!r})"
SEED = "__import__('helpers.grading.inside.random_numbers', fromlist=['start']).start({number})"
WATCH = "__import__('helpers.grading.inside.epoch_weights', fromlist=['begin']).begin()"
TRAINED = {"test_head_history", "test_fine_tune_history"}  # test cells to which a notebook hands records of its own training
SPARE_SECONDS = 10  # what a visit may take beyond the cell's own time: connecting, and stopping an endless answer
CONNECT_SECONDS, NOBODY = 30, "nobody came to answer"
MOST_PRINTED = 100_000  # characters that a test cell itself prints
MOST_RESULT = 1_000  # characters of a mark as text: a longer one is none


Test = Callable[[test_cell.Line], Any]  # runs a test cell over a line; gives the mark


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
            raise HungUp(str(error) if self._line else NOBODY) from None
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


def run_judged(
    box: Box,
    notebook: NotebookNode,
    tests: dict[str, str],
    files: Path,
    limits: RunLimits,
    idle: Collection[str] = (),
    number: int = 0,
) -> list[str]:
    """Run and judge a notebook in place; returns what went on in a fresh process, and why the rest was not run if it was not.

    Args:
        box: where the learner's code runs.
        notebook: the released notebook with the learner's answers; gets the outputs.
        tests: cell id -> source of the master's test cell, hidden part included.
        files: a folder of plain files that the notebook finds beside it.
        limits: what it may use.
        idle: ids of cells that need not be run.
        number: from which the notebook's own random numbers start, the same for the same work.

    Raises:
        BoxError, RuntimeError: no kernel could be started.
    """
    with ExitStack() as stack:

        def fresh() -> Kernel:
            stack.close()
            kernel = stack.enter_context(box_kernel(box, files))
            for begin in (SEED.format(number=number), *([WATCH] if watched else [])):
                kernel.client.execute(begin, silent=True, store_history=False)
            return kernel

        watched = not TRAINED.isdisjoint(tests)
        judges = {name: partial(_judge, box, partial(test_cell.run_test, source, seen=watched)) for name, source in tests.items()}
        run = NotebookRun(notebook, fresh(), limits, fresh)
        trouble = run.run(skipped=idle, instead=judges)
        return [*run.renewed, *([trouble] if trouble else [])]


def _judge(box: Box, test: Test, run: NotebookRun, cell: NotebookNode, index: int) -> None:
    """Have a test cell's verdict in its outputs: the kernel serves a judge who runs `test` here."""
    name, seconds = f"judge-{index}.sock", run.seconds()
    line = SocketLine(box.wire / name, monotonic() + seconds)
    try:
        line.open()
    except HungUp as error:
        cell.outputs = [_unusable(error)]
        return
    # Its first line stands for the cell where a note quotes it.
    serving = new_code_cell(f"# {cell.id}\n{SERVE.format(address=f'{box.inside_wire}/{name}')}")
    with ThreadPoolExecutor(1) as threads:
        verdict = threads.submit(_visit, test, line, seconds + SPARE_SECONDS, run.limits.output)
        # Whichever ends first ends the other: a verdict hangs up, and a kernel that is gone cannot answer.
        verdict.add_done_callback(lambda _: line.close())
        try:
            run.execute(
                serving, index, spare=SPARE_SECONDS, history=False, stop_if=lambda: verdict.done() and verdict.result()[1]
            )
        finally:
            line.close()
        cell.outputs, late = verdict.result()
    (box.wire / name).unlink(missing_ok=True)
    if late:
        cell.outputs.append(over_time(seconds))
    elif run.trouble:
        cell.outputs = [output for output in serving.outputs if output.output_type == "error"]


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


def _visit(test: Test, line: SocketLine, seconds: float, most: int = RunLimits.output) -> tuple[list[NotebookNode], bool]:
    """(outputs of the test cell: what it printed and showed, at most so many bytes, then the mark or the error; whether time ran
    out).
    """
    printed, late = io.StringIO(), False
    with display.collected() as shown, redirect_stdout(printed), seldom_collecting():
        try:
            with _at_most(seconds):
                mark = test(line)
            end = [new_output("execute_result", {"text/plain": repr(mark)[:MOST_RESULT]}, execution_count=None)]
        except OutOfTime:
            end, late = [], True
        except (HungUp, Unusable) as error:
            end = [_unusable(error)]
        except Exception as error:
            words = str(error).splitlines()[0][:300] if str(error) else ""
            end = [new_output("error", ename=type(error).__name__, evalue=words, traceback=[words])]
    text = printed.getvalue()[:MOST_PRINTED]
    return [*([new_output("stream", text=text)] if text else []), *_displays(shown, most), *end], late


def _unusable(error: Exception) -> NotebookNode:
    words = f"the answer's effect could not be looked at ({error}): was something of Python's or torch's replaced?"
    return new_output("error", ename=type(error).__name__, evalue=words, traceback=[words])


def _displays(shown: list[Any], most: int) -> list[NotebookNode]:
    """What a test cell showed, as a notebook keeps it: at most so many bytes of it."""
    from IPython.core.formatters import DisplayFormatter

    formatter = DisplayFormatter()
    formatter.active_types = formatter.format_types
    outputs = []
    for thing in shown:
        data, metadata = formatter.format(thing)
        most -= sum(len(str(content)) for content in data.values())
        if most < 0:
            outputs.append(new_output("stream", text="\n... what else the test cell showed was cut ...\n"))
            break
        outputs.append(new_output("display_data", data, metadata=metadata))
    return outputs
