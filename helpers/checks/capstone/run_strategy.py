"""The check of `run_strategy`: a whole strategy judged by what it did to a small model, and by what it looked at."""

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import chain
from typing import Any

from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from helpers.checks import training_result
from helpers.checks.capstone.watched_run import PHASES, SIZES, StrategyProblem, WatchedRun, watch
from helpers.checks.capstone.what_moved import (
    NO_RATE,
    first_head,
    fits,
    frozen_finding,
    head_finding,
    head_phase_finding,
    learning,
    memory_findings,
    rate_findings,
    released_finding,
)
from helpers.checks.exercise import exercise, in_rounds
from helpers.checks.report import Aspect, Finding, failed, passed, passed_if, unreached
from helpers.checks.small_models import Case
from helpers.checks.training_result import best_finding
from helpers.training.loop import measure

PROBLEMS = (
    StrategyProblem(came="patchwork"),
    StrategyProblem(Case(kind="nested", head_name="classifier", num_classes=7, seed=1), num_classes=4, released_blocks=2),
    StrategyProblem(
        Case(kind="lookalike", head_name="head", num_classes=3, width=6, seed=2),
        num_classes=5, released_blocks=0, came="all frozen",
    ),
)  # fmt: skip


@exercise(
    aspects=(
        Aspect("head", "the model itself has a new head of the right size, and is otherwise built as before", 2),
        Aspect("head_phase", "in the head's epochs the head learns, and nothing else", 2, requires=("head",)),
        Aspect("released", "in the fine-tuning epochs head and released blocks learn", 2, requires=("head",)),
        Aspect("frozen", "frozen weights and all BatchNorm statistics are as they were", 2.5, requires=("released",)),
        Aspect("optimizer", "each phase has a new optimizer, at its own rate", 1.5, requires=("released",)),
        Aspect("records", "one whole record an epoch, numbered over both phases", 1.5, requires=("released",)),
        Aspect("best", "the model is left with the weights of the whole run's best epoch", 2, requires=("records",)),
        Aspect("trainable", "the result says how many numbers were trainable in each phase", 0.5, requires=("head",)),
        Aspect("test", "the test images are looked at once, at the end, with the model as it is left", 1.5, requires=("head",)),
    ),
    cases=PROBLEMS,
    hints=(
        "Swap, freeze, then twice the same: count what is trainable, build an optimizer, train and measure epoch by epoch, keep "
        "the best weights. Between the two, release. At the end put the best weights back, and only then test.",
        'setattr(model, config["head_name"], nn.Linear(...)), model.requires_grad_(False), '
        "model.get_submodule(name).requires_grad_(True), set_modes, train_epoch, measure, copy.deepcopy(model.state_dict()).",
        'for phase in ("head", "fine_tune"):\n    if phase == "fine_tune":\n        ...  # release the last blocks\n'
        "    learning = [p for p in model.parameters() if p.requires_grad]\n"
        '    optimizer = torch.optim.Adam(learning, lr=config[f"{phase}_lr"])\n'
        '    for _ in range(config[f"{phase}_epochs"]):\n        set_modes(model)\n'
        "        ...  # train, measure, record, keep the best\nmodel.load_state_dict(best)",
    ),
)
def run_strategy(problem: StrategyProblem, answer: Callable[[nn.Module, dict, dict], dict]) -> Iterator[Finding]:
    """Run the strategy as it is, then its head phase alone, then fine-tuning alone, each on a fresh model.

    Before that each phase alone at next to no rate: whatever moves there moves at another rate than it was told; and fine-tuning
    after such a head phase and without one: an optimizer that remembers the head's epochs trains in another way.
    """
    slow = partial(watch, problem, answer, head_epochs=1, fine_tune_epochs=0, head_lr=NO_RATE)
    blocks = max(1, problem.released_blocks)  # a head alone would move alike in both at a rate of the optimizer's own
    tuned = watch(problem, answer, head_epochs=0, fine_tune_epochs=1, fine_tune_lr=NO_RATE, released_blocks=blocks)
    still = slow()
    rates = list(rate_findings(still, tuned, slow))
    held = all(finding.passed for finding in rates)
    head = first_head(still) if held else None  # else it has moved
    if held and rates:
        rates += memory_findings(partial(watch, problem, answer), problem.case)
    rounds = (
        (_trainable_finding, {"weighed": True}),
        (head_phase_finding, {"head_epochs": 2, "fine_tune_epochs": 0, "came": "all trainable"}),
        (released_finding, {"head_epochs": 0, "fine_tune_epochs": 2, "came": "all frozen"}),
    )
    looks = (_look_at_run(problem, answer, look, first_head=head, **changes) for look, changes in rounds)
    return in_rounds(chain([rates], looks), once=("trainable", "head_phase", "released"))


def _look_at_run(problem: StrategyProblem, answer: Callable, look: Callable, **changes: Any) -> Iterator[Finding]:
    """What every run says something about, and what this one alone does: `look`. None of it if a part cannot be looked at."""
    run = watch(problem, answer, **changes)
    yield from (*_findings(run), look(run))


def _findings(run: WatchedRun) -> Iterator[Finding]:
    """The findings that every run gives."""
    result = run.result if isinstance(run.result, Mapping) else {}
    history, epochs = result.get("history"), run.problem.head_epochs + run.problem.fine_tune_epochs
    yield head_finding(run)
    yield frozen_finding(run)
    yield _optimizer_finding(run)
    records, val = _records_finding(run, history, epochs), _unwatched(run, "val")
    if not fits(run):
        yield from (records, *unreached(("best", "test")))
        return
    yield run.weights.finding(records, history, run.model, val) if run.weights else records
    yield best_finding(records, history, measure(run.model, val))
    yield _test_finding(run, result.get("test"))


