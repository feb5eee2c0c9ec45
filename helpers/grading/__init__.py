"""The instructor's part, and the only place that imports nbgrader. Learners are not handed this package.

In the order in which a class passes through it; no room imports from a later line:

    nbgrader_course  nbgrader's settings and folders of one course
    handout          masters -> notebooks/ and solutions/, and what learners are handed
    submission       what was handed in: the notebook wherever it lies, and the files beside it
    hidden           the problems that only the grader poses
    inside           all of grading that a box shows: kernels forked and ended, answers acting on a judge's problems
    sandbox          a box: what keeps a learner's notebook apart, and how its kernels are started and spoken to
    judging          a submission examined: its cells run in a box, the master's test cells apart from it
    gradebook        marks: stored in one transaction, backed up, as a table, exported; class lists, due dates, a changed master
    collect          what a learning platform let an instructor download -> submitted/
    classroom        a whole class, several learners at once
    feedback         pages with reasons, for learners
    class_report     one lesson of a class as facts and as a page, for instructors
    nbgrader_steps   transplant, run and verdicts as nbgrader takes them, for its own commands
    demo             a small class to look at
"""

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any

# nbgrader imports with itself what a Jupyter server is told of it: that takes a server's parts, and all of nbgrader's commands.
# Here these come when they are called, or imported from within.
SERVER = {"assignment_list": "handlers", "course_list": "handlers", "validate_assignment": "handlers", "formgrader": "formgrader"}


def _put_off() -> None:
    """Have stand-ins in their place."""
    found = importlib.util.find_spec("nbgrader") if "nbgrader" not in sys.modules else None
    for name, inner in SERVER.items() if found else ():
        part = ModuleType(f"nbgrader.server_extensions.{name}")
        part.__path__ = [f"{folder}/server_extensions/{name}" for folder in found.submodule_search_locations]

        def load(app: Any, inside: str = f"{part.__name__}.{inner}") -> None:
            importlib.import_module(inside).load_jupyter_server_extension(app)

        part.load_jupyter_server_extension = part._load_jupyter_server_extension = load
        sys.modules.setdefault(part.__name__, part)


_put_off()
