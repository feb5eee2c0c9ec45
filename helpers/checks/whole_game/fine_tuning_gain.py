"""The check of `fine_tuning_gain`: how much validation accuracy fine-tuning added, read from a history."""

import math
from collections.abc import Callable, Iterator

from helpers.checks.exercise import exercise
from helpers.checks.report import Aspect, Finding, passed_if, wrong_type
from helpers.checks.whole_game.two_phases import TwoPhases, gain, slips

PLAIN = "a plain float, such as 0.07"


@exercise(
    aspects=(
        Aspect("gain", "the best epoch of fine-tuning is compared with the best one of the head", 2.0),
        Aspect("plain", "the answer is a plain float", 0.5, requires=("gain",)),
        Aspect("intact", "the history is left as it came", 0.5, requires=("gain",)),
    ),
    cases=(TwoPhases(5, 10, 0), TwoPhases(3, 4, 1), TwoPhases(6, 2, 2)),
    hints=(
        "Two numbers from the table: the best validation accuracy of the head's epochs, and the best one after it. Subtract.",
        'record["phase"] is "head" or "fine-tune"; max(... for record in history if ...) finds the best of one phase.',
        'before = max(record["val_accuracy"] for record in history if record["phase"] == "head")\nafter = max(...)\n'
        "return after - before",
    ),
)
def fine_tuning_gain(case: TwoPhases, answer: Callable[[list[dict]], float]) -> Iterator[Finding]:
    """Have the answer read one run, and compare with our own reading."""
    original, given = case.history(), case.history()
    value = answer(given)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        yield wrong_type(
            "gain", "not_a_number", value, PLAIN, "" if value is not None else "The function returns nothing: return it."
        )
        return
    right = gain(original)
    nearly = abs(value - right) <= 0.0051 and not math.isclose(value, right, abs_tol=1e-9)
    known = (
        *slips(original),
        *([(value, "rounded", "Do not round: a number can be rounded when it is shown.")] if nearly else []),
    )
    reason, likely = next((slip[1:] for slip in known if math.isclose(slip[0], value, abs_tol=1e-9)), ("other_number", ""))
    yield passed_if(
        "gain", math.isclose(value, right, abs_tol=1e-9), reason,
        found=f"{value:.4f} for a run of {case.head_epochs} + {case.tuned_epochs} epochs", expected=f"{right:.4f}", likely=likely,
    )  # fmt: skip
    yield passed_if("plain", isinstance(value, float), "not_a_float", found=f"a {type(value).__name__}", expected=PLAIN)
    yield passed_if(
        "intact", given == original, "history_changed",
        found="the history that was read is not what it was", expected="a reader that changes nothing",
        likely="sort(), pop() and item assignment change the list itself: use sorted(), max() or a loop.",
    )  # fmt: skip