def _unwatched(run: WatchedRun, split: str) -> DataLoader:
    return DataLoader(TensorDataset(*run.problem.images(split)), batch_size=16)


def _optimizer_finding(run: WatchedRun) -> Finding:
    problem, batches = run.problem, math.ceil(SIZES["train"] / run.problem.case.batch_size)
    counts = {phase: getattr(problem, f"{phase}_epochs") * batches for phase in PHASES}
    if len(run.steps) != sum(counts.values()):
        return failed(
            "optimizer", "other_steps", found=f"{len(run.steps)} optimizer steps",
            expected=f"{sum(counts.values())}: one for each training batch of each epoch",
            likely="One optimizer of torch.optim in each phase, for all that is trainable then.",
        )  # fmt: skip
    parts = {"head": run.steps[: counts["head"]], "fine_tune": run.steps[counts["head"] :]}
    for phase, steps in parts.items():
        lr = getattr(problem, f"{phase}_lr")
        other = next((step for step in steps if not math.isclose(step, lr, rel_tol=1e-6)), None)
        if other is not None:
            return failed(
                "optimizer", "rate_ignored", found=f"a step at rate {other:g} in the {phase} epochs",
                expected=f'{lr:g}, as config["{phase}_lr"] says', likely="Hand the phase's own rate to its optimizer.",
            )  # fmt: skip
    return passed("optimizer")


def _trainable_finding(run: WatchedRun) -> Finding:
    found = run.result.get("trainable") if isinstance(run.result, Mapping) else None
    if not fits(run):
        return unreached(["trainable"])[0]
    if not isinstance(found, Mapping) or set(found) != set(PHASES):
        words = f"{found!r}"[:120]
        return failed("trainable", "not_the_dict", found=words, expected='a dict with the keys "head" and "fine_tune"')
    head, blocks = learning(run)
    tensors = dict(run.model.named_parameters())
    expected = {phase: sum(tensors[n].numel() for n in names) for phase, names in zip(PHASES, (head, head | blocks), strict=True)}
    right = all(type(value) is int for value in found.values()) and dict(found) == expected
    counted = dict(found) == {"head": len(head), "fine_tune": len(head | blocks)}
    return passed_if(
        "trainable", right, "tensors_counted" if counted else "other_count", found=f"{dict(found)}"[:120], expected=f"{expected}",
        likely="These are numbers of tensors: add up p.numel() of those that are trainable." if counted else "",
    )  # fmt: skip


def _records_finding(run: WatchedRun, history: object, epochs: int) -> Finding:
    records = training_result.records_finding(history, epochs)
    if not records.passed:
        return records
    rates = [run.problem.head_lr] * run.problem.head_epochs + [run.problem.fine_tune_lr] * run.problem.fine_tune_epochs
    wrong = next((r for r, lr in zip(history, rates, strict=True) if not math.isclose(r["lr"], lr, rel_tol=1e-6)), None)
    return passed_if(
        "records", wrong is None, "wrong_rate",
        found=f"lr {wrong['lr']:g} in epoch {wrong['epoch']}" if wrong else "", expected="each record with its phase's rate",
    )  # fmt: skip


def _test_finding(run: WatchedRun, said: object) -> Finding:
    looks, size, early = run.looks("test"), SIZES["test"], int(run.early)
    once = f"each of the {size} test images read once, after all training"
    if looks > size:
        after, reason, likely = looks - early, "test_read_again", ""
        if early:
            reason = "test_looked_at_often"
            likely = "Whoever looks at the test images before the end chooses by them: choose by the validation images."
        found = f"{looks} looks at test images, {after} of them at the end"
        return failed("test", reason, found=found, expected=once, likely=likely)
    if looks < size:
        likely = 'Measure data["test"] at the very end.'
        return failed("test", "test_not_measured", found=f"{looks} looks at test images", expected=once, likely=likely)
    if early:
        return failed("test", "test_too_early", found="training went on after the test", expected=once)
    if not isinstance(said, Mapping) or set(said) != {"loss", "accuracy"}:
        return failed("test", "not_the_dict", found=f"{said!r}"[:120], expected='a dict with the keys "loss" and "accuracy"')
    epochs = run.problem.head_epochs + run.problem.fine_tune_epochs
    # After one pass for each epoch; more where training images are measured as well, one where they were put aside at first.
    usual, found = sorted({epochs, 1, *range(epochs, run.passes() + 1)}, key=lambda passes: passes != run.passes()), {}
    for passes in usual[:20]:
        found = measure(run.model, _tested(run, passes))
        if all(type(said[key]) is float and math.isclose(said[key], found[key], abs_tol=1e-3) for key in found):
            return passed("test")
    return failed(
        "test", "test_disagrees", found=f"the result says {dict(said)}"[:120],
        expected=f"loss {found['loss']:.4f}, accuracy {found['accuracy']:.4f}: the model as it was left, in eval mode",
    )  # fmt: skip


def _tested(run: WatchedRun, passes: int) -> DataLoader:
    """The test images as they are at the first look, after so many passes over the training images."""
    return DataLoader(TensorDataset(*run.problem.test_images(passes, 0)), batch_size=16)
