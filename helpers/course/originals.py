"""Where a lesson stands as it was made, whatever a learner has made of it: its master, or the copy that a handout brings."""

import json
import re
from pathlib import Path

from helpers.course import settings

COPIES = Path(__file__).with_name("originals")  # in a handout alone
LESSON = re.compile(r"\d\d_[a-z0-9_]+")
SOLUTION = ("### BEGIN SOLUTION", "### END SOLUTION")  # an answer in a master stands between these lines
# What learners see in the place of an answer; nbgrader_config.py has them from here.
CODE_STUB = 'raise NotImplementedError("Write your answer here, then run this cell.")'
TEXT_STUB = "Write your answer here."
_ANSWER = re.compile(rf"(?ms)^(?P<indent>[ \t]*){SOLUTION[0]}.*?{SOLUTION[1]}[^\n]*")


def paths(root: Path | None = None) -> dict[str, Path]:
    """Lesson -> notebook, in order."""
    copies = {path.stem: path for path in COPIES.glob("*.ipynb")}
    made = {path.stem: path for path in (root or settings.root()).glob("source/*/*.ipynb") if path.stem == path.parent.name}
    return {name: path for name, path in sorted((copies | made).items()) if LESSON.fullmatch(name)}


def without_answer(source: str, kind: str) -> str:
    """A cell's source as learners are handed it; `kind` is its ``cell_type``."""
    stub = CODE_STUB if kind == "code" else TEXT_STUB
    return _ANSWER.sub(lambda match: match["indent"] + stub, source)


def stubs(lesson: str, root: Path | None = None) -> dict[str, str]:
    """``grade_id`` of each exercise of a lesson -> its answer cell's source as it was handed out. Empty where nobody knows."""
    path = paths(root).get(lesson)
    if path is None:
        return {}
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    answers = [(cell, info) for cell in cells if (info := cell["metadata"].get("nbgrader", {})).get("solution")]
    return {info["grade_id"]: without_answer("".join(cell["source"]), cell["cell_type"]) for cell, info in answers}
