"""The check of `fix_validation_mode`: validation in train mode."""

import math
from collections.abc import Callable, Iterator

from helpers.checks.debug_clinic.repair import GONE, WORKS, repair
from helpers.checks.intact import intact
from helpers.checks.means import expected_numbers, per_batch
from helpers.checks.report import Finding, failed, passed_if
from helpers.checks.small_models import Case, mixed_modes
from helpers.checks.tensors import CLOSE
from helpers.checks.watching import visit
from helpers.training.loop import measure


@repair(
    hints=(
        "Looking must leave no trace: the statistics stay, and afterwards each module is in the mode it came in.",
        "module.training of each of model.modules(); model.eval(); torch.no_grad(). They are two switches.",
        "modes = [(module, module.training) for module in model.modules()]\nmodel.eval()\nwith torch.no_grad():\n    ...\n"
        "for module, training in modes:\n    module.training = training\nreturn total / samples",
    ),
    gone="measuring changes no running statistic",
    works="the mean loss over all samples, in eval mode, comes back",
    modes="every module is back in the mode it came in",
    kept="no gradient is recorded, and nothing else has changed",
)
def fix_validation_mode(case: Case, answer: Callable) -> Iterator[Finding]:
    """Measure a model in mixed modes, and look at what measuring left behind."""
    model = mixed_modes(case)
    case.blocks(model)[0].requires_grad_(False)  # asleep and frozen, as in the middle of an epoch
    seen = visit(model, case.head(model), answer, model, case.loader())
    yield intact(GONE, seen.before, seen.changes, "statistics_moved")
    yield _loss_finding(case, seen.returned)
    yield intact("modes", seen.before, seen.changes, "mode_left")
    graphs = seen.watch.graphs
    yield passed_if(
        "kept", graphs and not any(graphs), "gradient_recorded" if graphs else "model_changed",
        found="the logits carry a graph for backward()" if graphs else "nothing went through the head of this model",
        expected="a forward pass of the model itself, without a graph",
        likely="Keep torch.no_grad(): eval() does not switch gradients off." if graphs else "",
    )  # fmt: skip
    yield intact("kept", seen.before, seen.changes, "model_changed", apart=("buffers", "modes"))


def _loss_finding(case: Case, found: object) -> Finding:
    """Whether `found` is the mean loss over all samples, in eval mode."""
    asleep = measure(case.model(), case.loader())["loss"]
    awake, _ = expected_numbers(*per_batch(mixed_modes(case), case.loader()), case)
    if type(found) is not float or not math.isfinite(found):
        return failed(WORKS, "not_plain", found=f"{found!r}"[:100], expected="a plain float: the mean loss")
    reason, likely = "other_mean", ""
    if math.isclose(found, awake["loss"], rel_tol=CLOSE):
        reason, likely = "train_mode", "This is the loss in train mode, in which each batch is judged by its own statistics."
    return passed_if(
        WORKS, math.isclose(found, asleep, rel_tol=CLOSE), reason,
        found=f"loss {found:.4f}", expected=f"{asleep:.4f}, the mean over all samples in eval mode", likely=likely,
    )  # fmt: skip
