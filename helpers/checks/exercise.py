"""An exercise as the learner calls it: check, hints, solution, and the mark of its test cell."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any

from torch import nn

from helpers.checks import clean_torch, stopped
from helpers.checks.display import Hints, Solution, show
from helpers.checks.live_check import LiveCheck
from helpers.checks.report import MOST_QUOTED, Aspect, Finding, Report, unreached
from helpers.course import live_view, progress
from helpers.course.one_line import one_line
from helpers.training.live_trace import hushed

Examine = Callable[..., Iterable[Finding]]
# The lessons in their order, as in source/: each has a folder of its own beside this file.
LESSONS = (
    "whole_game", "load_pretrained", "replace_head", "freeze_base", "train_head", "unfreeze_blocks",
    "fine_tune", "read_traces", "quiz", "debug_clinic", "capstone", "take_it_home",
    "not_only_resnet", "honest_data",
)  # fmt: skip


class NotAttempted(Exception):
    """Raised by an examiner when a value (not a function) still is what the stub left, such as None."""


STUB = "Write your answer here"  # how the words of the stub's NotImplementedError begin, see nbgrader_config.py


@dataclass(frozen=True)
class Exercise:
    """One graded exercise.

    Calling it with the learner's answer runs the visible check. `grade` is for the locked test cell.

    Attributes:
        name: the ``grade_id`` of the answer cell.
        lesson: the assignment it belongs to, such as ``"03_freeze_base"``.
        aspects: what a right answer does, with weights.
        examine: ``examine(case, *answer)`` yields one `Finding` or more for an answer on one case.
        cases: the visible problems; each is handed to `examine` in turn.
        hints: the idea, the name of the API, nearly the code.
    """

    name: str
    lesson: str
    aspects: tuple[Aspect, ...]
    examine: Examine
    cases: Sequence[Any]
    hints: tuple[str, str, str]

    def __call__(self, *answer: Any) -> Report:
        """The visible check of an answer; a right one is noted on the start page."""
        report = self.report(*answer)
        progress.record(self.lesson, self.name, report.status)
        if live_view.has_page():
            report.live = lambda shown: LiveCheck(shown, self).show()
        return report

    def report(self, *answer: Any, cases: Sequence[Any] | None = None, points: float | None = None) -> Report:
        """Examine an answer on `cases` (default: the visible ones), in a clean torch. Never raises on a bad answer."""
        report = Report(self.name, self.aspects, points=points, note=clean_torch.found())
        tidied = [clean_torch.Tidied(part) if callable(part) and not isinstance(part, nn.Module) else part for part in answer]
        with clean_torch.clean_torch(), hushed():
            for case in self.cases if cases is None else cases:
                if not self._examine_one(report, case, tidied):
                    break
        calls = [part.left for part in tidied if isinstance(part, clean_torch.Tidied)]
        left = [call for those in calls for call in those]
        report.left_switched(left, clean_torch.remedies(left))
        if report.note and not calls:  # values that were made with it in force: no other cause is likely
            report.findings = {key: replace(finding, likely="") for key, finding in report.findings.items()}
        return report

    def _examine_one(self, report: Report, case: Any, answer: list) -> bool:
        """Add the findings on one case; False if there is no sense in going on."""
        seen: set[str] = set()
        try:
            for finding in self.examine(case, *answer):
                seen.add(finding.aspect)
                report.add([finding])
            return True
        except NotAttempted:
            report.attempted = bool(report.findings)
        except (Exception, SystemExit) as error:
            if _is_stub(error):
                report.attempted = bool(report.findings)
                report.trouble = "part of the answer still raises NotImplementedError" if report.attempted else ""
            else:
                words, report.cause = stopped.explained(error, case, self.name)
                report.trouble = one_line(words, MOST_QUOTED)
        if report.attempted:
            # What this case could not reach must not stand on an earlier case's word.
            unseen = (aspect.key for aspect in self.aspects if aspect.key not in seen)
            report.add(unreached(unseen))
        return False

    def grade(self, *answer: Any, points: float, cases: Sequence[Any] | None = None) -> float:
        """Show the report and return the mark: a plain float in [0, points]. For locked test cells.

        On a learner's computer a right one is noted on the start page: some lessons have no other check.
        """
        report = self.report(*answer, cases=cases, points=points)
        progress.record(self.lesson, self.name, report.status)
        show(report)
        return report.score if math.isfinite(report.score) else 0.0

    def hint(self, number: int | None = None) -> Hints:
        """The three hints, folded; `number` (1 to 3) opens one of them."""
        return Hints(self.name, self.hints, number)

    def solution(self) -> Solution:
        """The course's own answer, folded. Where the instructor switched solutions off, says so instead."""
        return Solution.of(self.lesson, self.name)


def exercise(
    *, aspects: tuple[Aspect, ...], cases: Sequence[Any], hints: tuple[str, str, str], rounds: Sequence[Any] = ()
) -> Callable[[Examine], Exercise]:
    """A decorator that makes an examiner the exercise of its own name, in the lesson in whose folder its module stands.

    Where there are `rounds`, each case goes through all of them, as with `in_rounds`: ``examine(case, one_of_them, *answer)``.
    """

    def made(examine: Examine) -> Exercise:
        folder = examine.__module__.split(".")[-2]
        lesson = f"{LESSONS.index(folder):02d}_{folder}"

        @wraps(examine)
        def examined(case: Any, *answer: Any) -> Iterator[Finding]:
            return in_rounds(examine(case, one, *answer) for one in rounds)

        return Exercise(examine.__name__, lesson, aspects, examined if rounds else examine, cases, hints)

    return made


def in_rounds(rounds: Iterable[Iterable[Finding]], once: Iterable[str] = ()) -> Iterator[Finding]:
    """The findings of one round after the other, each of which looks at the same aspects afresh.

    Where an answer stops in a later round, what that round did not reach does not stand on an earlier one's word. `once` are
    the aspects that only one of the rounds looks at: of those the word stays.
    """
    earlier: set[str] = set()
    for findings in rounds:
        seen: set[str] = set()
        try:
            for finding in findings:
                seen.add(finding.aspect)
                yield finding
        except (Exception, SystemExit):
            yield from unreached(sorted(earlier - seen - {*once}))
            raise
        earlier |= seen


def _is_stub(error: BaseException) -> bool:
    """Whether this is the stub's own error or one without words: torch raises NotImplementedError as well, and says more."""
    return isinstance(error, NotImplementedError) and (not str(error).strip() or str(error).startswith(STUB))
