"""The mark that a test cell gave, read from its outputs: the same reading for a learner's self-check and for the grader.

nbgrader's own reading gives full marks to a test cell that printed nothing, to a NaN and to a negative
number, and none to right work that warned on stderr. Here a mark is a finite number in
[0, points] that the cell said, or an explicit 0 with the reason.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from helpers.course.one_line import one_line

# Names of the errors that `helpers.notebooks.run_cells` leaves in a cell's outputs; their words are for the learner as they are.
NOT_RUN, OVER_TIME, KERNEL_ENDED = OUR_ERRORS = ("NotRun", "CellTimeoutError", "KernelEnded")
_NUMBER = r"[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|inf|nan)"
# 4.5, np.float64(4.5), tensor(4.5), tensor(4.5, dtype=torch.float64), array(4.5)
_MARK = re.compile(rf"(?:[a-z_][\w.]*\(\s*)?({_NUMBER})(?:\s*,[^()]*)?\s*\)?", re.IGNORECASE)


@dataclass(frozen=True)
class Verdict:
    """The mark of one test cell.

    Attributes:
        score: a plain float in [0, points].
        points: the maximum.
        note: why this is not simply what the cell said, in words; empty if it is.
        odd: whether an instructor should look: true of a mark that had to be corrected, not of an answer that failed.
    """

    score: float
    points: float
    note: str = ""
    odd: bool = False


def verdict(outputs: Iterable[Mapping[str, Any]], points: float) -> Verdict:
    """The verdict that a test cell's outputs (nbformat 4) stand for. Never raises."""
    points = float(points)
    outputs = list(outputs)
    errors = [output for output in outputs if output["output_type"] == "error"]
    if errors:
        # An interrupted cell has a KeyboardInterrupt as well: what interrupted it says more.
        return Verdict(0.0, points, _error(next((error for error in errors if error.get("ename") in OUR_ERRORS), errors[0])))
    results = [output for output in outputs if output["output_type"] == "execute_result"]
    if len(results) != 1:
        number = "no mark" if not results else "more than one mark"
        return Verdict(0.0, points, f"the test cell gave {number}", odd=True)
    text = _joined(results[0].get("data", {}).get("text/plain", "")).strip()
    match = _MARK.fullmatch(text) if len(text) < 200 else None
    if match is None:
        return Verdict(0.0, points, f"the test cell's result is not a number: {one_line(text, 60)}", odd=True)
    return _bounded(float(match[1]), points)


def _bounded(mark: float, points: float) -> Verdict:
    """`mark` as a finite number in [0, points], with a note where that changed it."""
    if not math.isfinite(mark):
        return Verdict(0.0, points, f"the mark is not a finite number ({mark}) and counts as 0", odd=True)
    if mark < 0:
        return Verdict(0.0, points, f"the mark is negative ({mark:g}) and counts as 0", odd=True)
    if mark > points:
        return Verdict(points, points, f"the mark {mark:g} is above the maximum and counts as {points:g}", odd=True)
    return Verdict(mark, points)


def _error(output: Mapping[str, Any]) -> str:
    """One line for an error output; the code around it stays out, since it may be a hidden test."""
    words = str(output.get("evalue", "")).strip().splitlines()
    if output.get("ename") in OUR_ERRORS and words:
        return one_line(words[0])
    kind = one_line(output.get("ename", "an error"), 100)
    return f"the test cell stopped with {kind}" + (f": {one_line(words[0], 200)}" if words else "")


def _joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)
