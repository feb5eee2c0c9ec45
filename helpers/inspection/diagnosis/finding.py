"""What a diagnosis says: problems, each with what was seen, why it matters, and what to do."""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from helpers.course.palette import FAULT, GREEN, INK, TINT
from helpers.course.paper import paper
from helpers.inspection.step_probe import Probe


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        code: short snake_case name, a key of `helpers.inspection.diagnosis.diagnose.DETECTORS`.
        what: what was seen, with numbers and names.
        why: why it matters.
        remedy: what to do.
        where: names of the tensors or modules concerned.
    """

    code: str
    what: str
    why: str
    remedy: str
    where: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"[{self.code}] {self.what}\n    why: {self.why}\n    do:  {self.remedy}"


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """All problems found, in the order in which to mend them. Empty, and so false, if there are none.

    Attributes:
        problems: what is wrong.
        probe: the step that was tried.
        summary: what the set-up is, in a sentence.
    """

    problems: tuple[Problem, ...]
    probe: Probe
    summary: str

    @property
    def codes(self) -> tuple[str, ...]:
        """The problems' codes, in order."""
        return tuple(problem.code for problem in self.problems)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self.problems)

    def __len__(self) -> int:
        return len(self.problems)

    def __getitem__(self, code: str) -> Problem:
        """The problem with this code."""
        return {problem.code: problem for problem in self.problems}[code]

    @property
    def headline(self) -> str:
        """The outcome in one line."""
        number = len(self.problems)
        return {0: "No problem found.", 1: "One problem found:"}.get(number, f"{number} problems found, causes first:")

    def __repr__(self) -> str:
        return "\n".join([self.headline, *map(repr, self.problems), self.summary])

    def _repr_html_(self) -> str:
        colour = FAULT if self.problems else GREEN
        items = "".join(
            f"<li style='margin:.5em 0'><b>{escape(p.what)}</b> <code style='color:{INK};background:{TINT}'>{p.code}</code>"
            f"<div>{escape(p.why)}</div><div><i>Do:</i> {escape(p.remedy)}</div></li>"
            for p in self.problems
        )
        head = f"<div style='font-weight:600;color:{colour}'>{self.headline}</div>"
        return paper(f"{head}<ol style='margin:.2em 0'>{items}</ol><div>{escape(self.summary)}</div>", edge=colour)


def tensors(number: int) -> str:
    """A number of tensors, in words."""
    return "1 tensor" if number == 1 else f"{number} tensors"
