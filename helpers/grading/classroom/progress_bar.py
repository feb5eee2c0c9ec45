"""What an instructor sees while a class is graded: submissions done, marks so far, time left."""

import sys
import time
from contextlib import AbstractContextManager
from statistics import median

from tqdm import tqdm

from helpers.course.one_line import one_line


class Tally(AbstractContextManager):
    """A bar on a terminal; elsewhere, as in a log, a plain line for each submission; nothing at all unless `show`.

    Use it in a ``with`` statement. `best` is the points of a submission that has them all.
    """

    def __init__(self, total: int, best: float, show: bool):
        self.total, self.best = total, best
        bar = show and sys.stderr.isatty()
        self._lines = show and not bar
        self._bar = tqdm(total=total, unit="learner", desc="grading", disable=not bar, dynamic_ncols=True)
        self._marks, self._began = [], time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def add(self, student: str, mark: float) -> None:
        """One more is done."""
        self._marks.append(mark)
        words = f"{one_line(student, 60)}: {mark:g} of {self.best:g}, median so far {median(self._marks):g}"
        self._bar.set_postfix_str(words, refresh=False)
        self._bar.update()
        if self._lines:
            done = len(self._marks)
            left = tqdm.format_interval((time.monotonic() - self._began) / done * (self.total - done))
            print(f"{done} of {self.total}, {words}, {left} left", flush=True)
