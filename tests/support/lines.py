"""Lines from a judge to a learner's side, for tests: in this very process, and in a process of its own."""

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from helpers.checks import display
from helpers.checks.report import Report
from helpers.grading.inside.answer_judge import answer, serve
from helpers.grading.judging import test_cell
from helpers.grading.judging.judged_run import SocketLine

Change = Callable[[dict, bytes], tuple[object, bytes]]


class Loopback:
    """A line to functions in this process, over the same bytes: the wire without a kernel.

    Args:
        names: what the learner has defined.
        change: what is done to each answer on its way, as by a learner who has replaced the course's own code.

    Attributes:
        found: what is said of torch's switches.
    """

    def __init__(self, names: dict, *, change: Change | None = None):
        self.names, self.change = names, change
        self.found: list = []

    def ask(self, request: bytes) -> tuple[bytes, bytes]:
        content, tensors = answer(pickle.loads(request), self.names, self.found)
        if self.change:
            content, tensors = self.change(content, tensors)
        return json.dumps(content).encode(), tensors


class Apart(SocketLine):
    """A line to a process of its own in which a learner's cells have run: what they replace there stays there."""

    def __init__(self, cells: str, folder: Path, seconds: float = 120):
        path = folder / "judge.sock"
        super().__init__(path, monotonic() + seconds)
        self.open()
        self._process = os.fork()
        if not self._process:
            try:
                self._door.close()  # the judge's end: while it is open here, nobody hears the judge hang up
                names: dict = {"__name__": "__main__"}
                exec(cells, names)
                serve(names, str(path))
            finally:
                os._exit(0)

    def close(self) -> None:
        """Hang up, and see the process end."""
        super().close()
        os.waitpid(self._process, 0)


def mark(cell: str, line: test_cell.Line) -> tuple[float, Report | None]:
    """The mark of a test cell, and the report that it showed. A test cell that fails gives 0, as a grader takes it."""
    with display.collected() as shown:
        try:
            points = test_cell.run_test(cell, line)
        except Exception:
            points = 0.0
    return points, shown[-1] if shown else None
