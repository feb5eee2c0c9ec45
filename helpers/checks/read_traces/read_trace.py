"""The check of `read_trace`: four readings of a run, compared with the truth.

A problem is a set of histories, and the answer reads all of them before a word is said: one history may leave
open which mistake a wrong number comes from, several seldom do.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from helpers.checks.exercise import exercise
from helpers.checks.read_traces.misreadings import MISREADINGS, TRUTH, Records, plain_number, same
from helpers.checks.read_traces.traces import RUNS, Traces
from helpers.checks.report import Aspect, Finding, failed, passed, passed_if

PLAIN = {"best_epoch": (int,), "fine_tuning_began": (int, type(None)), "generalisation_gap": (float,), "overfits": (bool,)}
KEYS = tuple(PLAIN)


@exercise(
    aspects=(
        Aspect("best_epoch", "the best epoch: highest validation accuracy, among ties the lowest loss", 1.5),
        Aspect("fine_tuning_began", "the first epoch with a lower rate than the one before, or None", 1.5),
        Aspect("generalisation_gap", "training minus validation accuracy at the best epoch", 1.25),
        Aspect("overfits", "whether training still improves while the validation loss has risen by more than 5 %", 1.5),
        Aspect("plain", "exactly these four keys, with plain Python values", 0.75, requires=("best_epoch",)),
        Aspect("intact", "the history is left as it came", 0.5, requires=("best_epoch",)),
    ),
    cases=(RUNS,),
    hints=(
        "Four questions, one after the other. Three of them look for one record first: the best one, the first with a lower "
        "rate, the one with the lowest val_loss.",
        "max(history, key=...) and min(history, key=...) find a record; a key may be a tuple, such as accuracy and minus the "
        "loss. itertools.pairwise(history) pairs each record with the next.",
        'best = max(history, key=lambda record: (record["val_accuracy"], ...))\n'
        'falls = [after["epoch"] for before, after in pairwise(history) if ...]\n'
        'lowest, last = min(history, key=...), history[-1]\nrises = last["val_loss"] > 1.05 * lowest[...]\n'
        'return {"best_epoch": best["epoch"], "fine_tuning_began": falls[0] if falls else None, ...}',
    ),
)
def read_trace(case: Traces, answer: Callable[[list[dict]], dict]) -> Iterator[Finding]:
    """Have the answer read every history, then compare key by key."""
    originals, given = case.histories(), case.histories()
    results = [answer(history) for history in given]
    if not all(isinstance(result, Mapping) for result in results):
        kind = type(next(result for result in results if not isinstance(result, Mapping))).__name__
        yield failed("plain", "not_a_dict", found=f"a value of type {kind}", expected=f"a dict with the keys {', '.join(KEYS)}")
        return
    for key in KEYS:
        yield _reading_finding(case, key, originals, [result.get(key, Missing) for result in results])
    yield _plain_finding(results)
    yield passed_if(
        "intact", given == originals, "history_changed",
        found="the history that was read is not what it was", expected="a reader that changes nothing",
        likely="sort(), pop() and item assignment change the list itself: use sorted(), min() or a loop.",
    )  # fmt: skip


class Missing:
    """Stands for a key that is not there."""


def _reading_finding(case: Traces, key: str, histories: Sequence[Records], values: list) -> Finding:
    rights = [TRUTH[key](history) for history in histories]
    wrong = [number for number, pair in enumerate(zip(values, rights, strict=True)) if not same(key, *pair)]
    if not wrong:
        return passed(key)
    first = wrong[0]
    if values[first] is Missing:
        return failed(key, "missing_key", found=f'no key "{key}"', expected=f"the keys {', '.join(KEYS)}")
    reason, likely = _why(key, histories, values, rights)
    return failed(
        key, reason,
        found=f"{_shown(values[first])} {case.words(first)} ({len(wrong)} of {len(values)} histories are read wrongly)",
        expected=_shown(rights[first]), likely=likely,
    )  # fmt: skip


def _why(key: str, histories: Sequence[Records], values: list, rights: list) -> tuple[str, str]:
    """(reason code, likely cause): the misreading that gives exactly these values, if there is one."""
    for reason, (reading, likely) in MISREADINGS[key].items():
        if all(same(key, value, reading(history)) for value, history in zip(values, histories, strict=True)):
            return reason, likely
    pairs = list(zip(values, rights, strict=True))
    if key == "generalisation_gap" and all(_rounds_to(*pair) for pair in pairs):
        return "gap_rounded", "Do not round: a number can be rounded when it is shown."
    if key == "fine_tuning_began" and all(same(key, value, right) or right is None for value, right in pairs):
        return "not_none", "Where the rate never falls, fine-tuning never began: the value is None."
    return "misread", ""


def _rounds_to(value: Any, right: float) -> bool:
    value = plain_number(value)
    return isinstance(value, (int, float)) and abs(value - right) <= 0.06


def _shown(value: Any) -> str:
    return f"{value:.4f}" if type(value) is float else repr(value)[:80]


def _plain_finding(results: list[Mapping]) -> Finding:
    """Whether each result has the four keys and no other, with plain Python values."""
    expected = f"exactly the keys {', '.join(KEYS)}; int, int or None, float, bool"
    for result in results:
        if set(result) != set(KEYS):
            return failed("plain", "other_keys", found=f"the keys {', '.join(map(str, result))}"[:200], expected=expected)
        for key, kinds in PLAIN.items():
            if type(result[key]) not in kinds:
                found = f'"{key}" is of type {type(result[key]).__name__}'
                likely = "int(), float() and bool() make plain values of NumPy's and torch's."
                return failed("plain", "not_plain", found=found, expected=expected, likely=likely)
    return passed("plain")
