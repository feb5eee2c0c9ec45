"""The one loop that runs a notebook's cells, within limits that hold: for self-check, nbgrader's Autograde and the judged run.

Whatever a cell does ends in a sentence in the outputs: it takes too long, ignores that it is told to stop, ends its kernel, or
sends what no kernel sends. An error of the learner's ends its cell and no other one.
"""

import logging
from collections.abc import Callable, Collection, Mapping
from copy import deepcopy
from dataclasses import dataclass
from math import inf
from time import monotonic
from typing import Any

import zmq
from nbformat import NotebookNode
from nbformat.v4 import new_output

from helpers.notebooks.cell_outputs import CellOutputs
from helpers.notebooks.kernels import Kernel
from helpers.notebooks.masters import SHOWN
from helpers.notebooks.verdicts import KERNEL_ENDED, NOT_RUN, OVER_TIME

ALIVE_SECONDS, STEP_SECONDS = 1.0, 0.2  # between two looks at whether the kernel is alive, and at the clock
MOST_RENEWED = 2  # how often a notebook goes on in a fresh kernel
DEAD = "ended the kernel (a crash, too much memory, or a call that ends Python)"
DEAF = "went on running when it was told to stop, so the kernel was ended"
NONSENSE = "sent what no kernel sends, so the kernel was ended"

# Cells that only show something need not be run to grade: so what they leave switched must not reach the cells after them.
SWITCHES = "'torch' in __import__('sys').modules and __import__('helpers.checks.clean_torch', fromlist=['{0}']).{0}()"
KEEP, BRING_BACK = SWITCHES.format("keep"), SWITCHES.format("bring_back")

Instead = Callable[["NotebookRun", NotebookNode, int], None]  # called with the run, the cell that it is for, and its index
Condition = Callable[[], bool]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunLimits:
    """What one notebook may use.

    Attributes:
        cell: seconds for one cell.
        notebook: seconds for all cells together.
        output: bytes of output kept of one cell.
        stop: seconds that a cell has to stop when it is told to, and for its last outputs.
    """

    cell: int = 120
    notebook: int = 600
    output: int = 1_000_000
    stop: int = 10


class _Ended(Exception):
    """The kernel is gone or has to go, in words that go after "this cell"."""


