"""The problems that only the grader poses: drawn at random from a secret, the same ones at every grading.

The code here may be public; what is secret is the seed. It lies in ``.course/secret``, made at first
use, so a re-grade poses the same problems and gives the same marks. ``FINETUNE_SECRET`` in the
environment takes its place: for tests, for several machines that grade one class, and from
`helpers.grading.judging.examine`, which draws each submission's problems from a seed of its own.

Called from the hidden part of a test cell: ``cases = hidden.cases("freeze_base")``.
"""

import hashlib
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from helpers.course import settings


def seed(name: str) -> int:
    """The seed of one exercise's hidden problems, in [0, 2**31)."""
    digest = hashlib.sha256(f"{secret()}:{name}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def cases(name: str, count: int = 5) -> Sequence[Any]:
    """The hidden problems of the exercise `name`; small models of unrelated classes unless it has a maker of its own."""
    from helpers.grading.hidden.problems import MAKERS, small_models  # imports torch

    return MAKERS.get(name, small_models)(seed(name), count)


def secret(root: Path | None = None) -> str:
    """What hidden problems are drawn from: the environment's FINETUNE_SECRET, else the course's own, made at first use."""
    if os.environ.get("FINETUNE_SECRET"):
        return os.environ["FINETUNE_SECRET"]
    path = (root or settings.root()) / ".course" / "secret"
    if not path.is_file():
        _make_secret(path)
    return path.read_text(encoding="ascii")


def _make_secret(path: Path) -> None:
    """Write the file whole or not at all: of graders that start at once the first one's secret stays."""
    path.parent.mkdir(exist_ok=True)
    mine = path.with_name(f"secret.{os.getpid()}.tmp")
    descriptor = os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(16))
    try:
        os.link(mine, path)
    except FileExistsError:
        pass
    except OSError:
        mine.replace(path)  # a file system without links
    mine.unlink(missing_ok=True)
