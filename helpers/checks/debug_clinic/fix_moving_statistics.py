"""The check of `fix_moving_statistics`: training that puts a frozen base into train mode."""

from collections.abc import Callable, Iterator
from functools import lru_cache

from torch import nn

from helpers.checks.debug_clinic.repair import GONE, MOST_KEPT, kept_finding, learned_finding, losses_finding, repair, trained
from helpers.checks.intact import intact
from helpers.checks.report import Finding, passed_if
from helpers.checks.small_models import Case, head_only, sgd
from helpers.checks.watching import visit

NUM_EPOCHS = 2


@repair(
    hints=(
        "Which part of the model should be in train mode while the head learns? Say so at the start of every epoch.",
        "model.eval(), then getattr(model, head_name).train(); or set_modes(model) of helpers.training, which goes by the flags.",
        "losses = []\nfor _ in range(num_epochs):\n    model.eval()\n    getattr(model, head_name)....\n"
        '    losses.append(train_epoch(model, loader, optimizer)["loss"])\nreturn losses',
    ),
    gone="the frozen base's running statistics stay",
    works="the head learns, on features that do not drift",
    head="the head is in train mode while it learns",
    returns="the mean loss of each epoch is returned",
    kept="frozen weights, flags and layers are as they were",
)
def fix_moving_statistics(case: Case, answer: Callable) -> Iterator[Finding]:
    """Train the head of a model that comes in train mode, as careless code leaves it."""
    model = head_only(case).train()
    seen = visit(model, case.head(model), answer, model, case.head_name, case.loader(), sgd(model), NUM_EPOCHS)
    yield intact(GONE, seen.before, seen.changes, "statistics_moved")
    reference, losses = _reference(case)
    words = "The base looks at each batch's own statistics: it is in train mode."
    yield learned_finding(model, reference, seen, [("base_in_train_mode", lambda: _reference(case, awake=True)[0], words)])
    yield passed_if(
        "head", seen.watch.calls and all(seen.watch.modes), "head_in_eval" if seen.watch.calls else "head_not_used",
        found="the head was in eval mode while it learned" if seen.watch.calls else "nothing went through the head",
        expected="the head in train mode: its dropout, if it has one, must work",
        likely="model.eval() reaches the head as well: put the head back into train mode afterwards." if seen.watch.calls else "",
    )  # fmt: skip
    yield losses_finding(seen.returned, losses)
    yield kept_finding(seen, statistics=False)


@lru_cache(MOST_KEPT)
def _reference(case: Case, awake: bool = False) -> tuple[nn.Module, list[float]]:
    """(the trained model, its losses), all of it in train mode if `awake`. Read it, do not change it."""
    model = head_only(case)
    if awake:
        model.train()
    return model, trained(model, case.loader(), sgd(model), NUM_EPOCHS)