class NotebookRun:
    """One run of a notebook's cells.

    Args:
        notebook: gets the outputs; its metadata stays as it is.
        kernel: where to run it.
        limits: what it may use.
        renew: gives a fresh kernel where a cell has ended the one before; None leaves the rest of the notebook alone.

    Attributes:
        trouble: why the rest of the notebook was not run, in words; empty as long as all is well.
        renewed: a sentence for each time that it went on in a fresh kernel.
    """

    def __init__(self, notebook: NotebookNode, kernel: Kernel, limits: RunLimits, renew: Callable[[], Kernel] | None = None):
        self.notebook, self.kernel, self.limits, self.renew = notebook, kernel, limits, renew
        self.renewed: list[str] = []
        self.trouble, self._began, self._sent = "", monotonic(), 0
        self._outputs = CellOutputs(limits.output)

    def run(self, *, skipped: Collection[str] = (), instead: Mapping[str, Instead] | None = None) -> str:
        """Run all cells in place; returns `trouble`.

        Args:
            skipped: ids of cells that are left as they are.
            instead: cell id -> what is called in place of running that cell, to fill its outputs.
        """
        for index, cell in enumerate(self.notebook.cells):
            other = (instead or {}).get(cell.get("id"))
            if cell.get("id") in skipped or not (other or _runs(cell)):
                continue
            if not self.trouble and self._left() <= 0:
                self.trouble = f"not run: the notebook had used up its {self.limits.notebook} seconds before this cell"
            if self.trouble:
                cell.outputs = [_error(NOT_RUN, self.trouble)]
                continue
            only_shows = SHOWN in cell.metadata.get("tags", ())
            self._say(KEEP if only_shows else "")
            other(self, cell, index) if other else self.execute(cell, index)
            self._say(BRING_BACK if only_shows else "")
            if self.trouble and self.renew and len(self.renewed) < MOST_RENEWED and self._left() > 0:
                before = [(place, one) for place, one in enumerate(self.notebook.cells[:index]) if _again(one, skipped, instead)]
                self._go_on(before)
        return self.trouble

    def _go_on(self, before: list[tuple[int, NotebookNode]]) -> None:
        """Go on in a fresh kernel, with the names of these cells: they are run once more, and their outputs stay as they are."""
        what, self.trouble = self.trouble.removeprefix("not run: "), ""
        try:
            self.kernel = self.renew()
        except RuntimeError as error:
            self.trouble = f"not run: {what}, and no other kernel started ({error})"
            return
        for place, cell in before:
            if not self.trouble and self._left() > 0:
                self.execute(deepcopy(cell), place)
        if not self.trouble:
            self.renewed.append(f"{what}: what follows was run in a fresh process, after the cells before it had been run again")

    def seconds(self, spare: float = 0.0) -> float:
        """How long the next cell may take, `spare` seconds more if the notebook has them left."""
        cell = self.limits.cell if (self.limits.cell or 0) > 0 else inf
        return min(cell + spare, max(1.0, self._left()))

    def execute(
        self, cell: NotebookNode, index: int, *, spare: float = 0.0, history: bool = True, stop_if: Condition | None = None
    ) -> None:
        """Run one code cell and fill its outputs.

        Args:
            cell, index: the cell, and where it stands, for words about it.
            spare: see `seconds`.
            history: whether the kernel counts it among its inputs.
            stop_if: asked several times a second; the first True has the cell told to stop.
        """
        self._sent += 1
        cell.execution_count = self._sent
        self._outputs.begin(cell)
        seconds = self.seconds(spare)
        try:
            reply = self._collect(cell, seconds, history, stop_if)
            if reply is None:
                cell.outputs.append(over_time(seconds))
            elif reply["status"] == "error":
                self._outputs.take_missing(self.kernel.reduced("error", reply))
        except _Ended as ended:
            self._end(cell, index, str(ended))
            cell.outputs.extend([over_time(seconds)] if str(ended) == DEAF else [])
        except Exception as error:
            _log.warning("cell %s: %s: %s", index + 1, type(error).__name__, str(error)[:300])
            self._end(cell, index, NONSENSE)

    def _end(self, cell: NotebookNode, index: int, seen: str) -> None:
        """Note on this cell what it did, and for all later ones that they cannot be run."""
        what = self.kernel.why_ended(seen)
        cell.outputs.append(_error(KERNEL_ENDED, f"this cell {what}"))
        self.trouble = f"not run: cell {index + 1} (`{cell.source.strip().splitlines()[0][:80]}`) {what}"
        self.kernel.kill()

    def _say(self, source: str) -> None:
        """Have the kernel run this without a word, after what it is at; not if it is empty."""
        if source and not self.trouble:
            self.kernel.client.execute(source, silent=True, store_history=False, stop_on_error=False)

    def _left(self) -> float:
        return self.limits.notebook - (monotonic() - self._began)

    def _collect(self, cell: NotebookNode, seconds: float, history: bool, stop_if: Condition | None) -> dict[str, Any] | None:
        """Send a cell, and take what comes until the kernel has replied and is idle; the reply, None if it had to be stopped.

        Raises:
            _Ended: the kernel is dead, or does not stop.
        """
        client, reply, stopped = self.kernel.client, None, False
        asked = client.execute(cell.source, store_history=history, allow_stdin=False, stop_on_error=False)
        shell, iopub = client.shell_channel.socket, client.iopub_channel.socket
        waiting = {shell, iopub}
        ends, look = monotonic() + seconds, monotonic() + ALIVE_SECONDS
        while True:
            ready = _ready(waiting, min(STEP_SECONDS, ends - monotonic()))
            if shell in ready and (reply := _reply(client.get_shell_msg(timeout=0), asked)) is not None:
                waiting.remove(shell)
                ends = monotonic() + self.limits.stop
            if iopub in ready and self._is_last(client.get_iopub_msg(timeout=0), asked):
                waiting.remove(iopub)  # what comes after is no output of this cell's
            now = monotonic()
            if not waiting:
                return reply
            if stop_if is not None and stop_if():
                self.kernel.interrupt()
                stop_if = None
            if now >= min(look, ends):
                if not self.kernel.is_alive():
                    raise _Ended(DEAD)
                look = now + ALIVE_SECONDS
            if now >= ends:
                if stopped:
                    raise _Ended(DEAF)
                if shell not in waiting:
                    return reply  # a cell that has ended has lost its last outputs
                self.kernel.interrupt()
                waiting.remove(shell)
                stopped, ends = True, now + self.limits.stop

    def _is_last(self, message: dict[str, Any], asked: str) -> bool:
        """Take in what a kernel says to all; whether it is done with what it was asked."""
        if message["parent_header"].get("msg_id") != asked:
            return False
        kind = message["msg_type"]
        content = self.kernel.reduced(kind, message["content"])
        if kind == "status":
            return content["execution_state"] == "idle"
        if content is not None:
            self._outputs.take(kind, content)
        return False


def over_time(seconds: float) -> NotebookNode:
    """The output of a cell that took longer than these seconds."""
    advice = "look for a loop that never ends, or use fewer images or epochs"
    return _error(OVER_TIME, f"this cell was stopped after {seconds:.0f} seconds: {advice}")


def _again(cell: NotebookNode, skipped: Collection[str], instead: Mapping[str, Instead] | None) -> bool:
    """Whether a cell that has been run is to be run once more in a fresh kernel: not one that ended its own, or its time."""
    ended = any(output.get("ename") in (KERNEL_ENDED, OVER_TIME) for output in cell.get("outputs", []))
    return _runs(cell) and not ended and cell.get("id") not in {*skipped, *(instead or {})}


def _runs(cell: NotebookNode) -> bool:
    """Whether a cell is one to be run. The tag is the one that nbclient and Jupyter know."""
    return cell.cell_type == "code" and bool(cell.source.strip()) and "skip-execution" not in cell.metadata.get("tags", [])


def _ready(sockets: set[zmq.Socket], seconds: float) -> set[zmq.Socket]:
    """Those of the sockets that hold a message, after at most so many seconds."""
    poller = zmq.Poller()
    for socket in sockets:
        poller.register(socket, zmq.POLLIN)
    return {socket for socket, _ in poller.poll(1000 * max(0.0, seconds))}


def _reply(message: dict[str, Any], asked: str) -> dict[str, Any] | None:
    """The content of a reply to what was asked; None if it is one to something else."""
    return dict(message["content"]) if message["parent_header"].get("msg_id") == asked else None


def _error(name: str, words: str) -> NotebookNode:
    return new_output("error", ename=name, evalue=words, traceback=[f"{name}: {words}"])
