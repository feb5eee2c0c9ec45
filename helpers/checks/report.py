"""What a check can say: aspects, findings, and the report made of them.

A check looks at an answer in several *aspects* ("the base is frozen", "the head is trainable"). Each
look at one aspect on one problem is a *finding*. A *report* merges the findings: an aspect holds if
it held on every problem, and the first finding that failed is the one shown.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from helpers.checks.display import box
from helpers.course.one_line import one_line
from helpers.course.palette import BLUE, FAULT, GREEN, SOFT_INK
from helpers.course.paper import with_code

NOT_ATTEMPTED = "not attempted"
NOT_YET = "not yet"
RIGHT = "right"
NOTED = "noted"  # of a class's quiz answer: it is there, and the instructor's grading will mark it

# Colour and sign of each status; the words always stand beside them.
LOOKS = {NOT_ATTEMPTED: (SOFT_INK, "○"), NOT_YET: (FAULT, "△"), RIGHT: (GREEN, "✓"), NOTED: (BLUE, "●")}
NOT_REACHED = "error"  # the reason of a finding that stands for a look which an error of the answer's prevented
FINE_SO_FAR, FINE_SO_FAR_NOTE = "fine so far", "What is fine so far counts once the rest holds, too."
# The report for programs, kept in notebooks beside text and HTML and shown nowhere; "+json" makes nbformat keep it as JSON.
REPORT_MIME = "application/vnd.finetune-course.report+json"
MOST_QUOTED = 1000  # characters of a part of a finding, and of an error's words
EXPLAINED = ("found", "expected", "likely")  # what a finding says of an aspect that did not hold, in the order shown
SIGNS = {"yes": "✓", "not yet": "△", "not reached": "○", FINE_SO_FAR: "○"}


@dataclass(frozen=True)
class Aspect:
    """One thing that a right answer does.

    Attributes:
        key: short name, the same in findings and tests.
        title: the sentence shown to the learner, true of a right answer.
        weight: its share of the points, relative to the other aspects.
        requires: keys of aspects without which this one earns nothing. It keeps an answer that does
            nothing at all from collecting what it left intact.
    """

    key: str
    title: str
    weight: float = 1.0
    requires: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """One look at one aspect.

    Attributes:
        aspect: key of the aspect looked at.
        passed: whether it held.
        reason: short code of what went wrong, such as ``"head_frozen"``; empty when it held.
        found: what the check saw, in words.
        expected: what it should have seen, in words.
        likely: what probably happened, and what to look at next.
    """

    aspect: str
    passed: bool
    reason: str = ""
    found: str = ""
    expected: str = ""
    likely: str = ""


def passed(aspect: str) -> Finding:
    """A finding that says the aspect held."""
    return Finding(aspect, True)


def failed(aspect: str, reason: str, *, found: str, expected: str, likely: str = "") -> Finding:
    """A finding that says the aspect did not hold, and why. What it quotes of an answer is bounded here, for all who show it."""
    return Finding(aspect, False, reason, *(_quoted(part) for part in (found, expected, likely)))


def _quoted(text: str) -> str:
    """The beginning of a long text: an answer may give back megabytes."""
    return text if len(text) <= MOST_QUOTED else one_line(text, MOST_QUOTED)


def wrong_type(aspect: str, reason: str, value: object, expected: str, likely: str = "") -> Finding:
    """A finding that says a value of another type came back than the one that was to come."""
    return failed(aspect, reason, found=f"a {type(value).__name__}", expected=expected, likely=likely)


def unreached(aspects: Iterable[str]) -> list[Finding]:
    """Findings for looks that an error of the answer's own prevented: without points, and without words of their own."""
    return [Finding(aspect, False, NOT_REACHED) for aspect in aspects]


def passed_if(aspect: str, condition: object, reason: str, *, found: str, expected: str, likely: str = "") -> Finding:
    """The finding for a yes-or-no look: `passed` where the condition is true, else `failed` with the words given."""
    return passed(aspect) if condition else failed(aspect, reason, found=found, expected=expected, likely=likely)


