"""A name that is not there yet, in a check or in an answer, or a cell that was stopped: a sentence in place of a traceback.

It holds in a learner's notebook. Where a grader runs the cells nothing is changed, and any other error is shown as ever.
"""

import os
import re
import sys
from types import TracebackType
from typing import Any

CHECK = re.compile(r"^\s*(?:checks\.\w+(?:\.grade)?|quiz\.grade)\(", re.MULTILINE)
BARE_LETTERS = re.compile(r"^(q\d\d_\w+)\s*=\s*([A-Za-z](?:[\s,]+[A-Za-z])*)\s*(?:#.*)?$", re.MULTILINE)

STOPPED = (
    "You stopped this cell. What its last lines make is not there: run it again when you like. In a training loop of your own, "
    "`if live(history, num_epochs): break` at each epoch's end shows the trace, and makes Stop keep what was learned."
)


def remedy(cell: str, name: str) -> str:
    """What to do about `name`, which the cell with this source uses and nobody has defined; empty where that is not certain."""
    bare = next((found for found in BARE_LETTERS.finditer(cell) if name in re.split(r"[\s,]+", found[2])), None)
    if bare:
        return f'Put the letter in quotes: {bare[1]} = "{bare[2]}". Without them, {name} is the name of a variable.'
    if CHECK.search(cell):
        return f"There is no {name} yet: run the cell above first, in which it is made, and see that it ends without an error."
    return ""


def explain_in_notebooks() -> None:
    """From now on `remedy` answers a NameError of a check's own cell, and STOPPED an interruption, where a learner runs cells."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is not None and not os.environ.get("NBGRADER_EXECUTION"):
        shell.set_custom_exc((NameError, KeyboardInterrupt), _shown)


def _shown(shell: Any, kind: type, error: BaseException, trace: TracebackType, tb_offset: int | None = None) -> None:
    """Show the sentence, or the traceback where there is none. The cell counts as failed either way."""
    from html import escape

    from IPython.display import display

    from helpers.checks.display import box
    from helpers.checks.report import LOOKS, NOT_ATTEMPTED

    deep = trace.tb_next is not None and trace.tb_next.tb_next is not None  # raised in a function: something else is amiss
    if isinstance(error, KeyboardInterrupt):
        words = STOPPED
    else:
        words = "" if deep else remedy(shell.user_ns.get("_ih", [""])[-1], error.name or "")
    if words:
        display({"text/plain": words, "text/html": box(LOOKS[NOT_ATTEMPTED], content=escape(words))}, raw=True)
    else:
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
