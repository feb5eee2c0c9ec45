"""The check of `fix_frozen_head`: a head that was frozen with the rest."""

from collections.abc import Callable, Iterator

from helpers.checks.debug_clinic.repair import GONE, new_head_finding, one_step, repair
from helpers.checks.intact import intact
from helpers.checks.report import Finding, passed_if
from helpers.checks.small_models import Case, head_names
from helpers.inspection.snapshot import listed, take_snapshot


@repair(
    hints=(
        "Who is in the room when the doors are locked? Either the head comes in afterwards, or one door is opened again.",
        "A new nn.Linear is trainable by itself. module.requires_grad_(True) releases all parameters of a module.",
        "for parameter in model.parameters():\n    parameter.requires_grad = False\n"
        "setattr(model, head_name, nn.Linear(...))\nreturn model",
    ),
    gone="backward() runs, and a step updates the head",
    works="a new head is in its place, and the base is frozen",
    kept="the base is as it was",
    returns="the function returns the model",
)
def fix_frozen_head(case: Case, answer: Callable) -> Iterator[Finding]:
    """Swap the head of the case's model for one with more outputs, then try a step."""
    num_classes = case.num_classes + 2
    model = case.model().eval()
    before, old = take_snapshot(model), case.head(model)
    returned = answer(model, case.head_name, num_classes)
    step = one_step(model, case)
    head = head_names(model, case.head_name)
    still = head - step.changes.parameters
    yield passed_if(
        GONE, not step.error and not still, "head_frozen" if step.error or still == head else "head_partly_frozen",
        found=step.error or f"one step leaves {listed(still)} where it was",
        expected="backward() runs, and a step updates weight and bias of the head",
        likely="" if still and still != head
        else "model.parameters() yields the new head's parameters as well, once it is in the model.",
    )  # fmt: skip
    yield new_head_finding(model, case, old, num_classes, step.changes.parameters)
    yield intact("kept", before, model, "base_changed", free={case.head_name})
    yield passed_if(
        "returns", returned is model, "not_the_model", found=f"the function returned a {type(returned).__name__}",
        expected="the model that was passed in",
    )  # fmt: skip
