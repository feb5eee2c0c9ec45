"""The check of `fix_double_softmax`: softmax before the loss."""

import math
from collections.abc import Callable, Iterator
from functools import lru_cache

from torch import nn
from torch.optim import Adam

from helpers.checks.debug_clinic.patients import easy
from helpers.checks.debug_clinic.repair import GONE, MOST_KEPT, kept_finding, learned_finding, losses_finding, repair, trained
from helpers.checks.report import Finding, failed, passed_if
from helpers.checks.small_models import Case, head_only, sgd
from helpers.checks.watching import visit


@repair(
    hints=(
        "Probabilities are for reading. What does the loss want to be given?",
        "cross_entropy takes logits: train_epoch(model, loader, optimizer) on the model itself does it.",
        'return [train_epoch(..., loader, optimizer)["loss"] for _ in range(num_epochs)]',
    ),
    gone="the loss falls under the floor of a double softmax",
    works="the weights are those that training with cross entropy of the logits gives",
    returns="the mean loss of each epoch is returned",
    kept="frozen weights and statistics are as they were",
)
def fix_double_softmax(case: Case, answer: Callable) -> Iterator[Finding]:
    """Train on samples that nothing could be easier to tell apart than, then on the case's model."""
    model, loader = easy(case.num_classes)
    losses = answer(model, loader, Adam(model.parameters(), lr=1.0), 60)
    yield _floor_finding(losses, case.num_classes)
    model = head_only(case)
    seen = visit(model, case.head(model), answer, model, case.loader(), sgd(model), 3)
    reference, expected = _reference(case)
    words = "cross_entropy takes the softmax itself: hand it the logits."
    yield learned_finding(model, reference, seen, [("softmax_before_loss", lambda: _reference(case, doubled=True)[0], words)])
    yield losses_finding(seen.returned, expected)
    yield kept_finding(seen)


@lru_cache(MOST_KEPT)
def _reference(case: Case, doubled: bool = False) -> tuple[nn.Module, list[float]]:
    """(the model after three epochs, their losses), `doubled` by a softmax before the loss. Read it, do not change it."""
    model = head_only(case)
    return model, trained(nn.Sequential(model, nn.Softmax(dim=1)) if doubled else model, case.loader(), sgd(model), 3)


def _floor_finding(losses: object, num_classes: int) -> Finding:
    # The best that softmax of a one-hot row can reach: -log(e / (e + C - 1)).
    floor = math.log(math.e + num_classes - 1) - 1
    if not isinstance(losses, list) or not losses or type(losses[-1]) is not float:
        return failed(GONE, "no_losses", found=f"{losses!r}"[:100], expected="a list of floats, one an epoch")
    at_floor = abs(losses[-1] - floor) < 0.05
    return passed_if(
        GONE, losses[-1] < 0.5 * floor, "loss_floor" if at_floor else "loss_high",
        found=f"with {num_classes} classes that are easy to tell apart, loss {losses[-1]:.4f} after 60 epochs",
        expected=f"a loss near 0; with two softmaxes it cannot fall under {floor:.4f}",
        likely="Somewhere on the way to cross_entropy the logits become probabilities." if at_floor else "",
    )  # fmt: skip
