"""The check of `replace_head`: a new head of another size in the old one's place."""

from collections.abc import Iterator

from helpers.checks.exercise import exercise
from helpers.checks.new_head import HeadSwap, new_head_findings
from helpers.checks.report import Aspect, Finding
from helpers.checks.small_models import Case


@exercise(
    aspects=(
        Aspect("outputs", "the model gives num_classes outputs", 1.5),
        Aspect("layer", "a new linear layer stands under the head's name, with the old in_features and a bias", 1.5),
        Aspect("fresh", "its weights are freshly drawn", 0.5, requires=("outputs", "layer")),
        Aspect("trainable", "it is trainable", 0.5, requires=("outputs", "layer")),
        Aspect("rest", "everything else is exactly as it was", 1, requires=("outputs",)),
        Aspect("returns", "the function returns the model itself", 1, requires=("outputs",)),
    ),
    cases=(
        Case(num_classes=6),
        Case(kind="lookalike", head_name="classifier", num_classes=5, width=6, seed=1),
        Case(kind="no_norm", head_name="head", num_classes=3, width=10, num_blocks=2, seed=2),
        Case(kind="sequential", num_classes=5, num_blocks=2, seed=3),
        Case(kind="head_first", head_name="top", num_classes=7, num_blocks=2, seed=4),
    ),
    hints=(
        "The old layer knows how many features arrive. Only the number of outputs is new.",
        "getattr(model, head_name), nn.Linear(in_features, out_features), setattr(model, head_name, layer).",
        "old = getattr(model, head_name)\nsetattr(model, head_name, nn.Linear(old...., num_classes))\nreturn ...",
    ),
)
def replace_head(case: Case, answer: HeadSwap) -> Iterator[Finding]:
    """Call the answer on the case's model, fresh and frozen, for more and for fewer classes than it had."""
    return new_head_findings(case, answer)
