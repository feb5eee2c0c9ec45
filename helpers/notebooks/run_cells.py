"""Running a notebook's cells with limits that hold: a mixin for nbclient's client, used by self-check and grader alike.

nbclient alone has a limit per cell but none for a whole notebook, waits again and again for a kernel that ignores
interrupts, raises when a kernel dies, and keeps outputs of any size. Here each of these ends in a sentence in the outputs.
"""

from __future__ import annotations

from time import monotonic
from typing import Any

from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbclient.util import ensure_async, run_sync
from nbformat import NotebookNode
from nbformat.v4 import new_output
from traitlets import HasTraits, Integer

from helpers.notebooks.verdicts import KERNEL_ENDED, NOT_RUN, OVER_TIME

SMALL = 10_000  # bytes: errors and results up to this size are always kept, so that a flood never drowns a mark


class CarefulRun(HasTraits):
    """Put before `nbclient.NotebookClient` (or a subclass) in a class's bases.

    Attributes:
        notebook_timeout: seconds for all cells of a notebook together.
        output_limit: bytes of output kept per cell.
        trouble: why the rest of the notebook was not run, in words; empty if all of it was.
    """

    notebook_timeout = Integer(900, help="Seconds for all cells of one notebook together.").tag(config=True)
    output_limit = Integer(1_000_000, help="Bytes of output kept per cell.").tag(config=True)
    trouble = ""
    _began = 0.0
    _kept = 0
    _timed_out = 0.0

    def reset_execution_trackers(self) -> None:
        """Forget an earlier run; nbclient calls this before the first cell."""
        super().reset_execution_trackers()
        self.trouble, self._began = "", monotonic()

    async def async_execute_cell(
        self, cell: NotebookNode, cell_index: int, execution_count: int | None = None, store_history: bool = True
    ) -> NotebookNode:
        """Run one cell, or say in its outputs why it was not run."""
        if cell.cell_type != "code" or not cell.source.strip():
            return cell
        if not self.trouble and self._left() <= 0:
            self.trouble = f"not run: the notebook had used up its {self.notebook_timeout} seconds before this cell"
        if self.trouble:
            cell.outputs = [_error(NOT_RUN, self.trouble)]
            return cell
        self._kept, self._timed_out = 0, 0.0
        try:
            await super().async_execute_cell(cell, cell_index, execution_count, store_history)
        except DeadKernelError:
            self._stop(cell, cell_index, "ended the kernel (a crash, too much memory, or a call that ends Python)")
        except CellTimeoutError:
            self._stop(cell, cell_index, "went on running when it was told to stop, so the kernel was ended")
            await ensure_async(self.km.shutdown_kernel(now=True))
        if self._timed_out and not any(output.get("ename") == OVER_TIME for output in cell.outputs):
            cell.outputs.append(_error(OVER_TIME, self._over_time()))
        return cell

    # nbclient binds this name to its own coroutine, not to the override.
    execute_cell = run_sync(async_execute_cell)

    def output(self, outs: list, msg: dict, display_id: str, cell_index: int) -> NotebookNode | None:
        """Keep an output while the cell is within its bytes; cut a stream at the limit, drop the rest."""
        content = msg["content"]
        size = _size(content)
        room = self.output_limit - self._kept
        self._kept += size
        if size <= room or (size <= SMALL and msg["msg_type"] in ("error", "execute_result")):
            return super().output(outs, msg, display_id, cell_index)
        if room > 0:
            start = content.get("text", "")[:room] if msg["msg_type"] == "stream" else ""
            text = f"{start}\n... output over {self.output_limit} bytes was cut ...\n"
            outs.append(new_output("stream", name="stdout", text=text))
        return None

    def _left(self) -> float:
        return self.notebook_timeout - (monotonic() - self._began)

    def _get_timeout(self, cell: NotebookNode | None) -> float | None:
        timeout = super()._get_timeout(cell)
        left = max(1.0, self._left())
        return left if timeout is None else min(timeout, left)

    async def _async_handle_timeout(self, timeout: float, cell: NotebookNode | None = None) -> dict[str, Any] | None:
        self._timed_out = timeout
        words = self._over_time()
        self.error_on_timeout = {"ename": OVER_TIME, "evalue": words, "traceback": [words]}
        return await super()._async_handle_timeout(timeout, cell)

    def _over_time(self) -> str:
        return (
            f"this cell was stopped after {self._timed_out:.0f} seconds: look for a loop that never ends, "
            "or use fewer images or epochs"
        )

    def _stop(self, cell: NotebookNode, cell_index: int, what: str) -> None:
        """Note on this cell what it did, and for all later ones that they could not be run."""
        first_line = cell.source.strip().splitlines()[0][:80]
        cell.outputs.append(_error(KERNEL_ENDED, f"this cell {what}"))
        self.trouble = f"not run: cell {cell_index + 1} (`{first_line}`) {what}"


def _error(name: str, words: str) -> NotebookNode:
    return new_output("error", ename=name, evalue=words, traceback=[f"{name}: {words}"])


def _size(content: dict) -> int:
    """About how many bytes an output message holds."""
    texts = [content.get("text", ""), *content.get("data", {}).values(), *content.get("traceback", [])]
    return sum(len(text) if isinstance(text, str) else len(str(text)) for text in texts)