@dataclass
class Report:
    """The outcome of a check, for people (``repr``, HTML) and for marks (`share`).

    Attributes:
        exercise: the name of the exercise.
        aspects: what was to be looked at, in the order shown.
        findings: aspect key -> the finding that counts.
        attempted: whether the answer cell has been filled in.
        trouble: an error of the answer's own that ended the check, in words; empty if none.
        cause: the code of the mistake behind that error, where it is certain which one it is; else empty.
        note: what else there is to know, such as how torch was switched before the check.
        points: the maximum number of points, where the report stands for a mark.
        live: what shows it with buttons, where a page listens to them.
    """

    exercise: str
    aspects: tuple[Aspect, ...]
    findings: dict[str, Finding] = field(default_factory=dict)
    attempted: bool = True
    trouble: str = ""
    points: float | None = None
    cause: str = ""
    note: str = ""
    live: Callable[["Report"], None] | None = field(default=None, compare=False, repr=False)

    def left_switched(self, calls: Sequence[str], remedies: str) -> None:
        """Take a tenth of the points where the answer has left global switches of torch's in another position."""
        if calls and self.attempted:
            weight = sum(aspect.weight for aspect in self.aspects) / 9
            self.aspects = (*self.aspects, Aspect("switches", "torch's global switches are as they were", weight))
            found = f"after the answer all other code runs with {', '.join(calls)}"
            expected = "every switch in the position in which it was"
            self.add([failed("switches", "left_switched", found=found, expected=expected, likely=remedies)])

    def add(self, findings: Iterable[Finding]) -> None:
        """Merge findings in: the first failed finding of an aspect stays."""
        for finding in findings:
            known = self.findings.get(finding.aspect)
            if known is None or (known.passed and not finding.passed):
                self.findings[finding.aspect] = finding

    def passed(self, key: str) -> bool:
        """Whether the aspect was looked at and held."""
        return key in self.findings and self.findings[key].passed

    def earns(self, aspect: Aspect) -> bool:
        """Whether the aspect and all that it requires held."""
        return self.passed(aspect.key) and all(self.passed(key) for key in aspect.requires)

    @property
    def share(self) -> float:
        """The part of the points that is earned, in [0, 1]."""
        if not self.attempted:
            return 0.0
        total = sum(aspect.weight for aspect in self.aspects)
        return float(sum(aspect.weight for aspect in self.aspects if self.earns(aspect)) / total)

    @property
    def score(self) -> float:
        """The points earned: a plain float in [0, points], rounded to hundredths."""
        return round(self.share * float(self.points or 0.0), 2)

    @property
    def status(self) -> str:
        """One of ``"not attempted"``, ``"not yet"`` and ``"right"``."""
        if not self.attempted:
            return NOT_ATTEMPTED
        return RIGHT if self.share == 1.0 and not self.trouble else NOT_YET

    @property
    def reasons(self) -> set[str]:
        """The codes of everything that was found wrong."""
        return {finding.reason for finding in self.findings.values() if not finding.passed} | ({self.cause} - {""})

    @property
    def headline(self) -> str:
        """The outcome in one line."""
        line = {
            NOT_ATTEMPTED: "not attempted yet: replace the line with NotImplementedError by your answer and run that cell",
            NOT_YET: "not yet",
            RIGHT: "right",
        }[self.status]
        mark = "" if self.points is None else f" ({self.score:g} of {self.points:g} points)"
        return f"{self.exercise}: {line}{mark}"

    def _follows(self, aspect: Aspect) -> bool:
        """Whether what did not hold may come of something else that did not, which stands above it."""
        return any(key in self.findings and not self.passed(key) for key in aspect.requires)

    def _rows(self) -> list[tuple[str, str, list[tuple[str, str]]]]:
        """For each aspect: a mark in words, its title, and (label, text) pairs that explain it."""
        rows = []
        for aspect in self.aspects if self.attempted else ():
            finding = self.findings.get(aspect.key)
            if finding is None or finding.reason == NOT_REACHED:
                mark = "not reached"
            elif not finding.passed:
                mark = "not yet"
            elif not self.earns(aspect):
                mark = FINE_SO_FAR
            else:
                mark = "yes"
            parts = [(part, getattr(finding, part)) for part in EXPLAINED] if mark == "not yet" else []
            rows.append((mark, aspect.title, [(part, text) for part, text in parts if text]))
        return rows

    def _notes(self) -> list[str]:
        """What the marks of the rows need explained, and what else there is to know."""
        fine = [FINE_SO_FAR_NOTE] if any(mark == FINE_SO_FAR for mark, _, _ in self._rows()) else []
        return [*fine, *([self.note] if self.note else [])]

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, dict]:
        """The report for programs, such as the class report; IPython adds the text and the HTML."""
        aspects = []
        for aspect in self.aspects if self.attempted else ():
            reason = self.findings[aspect.key].reason if aspect.key in self.findings else NOT_REACHED
            aspects.append({"key": aspect.key, "title": aspect.title, "passed": self.passed(aspect.key), "reason": reason})
        return {REPORT_MIME: {"exercise": self.exercise, "status": self.status, "trouble": self.trouble, "aspects": aspects}}

    def __repr__(self) -> str:
        lines = [self.headline, *([f"  {self.trouble}"] if self.trouble else [])]
        for mark, title, details in self._rows():
            lines.append(f"  [{mark}] {title}")
            lines.extend(f"      {label}: {text}" for label, text in details)
        return "\n".join([*lines, *(f"  {note}" for note in self._notes())])

    def _ipython_display_(self) -> None:
        if self.live is None:
            raise NotImplementedError  # IPython shows text, HTML and the report for programs
        self.live(self)

    def _repr_html_(self) -> str:
        return self.html()

    def html(self, below: str = "") -> str:
        """The card, with more HTML at its end."""
        trouble = f"<p style='margin:.4em 0'>{with_code(self.trouble)}</p>" if self.trouble else ""
        aspects = self.aspects if self.attempted else ()
        items = "".join(_item(*row, self._follows(aspect)) for aspect, row in zip(aspects, self._rows(), strict=True))
        notes = "".join(f"<div style='color:{LOOKS[NOT_ATTEMPTED][0]}'>{with_code(note)}</div>" for note in self._notes())
        aspects = f"<ul style='list-style:none;padding:0;margin:.3em 0'>{items}</ul>"
        return box(LOOKS[self.status], self.headline, f"{trouble}{aspects}{notes}{below}")


def _item(mark: str, title: str, details: list[tuple[str, str]], follows: bool) -> str:
    lines = "".join(f"<div style='margin-left:1.5em'><i>{label}:</i> {with_code(text)}</div>" for label, text in details)
    if lines and follows:
        lines = f"<details style='margin-left:1.5em'><summary>may follow from what is above</summary>{lines}</details>"
    head = f"<span aria-hidden='true'>{SIGNS[mark]}</span> <b>{mark}</b> &nbsp;{with_code(title)}"
    first = f"<div style='padding-left:1.5em;text-indent:-1.5em'>{head}</div>"  # a second line begins where the words do
    return f"<li style='margin:.25em 0'>{first}{lines}</li>"
