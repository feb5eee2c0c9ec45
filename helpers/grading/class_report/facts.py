"""One lesson of a class as facts: marks, what went wrong and how often, who needs a hand, which answers are alike."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import NamedTuple

from helpers.checks.report import NOT_ATTEMPTED
from helpers.grading.class_report.similar_answers import Pair

RIGHT, PARTLY, WRONG, UNTRIED, NOT_RUN, WAITING = "right", "partly right", "wrong", NOT_ATTEMPTED, "not run", "waits for a mark"
STATES = (RIGHT, PARTLY, WRONG, UNTRIED, NOT_RUN, WAITING)
HALF = 0.5  # of the points: below it a learner is listed among those who need a hand


class GradedExercise(NamedTuple):
    """One graded exercise of a lesson."""

    name: str
    points: float
    prose: bool = False


class Miss(NamedTuple):
    """One thing that did not hold in an answer: the reason's code, and in words what should have held."""

    reason: str
    title: str


class Work(NamedTuple):
    """One learner's answer to one exercise: one of `STATES`, its points, what did not hold, and its source."""

    state: str
    points: float
    misses: tuple[Miss, ...] = ()
    source: str = ""


@dataclass(frozen=True)
class Learner:
    """One learner whose submission was graded.

    Attributes:
        student: the id, which is the folder's name.
        works: exercise -> work.
        name: first and last name, where the gradebook knows them.
        seconds: how long the notebook ran; None if it was not run.
        refused: why the file could not be graded; empty if it could.
        notes: what was noticed about the file, its run and its marks.
        penalty: the points that lateness costs.
    """

    student: str
    works: dict[str, Work]
    name: str = ""
    seconds: float | None = None
    refused: str = ""
    notes: tuple[str, ...] = ()
    penalty: float = 0.0

    @property
    def total(self) -> float:
        """All points together, after what lateness costs."""
        return round(max(0.0, sum(work.points for work in self.works.values()) - self.penalty), 2)


class Mistake(NamedTuple):
    """What did not hold in the answers of one learner or more."""

    exercise: str
    miss: Miss
    learners: tuple[str, ...]


@dataclass(frozen=True)
class ClassReport:
    """One lesson of a class.

    Attributes:
        lesson: such as ``"03_freeze_base"``.
        title: the lesson's own, such as ``"03 · Freeze the base"``.
        exercises: the graded ones, in the lesson's order.
        learners: those whose submissions were graded, in the order of ids.
        ungraded: ids of those who handed in something that has no mark yet.
        pairs: answers that are unusually alike.
        limit: seconds that a notebook may run.
        made: when the facts were gathered.
    """

    lesson: str
    title: str
    exercises: tuple[GradedExercise, ...]
    learners: tuple[Learner, ...]
    ungraded: tuple[str, ...] = ()
    pairs: tuple[Pair, ...] = ()
    limit: float = 0.0
    made: date = field(default_factory=date.today)

    @property
    def maximum(self) -> float:
        """The points of all exercises together."""
        return round(sum(exercise.points for exercise in self.exercises), 2)

    @cached_property
    def names(self) -> dict[str, str]:
        """Learner -> first and last name, of those who have one."""
        return {learner.student: learner.name for learner in self.learners if learner.name}

    def works(self, exercise: str) -> list[Work]:
        """Everyone's work on one exercise."""
        return [learner.works[exercise] for learner in self.learners if exercise in learner.works]

    def mistakes(self) -> list[Mistake]:
        """What did not hold, the commonest first."""
        found: dict[tuple[int, Miss], list[str]] = defaultdict(list)
        for place, exercise in enumerate(self.exercises):
            for learner in self.learners:
                work = learner.works.get(exercise.name)
                for miss in dict.fromkeys(work.misses if work else ()):
                    found[place, miss].append(learner.student)
        order = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
        return [Mistake(self.exercises[place].name, miss, tuple(who)) for (place, miss), who in order]

    def attention(self) -> dict[str, list[tuple[str, str]]]:
        """Why learners need a hand -> (id, details); only reasons that somebody has."""
        graded = [learner for learner in self.learners if not learner.refused]
        groups = {
            "The file could not be graded": [(one.student, one.refused) for one in self.learners if one.refused],
            "Handed in, but there is no mark": [(student, "") for student in self.ungraded],
            "Noticed about the file or its run": [(one.student, note) for one in graded for note in one.notes],
            "Waits for a mark by hand": [(one.student, ", ".join(names)) for one in graded if (names := _waiting(one))],
            "Under half of the points": [(one.student, words) for one in graded if (words := self._under_half(one))],
        }
        return {reason: those for reason, those in groups.items() if those}

    def _under_half(self, learner: Learner) -> str:
        """The mark in words if it is under half of what has been marked; else nothing."""
        waiting = _waiting(learner)
        best = sum(exercise.points for exercise in self.exercises if exercise.name not in waiting)
        earned = sum(work.points for name, work in learner.works.items() if name not in waiting)
        return f"{round(earned, 2):g} of {best:g}" if earned < HALF * best else ""


def _waiting(learner: Learner) -> list[str]:
    return [name for name, work in learner.works.items() if work.state == WAITING]
