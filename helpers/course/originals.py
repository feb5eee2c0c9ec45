"""Where a lesson stands as it was made, whatever a learner has made of it: its master, or the copy that a handout brings."""

import re
from pathlib import Path

from helpers.course import settings

COPIES = Path(__file__).with_name("originals")  # in a handout alone
LESSON = re.compile(r"\d\d_[a-z0-9_]+")


def paths(root: Path | None = None) -> dict[str, Path]:
    """Lesson -> notebook, in order."""
    copies = {path.stem: path for path in COPIES.glob("*.ipynb")}
    made = {path.stem: path for path in (root or settings.root()).glob("source/*/*.ipynb") if path.stem == path.parent.name}
    return {name: path for name, path in sorted((copies | made).items()) if LESSON.fullmatch(name)}
