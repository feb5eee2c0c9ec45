"""The problems that only the grader poses: drawn at random from a secret, the same ones at every grading.

The code here may be public; what is secret is the seed. It lies in ``.course/secret``, made at first
use, so a re-grade poses the same problems and gives the same marks. ``FINETUNE_SECRET`` in the
environment takes its place: for tests, for several machines that grade one class, and from
`helpers.grading.examination`, which draws each submission's problems from a seed of its own.

Called from the hidden part of a test cell: ``cases = hidden.cases("freeze_base")``.
"""

from __future__ import annotations

import hashlib
import os
import random
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from helpers import settings

HEAD_NAMES = ("fc", "classifier", "head", "output", "last_linear", "top")

# Exercises whose problems are not the usual small models: grade_id -> make(seed, count) -> problems.
# Lessons add theirs with `special`, in modules named in SPECIAL_MODULES.
SPECIAL: dict[str, Callable[[int, int], Sequence[Any]]] = {}
SPECIAL_MODULES = ("hidden_training", "hidden_strategies", "hidden_traces", "hidden_races", "hidden_clinic")


def special(name: str) -> Callable[[Callable], Callable]:
    """Decorator: ``make(seed, count)`` gives the hidden problems of the exercise `name`."""

    def register(make: Callable[[int, int], Sequence[Any]]) -> Callable[[int, int], Sequence[Any]]:
        SPECIAL[name] = make
        return make

    return register


def seed(name: str) -> int:
    """The seed of one exercise's hidden problems, in [0, 2**31)."""
    digest = hashlib.sha256(f"{secret()}:{name}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def cases(name: str, count: int = 5) -> Sequence[Any]:
    """The hidden problems of the exercise `name`; small models of every kind unless it has registered its own."""
    _load_special()
    if name in SPECIAL:
        return SPECIAL[name](seed(name), count)
    return small_models(seed(name), count)


def small_models(number: int, count: int = 5, **fixed: Any) -> list[Any]:
    """`count` different `helpers.checks.cases.Case`, all kinds in turn; `fixed` are fields to keep as given."""
    from helpers.checks.cases import KINDS, Case

    draw = random.Random(number)
    kinds = draw.sample(KINDS, len(KINDS))
    heads = draw.sample(HEAD_NAMES, len(HEAD_NAMES))
    made = []
    for index in range(count):
        batch_size = draw.choice((3, 4, 5))
        fields = {
            "kind": kinds[index % len(kinds)],
            "head_name": heads[index % len(heads)],
            "num_classes": draw.randint(3, 12),
            "width": draw.choice((6, 8, 10, 12)),
            "num_blocks": draw.randint(3, 5),
            "num_images": 3 * batch_size + draw.choice((1, 2)),  # the last batch is smaller
            "batch_size": batch_size,
            "seed": draw.randrange(1_000, 2**31),  # visible problems have small seeds
        }
        made.append(Case(**{**fields, **fixed}))
    return made


def _load_special() -> None:
    from importlib import import_module
    from importlib.util import find_spec

    for module in SPECIAL_MODULES:
        if find_spec(f"{__package__}.{module}"):
            import_module(f"{__package__}.{module}")


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
