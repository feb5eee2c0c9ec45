"""What is wrong with a model, its optimizer and its data, and what to do about it.

The detectors look at one `Situation`, made by one probed step: `setup` at flags, head and optimizer,
`batch` at the batch and the outputs, `step` at what the step did.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from helpers.inspection.diagnosis import batch, setup, step
from helpers.inspection.diagnosis.finding import Diagnosis, Problem
from helpers.inspection.diagnosis.situation import look_at

# In the order in which a learner should mend things: causes first. A detector is silent where one of the codes
# behind it was found before, since its own finding would only be that problem's consequence.
DETECTORS: dict[str, tuple[Callable, frozenset[str]]] = {
    "attribute_on_module": (setup.attribute_on_module, frozenset()),
    "out_features_renamed": (setup.out_features_renamed, frozenset()),
    "too_many_outputs": (batch.too_many_outputs, frozenset({"out_features_renamed"})),
    "labels_out_of_range": (batch.labels_out_of_range, frozenset()),
    "nothing_trainable": (setup.nothing_trainable, frozenset()),
    "head_frozen": (setup.head_frozen, frozenset({"attribute_on_module", "nothing_trainable"})),
    "optimizer_holds_foreign": (setup.optimizer_holds_foreign, frozenset()),
    "held_twice": (setup.held_twice, frozenset()),
    "trainable_not_in_optimizer": (setup.trainable_not_in_optimizer, frozenset({"attribute_on_module"})),
    "frozen_moved": (step.frozen_moved, frozenset()),
    "frozen_in_optimizer": (setup.frozen_in_optimizer, frozenset({"nothing_trainable", "frozen_moved", "head_frozen"})),
    "zero_lr": (setup.zero_lr, frozenset()),
    "not_normalised": (batch.not_normalised, frozenset()),
    "loss_not_finite": (batch.loss_not_finite, frozenset()),
    "softmax_before_loss": (batch.softmax_before_loss, frozenset()),
    "worse_than_guessing": (
        batch.worse_than_guessing,
        frozenset({"out_features_renamed", "too_many_outputs", "labels_out_of_range", "not_normalised", "loss_not_finite"}),
    ),
    "batch_of_one": (step.batch_of_one, frozenset()),
    "no_gradient": (step.no_gradient, frozenset({"nothing_trainable"})),
    "nothing_moved": (step.nothing_moved, frozenset({"loss_not_finite"})),
    "frozen_batchnorm_moves": (step.frozen_batchnorm_moves, frozenset()),
    "everything_trainable": (
        setup.everything_trainable,
        frozenset({"attribute_on_module", "out_features_renamed", "too_many_outputs", "labels_out_of_range", "not_normalised"}),
    ),
    "step_fails": (
        step.step_fails,
        frozenset({"labels_out_of_range", "nothing_trainable", "batch_of_one", "no_gradient", "not_normalised"}),
    ),
}


def diagnose(
    model: nn.Module,
    optimizer: torch.optim.Optimizer | None,
    loader: Iterable[tuple[Tensor, Tensor]],
    *,
    head_name: str | None = None,
    step: Callable | None = None,
) -> Diagnosis:
    """What is wrong, in the order in which to mend it; an empty diagnosis if nothing is.

    One step is tried on a copy with the loader's first batch. Model, optimizer, loader's order and random state stay as they are.

    Args:
        model: the model as it is set up, in the modes in which it would be trained.
        optimizer: the optimizer as it is set up.
        loader: batches of images float32 (N, 3, H, W), or whatever the model takes, and labels int64 (N,).
        head_name: the name of the last layer; default: the model's last linear layer.
        step: ``step(model, optimizer, batch)`` in place of the usual step, to look at a training loop of one's own.

    Raises:
        CourseError: the loader gives no batch, or the model has no layer of that name.
    """
    situation = look_at(model, optimizer, loader, head_name=head_name, step=step)
    found: dict[str, Problem] = {}
    for code, (detect, consequence_of) in DETECTORS.items():
        finding = None if found.keys() & consequence_of else detect(situation)
        if finding:
            found[code] = Problem(code, **finding)
    return Diagnosis(tuple(found.values()), situation.probe, setup.summary(situation))
