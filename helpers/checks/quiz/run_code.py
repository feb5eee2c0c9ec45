"""What a question's code really prints or raises: run in a fresh namespace, on models that are built on the spot."""

import contextlib
import io
import re
import warnings
from dataclasses import dataclass

from helpers.checks.quiz.question_kinds import ChoiceQuestion, OrderingQuestion
from helpers.checks.quiz.questions import get
from helpers.course import settings
from helpers.course.errors import CourseError

NOTHING = "(it prints nothing)"
# Warnings that speak to the authors of libraries, not to the one who runs them.
INTERNAL = (DeprecationWarning, PendingDeprecationWarning, ResourceWarning)


@dataclass(frozen=True)
class Printed:
    """What a run printed.

    Attributes:
        code: the lines that were asked for, without what runs before them.
        text: all that was printed; an error is the last line, as in ``"ValueError: ..."``.
    """

    code: str
    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        from helpers.checks.code_listing import highlighted, printed

        return highlighted(self.code) + printed(self.text)


def run(question_id: str, answer: str = "") -> Printed:
    """Run the code of a question, of one of its options, or of its items in an order, and return what it prints or raises.

    Args:
        question_id: such as ``"q03_freeze_snippet"``.
        answer: an option's letter; for an ordering question the letters in the order to run them; empty: the question's own code.

    Raises:
        CourseError: no such question or letter, or there is no code to run.
    """
    question = get(question_id)
    lines = lines_of(question, answer)
    return Printed(lines, printed_by(f"{question.setup}\n{lines}\n{question.code if answer else ''}"))


def check(question_id: str) -> Printed:
    """Run the quick check of a question, and return what it prints.

    Raises:
        CourseError: no such question, or its check would tell an answer that is still to be marked.
    """
    question = get(question_id)
    if not question.check or not settings.load().show_solutions:
        raise CourseError(f"The quick check of {question_id} comes with the feedback.")
    return Printed(question.check, printed_by(f"{question.setup}\n{question.check}"))


def lines_of(question: ChoiceQuestion | OrderingQuestion, answer: str) -> str:
    """The lines that `answer` stands for; see `run`."""
    letters = re.sub(r"[^a-z]", "", str(answer).lower())
    parts = question.options if isinstance(question, ChoiceQuestion) else question.items
    known = {part.letter: part.code for part in parts if part.code}
    if not letters and question.code and isinstance(question, ChoiceQuestion):
        return question.code
    if not letters or (isinstance(question, ChoiceQuestion) and len(letters) > 1) or not set(letters) <= set(known):
        raise CourseError(f"There is no code {answer!r} to run in {question.id}: {_remedy(question, known)}.")
    return "\n".join(known[letter] for letter in letters)


def _remedy(question: ChoiceQuestion | OrderingQuestion, known: dict[str, str]) -> str:
    if not known:
        return f'write quiz.run("{question.id}")' if question.code else "it has none; take another question"
    if isinstance(question, OrderingQuestion):
        return f"write the letters {' '.join(known)} in the order to run them"
    return f"take one of the letters {', '.join(known)}"


def printed_by(source: str) -> str:
    """What the source prints, warnings and its error included. Random numbers are the same in every run and nobody else's."""
    import torch

    stream = io.StringIO()
    with (
        torch.random.fork_rng(devices=[]),
        torch.enable_grad(),
        warnings.catch_warnings(record=True) as warned,
        contextlib.redirect_stdout(stream),
    ):
        torch.manual_seed(0)
        warnings.simplefilter("always")
        try:
            exec(compile(source, "<quiz>", "exec"), {"__name__": "__quiz__"})
            error = ""
        except (Exception, SystemExit) as raised:
            error = f"{type(raised).__name__}: {str(raised).strip().splitlines()[0] if str(raised).strip() else ''}"
    said = [w for w in warned if not issubclass(w.category, INTERNAL)]
    lines = [stream.getvalue().rstrip("\n"), *(f"{w.category.__name__}: {str(w.message).splitlines()[0]}" for w in said), error]
    return "\n".join(line for line in lines if line) or NOTHING
