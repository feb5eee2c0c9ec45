"""The check of `fix_renamed_outputs`: a head whose `out_features` was written over, and whose weights stayed."""

from collections.abc import Iterator

from helpers.checks.debug_clinic.repair import repair
from helpers.checks.new_head import HeadSwap, new_head_findings
from helpers.checks.report import Finding
from helpers.checks.small_models import Case


@repair(
    hints=(
        "A layer's out_features is a label on the box. What is in the box?",
        "getattr(model, head_name) is the old layer; nn.Linear(old.in_features, num_classes) a new one; setattr puts it in.",
        "old = getattr(model, head_name)\nsetattr(model, head_name, nn.Linear(old...., ...))\nreturn model",
    ),
    outputs="the model gives num_classes outputs",
    layer="a new linear layer stands under the head's name",
    fresh="its weights are freshly drawn",
    trainable="it is trainable",
    rest="everything else is as it was",
    returns="the function returns the model",
)
def fix_renamed_outputs(case: Case, answer: HeadSwap) -> Iterator[Finding]:
    """Have the head of the case's model replaced, for more and for fewer classes than it had."""
    return new_head_findings(case, answer)
