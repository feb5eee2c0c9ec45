"""The check of `fine_tune`: a loop that moves what is released, keeps its best epoch, and records every one."""

import math
from collections.abc import Callable, Iterator

from helpers.checks import training_result
from helpers.checks.exercise import exercise
from helpers.checks.fine_tune.tried_run import TRIED_EPOCHS, TRIED_LR, loaders, prepared
from helpers.checks.intact import intact
from helpers.checks.report import Aspect, Finding, failed, passed_if
from helpers.checks.seen_weights import seen_weights
from helpers.checks.small_models import TO_TRAIN, Case, head_names
from helpers.checks.training_result import best_finding
from helpers.inspection.snapshot import Snapshot, changes_since, listed, take_snapshot
from helpers.training.loop import measure
from helpers.training.recipe import CAUTIOUS_LR, FINE_TUNE_EPOCHS


@exercise(
    aspects=(
        Aspect("released", "all that is released learns", 2),
        Aspect("frozen", "frozen weights and all BatchNorm statistics are as they were", 1.5, requires=("released",)),
        Aspect("best", "the model is left with its best epoch's weights", 2, requires=("released",)),
        Aspect("records", "one whole record an epoch, 10 epochs unless told otherwise", 1.5, requires=("released",)),
        Aspect("rate", "the rate is the one asked for, 1e-4 unless told otherwise", 1, requires=("released",)),
        Aspect("flags", "the loop switches no requires_grad", 0.5, requires=("released",)),
    ),
    cases=tuple(case for case in TO_TRAIN if case.kind != "lookalike"),  # twenty epochs each
    hints=(
        "One optimizer for all that is trainable. Each epoch: set the modes, train, measure, record; if it is the best so far, "
        "keep a copy of the weights.",
        "set_modes(model), train_epoch(model, train_loader, optimizer), measure(model, val_loader); "
        "copy.deepcopy(model.state_dict()), model.load_state_dict(best).",
        "optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=lr)\n"
        "for epoch in range(1, num_epochs + 1):\n    set_modes(model)\n"
        '    ...\n    if val["accuracy"] > best_accuracy:\n'
        '        best_accuracy, best = val["accuracy"], copy.deepcopy(model.state_dict())\nmodel.load_state_dict(best)',
    ),
)
def fine_tune(case: Case, answer: Callable) -> Iterator[Finding]:
    """Run the answer at a high rate for six epochs, once with its own defaults, and at two rates for one epoch."""
    num_epochs, lr = TRIED_EPOCHS, TRIED_LR
    model = prepared(case)
    before, (train, val) = take_snapshot(model), loaders(case)
    with seen_weights(model, case.head_name) as seen:
        history = answer(model, train, val, num_epochs, lr)
    changes = changes_since(before, model)
    yield _released_finding(before, changes.parameters, head_names(model, case.head_name))
    yield intact("frozen", before, changes, "frozen_moved", "statistics_moved")
    yield intact("flags", before, changes, "flags_changed")
    yield passed_if(
        "flags", not changes.modules, "flags_changed",
        found=f"these are different modules than before: {listed(changes.modules)}", expected="the layers that were handed in",
    )  # fmt: skip
    records = training_result.records_finding(history, num_epochs)
    yield seen.finding(records, history, model, val)
    yield best_finding(records, history, measure(model, val))
    default = answer(prepared(case), train, val)
    yield training_result.records_finding(default, FINE_TUNE_EPOCHS)
    yield _rate_finding(case, answer, {lr: history, CAUTIOUS_LR: default})


def _released_finding(before: Snapshot, moved: frozenset[str], head: set[str]) -> Finding:
    still = {name for name, flag in before.flags.items() if flag} - moved
    trainable = {name for name, flag in before.flags.items() if flag}
    reason, likely = "released_not_moved", ""
    if still == trainable:
        reason = "nothing_moved"
        likely = (
            "Nothing was updated in this model: is there a step, was it a copy that learned, were the starting weights put back?"
        )
    elif still == trainable - head:
        reason = "only_head_moved"
        likely = "The head alone learns: give the optimizer all parameters whose requires_grad is True."
    return passed_if(
        "released", not still, reason,
        found=f"{len(still)} tensors that are trainable were not updated: {listed(still)}",
        expected="all that has requires_grad = True learns: the head and the released block", likely=likely,
    )  # fmt: skip


def _rate_finding(case: Case, answer: Callable, runs: dict[float, object]) -> Finding:
    """Whether records carry the rate, and a hundredth of the rate changes the head by far less."""
    for lr, history in runs.items():
        records = training_result.records_finding(history, len(history) if isinstance(history, list) else 0, lr)
        if not records.passed:
            return failed("rate", records.reason, found=records.found, expected=f"lr {lr:g} in every record")
    slow, fast = (_way(case, answer, lr) for lr in (1e-5, 1e-3))
    same = slow and math.isclose(slow, fast, rel_tol=0.01)
    return passed_if(
        "rate", 0 < slow < fast / 10, "rate_ignored" if same else "other_steps",
        found=f"with lr=1e-5 the head changes by {slow:.1e}, with lr=1e-3 by {fast:.1e}",
        expected="about a hundred times as far at a hundred times the rate",
        likely="Hand lr on to the optimizer: it has a rate of its own otherwise." if same else "",
    )  # fmt: skip


def _way(case: Case, answer: Callable, lr: float) -> float:
    """How far the head's weight moves in one epoch at this rate."""
    model = prepared(case)
    start = case.head(model).weight.detach().clone()
    answer(model, *loaders(case), 1, lr)
    return float((case.head(model).weight.detach() - start).norm())
