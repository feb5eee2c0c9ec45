"""Variants: number of classes, images and seed drawn from who the learner is, the same on a laptop and where marks are given.

Off unless ``[variants]`` in ``course.toml`` says otherwise. The grader draws by the name under which the work was handed in, so a
learner who goes by another's name at home gains nothing.

    choices = Choices.of(content.get("variants", {}), path)
    variant = choices.variant()                        # None where variants are off
    which_classes(10, variant.num_classes, variant.seed)
"""

from __future__ import annotations

import os
import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from helpers.course.errors import CourseError

# Who the learner is, by rank: set by graders for one submission; set by JupyterHub; else `learner` in course.toml.
LEARNER = "FINETUNE_LEARNER"
SOURCES = (LEARNER, "JUPYTERHUB_USER")
LINE = re.compile(r"""(?m)^learner\s*=\s*("[^"\n]*"|'[^'\n]*')""")  # in course.toml
KEPT = "learner.txt"  # in .course/


@dataclass(frozen=True)
class Variant:
    """What one learner's lessons run on, where it differs from the others'.

    Attributes:
        learner: whose it is, as the name was read.
        seed: decides which images are in which split, and which classes are kept; in [0, 2**31).
        num_classes: how many classes of the data set; 0 for all.
        dataset: which data set; empty for the profile's own.
    """

    learner: str
    seed: int
    num_classes: int
    dataset: str


@dataclass(frozen=True)
class Choices:
    """The table ``[variants]`` of ``course.toml``.

    Attributes:
        enabled: whether learners have variants at all.
        course: any text; another one deals out all variants anew.
        learner: who works on this computer, as the instructor knows them.
        num_classes: numbers of classes to draw from; empty for always all.
        datasets: data sets to draw from; empty for always the profile's own.
    """

    enabled: bool = False
    course: str = ""
    learner: str = ""
    num_classes: tuple[int, ...] = ()
    datasets: tuple[str, ...] = ()

    @classmethod
    def of(cls, table: object, path: Path) -> Choices:
        """The choices as the file at `path` gives them; a file without the table has variants off.

        Raises:
            CourseError: a name that is none of these, or a value of another kind.
        """
        kinds = {"enabled": bool, "course": str, "learner": str, "num_classes": list, "datasets": list}
        right = isinstance(table, dict) and all(type(value) is kinds.get(name) for name, value in table.items())
        if right:
            right = all(type(number) is int and number >= 2 for number in table.get("num_classes", []))
            right = right and all(isinstance(name, str) and name for name in table.get("datasets", []))
        if not right:
            words = 'enabled = true or false, learner = "", course = "", num_classes = [numbers from 2 on], datasets = ["names"]'
            raise CourseError(f"{path}: the part [variants] can hold {words}; correct what differs.")
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in table.items()})

    def variant(self) -> Variant | None:
        """The variant of who works here; None where variants are off.

        Raises:
            CourseError: nobody has said who that is.
        """
        if not self.enabled:
            return None
        named = [*(os.environ.get(name, "") for name in SOURCES), self.learner]
        learner = next((plain for name in named if (plain := _plain(name))), "")
        if not learner:
            raise CourseError(
                "Each learner of this course has images of their own, and it is not known who you are: write the name or number "
                'under which you hand in as learner = "..." into the part [variants] of course.toml.'
            )
        return self.of_learner(learner)

    def of_learner(self, learner: str) -> Variant:
        """The variant of one learner: equal on every machine, with every version of Python."""
        learner = _plain(learner)

        def drawn(what: str) -> int:
            text = "\0".join((self.course, learner, what))
            return int.from_bytes(_digest(text.encode("utf-8", "surrogatepass"))[:4], "big") >> 1

        num_classes = self.num_classes[drawn("num_classes") % len(self.num_classes)] if self.num_classes else 0
        dataset = self.datasets[drawn("dataset") % len(self.datasets)] if self.datasets else ""
        return Variant(learner, drawn("seed"), num_classes, dataset)


def keep_name(path: Path) -> None:
    """Have a learner's name in ``course.toml`` again after the next handout has replaced that file; at `path`.

    A folder that cannot be written is no error: the lessons ask for the name.
    """
    kept = path.parent / ".course" / KEPT
    with suppress(OSError):
        text = path.read_text(encoding="utf-8")
        found = LINE.search(text)
        if found and found[1][1:-1].strip():
            kept.parent.mkdir(exist_ok=True)
            kept.write_text(found[0], encoding="utf-8")
        elif found and kept.is_file():
            line = kept.read_text(encoding="utf-8")
            path.write_text(LINE.sub(lambda _: line, text, count=1), encoding="utf-8", newline="\n")


def which_classes(available: int, count: int, seed: int) -> list[int]:
    """`count` of the labels 0 to `available` - 1, drawn by `seed`, in ascending order."""
    by_lot = sorted(range(available), key=lambda label: _digest(f"{seed}:{label}".encode()))
    return sorted(by_lot[:count])


def _digest(content: bytes) -> bytes:
    import hashlib  # loads OpenSSL, and most courses draw nothing

    return hashlib.sha256(content).digest()


def _plain(name: str) -> str:
    """A learner's name without what people do not see: outer blanks, capitals, and how accents are stored (macOS differs)."""
    return unicodedata.normalize("NFC", name).strip().casefold()
