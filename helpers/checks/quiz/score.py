"""How far a learner is: right answers by section, and by level where a section is a test."""

from collections import Counter
from dataclasses import dataclass

from helpers.checks.quiz.marking import LESSON, explains
from helpers.checks.quiz.questions import LEVELS, load
from helpers.checks.report import NOTED, RIGHT
from helpers.course import progress
from helpers.course.palette import GREEN, PALE
from helpers.course.whereabouts import show

TEST, ENOUGH = "Do you have it?", 8  # from eight of the ten questions on one has it


@dataclass(frozen=True)
class Score:
    """One section's score.

    Attributes:
        section: its name.
        right: answers that were marked right; where marks come later, answers that were noted.
        questions: how many it has.
        levels: level -> (right, questions).
    """

    section: str
    right: int
    questions: int
    levels: dict[str, tuple[int, int]]

    def __str__(self) -> str:
        return f"{self.section}: {self.right} of {self.questions} ({self.by_level})"

    @property
    def by_level(self) -> str:
        """The levels in words."""
        return ", ".join(f"{level} {right} of {number}" for level, (right, number) in self.levels.items())


@dataclass(frozen=True)
class Scores:
    """The scores of all sections.

    Attributes:
        sections: in the quiz's order.
        marked: whether answers are marked here: in a class they are noted.
    """

    sections: tuple[Score, ...]
    marked: bool

    @property
    def verdict(self) -> str:
        """What the test's score means; or what is still to come."""
        if not self.marked:
            return "These are answers noted. Your instructor marks them."
        test = next((score for score in self.sections if score.section == TEST), None)
        if test is None or test.right < ENOUGH:
            return f"From {ENOUGH} right answers in “{TEST}” on, you have it."
        return "You have it."

    def __repr__(self) -> str:
        return "\n".join([*map(str, self.sections), self.verdict])

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display({"text/plain": repr(self), "text/html": self._repr_html_()}, raw=True)
        show(LESSON)

    def _repr_html_(self) -> str:
        rows = "".join(_row(score) for score in self.sections)
        titles = ("section", RIGHT if self.marked else NOTED, "", "by level")
        head = "".join(f"<th scope='col' style='text-align:left'>{title}</th>" for title in titles)
        return f"<table style='border-collapse:collapse'><tr>{head}</tr>{rows}</table><p>{self.verdict}</p>"


def score() -> Scores:
    """The score of each section: answers that were right on this computer, clicked or marked, once or more often."""
    questions, statuses = load().values(), progress.load().get(LESSON, {})
    marked = all(explains(question) for question in questions)
    wanted = (RIGHT,) if marked else (RIGHT, NOTED)
    found = []
    for section in dict.fromkeys(question.section for question in questions):
        own = [question for question in questions if question.section == section]
        right = Counter(question.level for question in own if statuses.get(question.id) in wanted)
        number = Counter(question.level for question in own)
        levels = {level: (right[level], number[level]) for level in LEVELS if number[level]}
        found.append(Score(section, right.total(), len(own), levels))
    return Scores(tuple(found), marked)


def _row(score: Score) -> str:
    """A row of the table, with a bar; colours are told by the words beside it as well."""
    full = f"<span style='display:inline-block;height:.7em;width:{score.right}em;background:{GREEN}'></span>"
    rest = f"<span style='display:inline-block;height:.7em;width:{score.questions - score.right}em;background:{PALE}'></span>"
    bar = f"<span aria-hidden='true'>{full}{rest}</span>"
    cells = (score.section, f"{score.right} of {score.questions}", bar, score.by_level)
    return "<tr>" + "".join(f"<td style='text-align:left;padding-right:1.2em'>{c}</td>" for c in cells) + "</tr>"
