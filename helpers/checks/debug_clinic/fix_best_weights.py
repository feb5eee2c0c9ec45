"""The check of `fix_best_weights`: best weights that went on changing."""

import math
from collections.abc import Callable, Iterator
from functools import lru_cache

from helpers.checks.debug_clinic.patients import turning
from helpers.checks.debug_clinic.repair import CASES, GONE, MOST_KEPT, WORKS, kept_finding, losses_finding, repair, trained
from helpers.checks.report import Finding, passed_if
from helpers.checks.small_models import Case
from helpers.checks.tensors import CLOSE
from helpers.checks.watching import visit
from helpers.training.loop import measure

NUM_EPOCHS = 5


@repair(
    hints=(
        "A photograph or a window: which of the two did the program keep of its best moment?",
        "copy.deepcopy(model.state_dict()) takes the picture; model.load_state_dict(...) hangs it up again.",
        "if losses[-1] == min(losses):\n    best = copy....(model.state_dict())",
    ),
    cases=CASES[:2],
    gone="the model is left with its best epoch's weights",
    works="all epochs are trained",
    returns="the validation loss of each epoch is returned",
    kept="frozen weights and statistics are as they were",
)
def fix_best_weights(case: Case, answer: Callable) -> Iterator[Finding]:
    """Train twice: a run that is best after two epochs, and one that is best after three."""
    for turn in (2, 3):
        model, loader, val, optimizer = turning(case, turn)
        seen = visit(model, case.head(model), answer, model, loader, val, optimizer, NUM_EPOCHS)
        expected = _val_losses(case, turn)
        yield _left_finding(measure(model, val)["loss"], expected)
        said = seen.returned if isinstance(seen.returned, list) and all(type(value) is float for value in seen.returned) else []
        whole = len(said) == len(expected) and math.isclose(said[-1], expected[-1], rel_tol=CLOSE)
        yield passed_if(
            WORKS, whole, "not_trained_through", found=f"{len(said)} epochs in what the function returned",
            expected=f"{NUM_EPOCHS} epochs of training, the last with a validation loss of {expected[-1]:.4f}",
            likely="All epochs are to be trained, the ones after the best as well: nobody knows beforehand which it will be.",
        )  # fmt: skip
        yield losses_finding(seen.returned, expected, "validation loss")
        yield kept_finding(seen)


@lru_cache(MOST_KEPT)
def _val_losses(case: Case, turn: int) -> list[float]:
    """The validation loss after each epoch, by `helpers.training`'s own loop. Read it, do not change it."""
    model, loader, val, optimizer = turning(case, turn)
    losses = []
    for _ in range(NUM_EPOCHS):
        trained(model, loader, optimizer)
        losses.append(measure(model, val)["loss"])
    return losses


def _left_finding(found: float, losses: list[float]) -> Finding:
    """Whether the model that is left is the one of the epoch with the lowest validation loss."""
    best = losses.index(min(losses))
    epochs = [epoch for epoch, loss in enumerate(losses, start=1) if math.isclose(found, loss, rel_tol=CLOSE)]
    whose = f", that of epoch {epochs[-1]}" if epochs else ""
    reason = "no_epochs_weights" if not epochs else "last_weights" if epochs[-1] == NUM_EPOCHS else "other_epoch"
    return passed_if(
        GONE, math.isclose(found, losses[best], rel_tol=CLOSE), reason,
        found=f"the model that is left has a validation loss of {found:.4f}{whose}",
        expected=f"the weights of epoch {best + 1}, with {losses[best]:.4f}",
        likely="These are the last epoch's. Was the best one's state_dict() copied (it is a live view), and loaded at the end?"
        if reason == "last_weights" else "",
    )  # fmt: skip
