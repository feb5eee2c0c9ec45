"""The states in which a small model may reach a learner's function: who is trainable, who is frozen.

An answer that works only on a fresh model has not understood the flag, so checks try each of these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from torch import Tensor, nn

from helpers.checks.cases import Case, SmallModel
from helpers.checks.outcome import Finding, unreached

# Visible problems: a plain one, one whose head's name is part of another module's, one without BatchNorm.
VISIBLE = (
    Case(),
    Case(kind="lookalike", head_name="classifier", num_classes=5, seed=1),
    Case(kind="no_norm", head_name="head", num_classes=3, num_blocks=2, seed=2),
)

STARTS = ("all trainable", "all frozen", "patchwork", "head only")
SAID = {
    "all trainable": "with everything trainable",
    "all frozen": "with everything frozen",
    "patchwork": "with every second tensor frozen",
    "head only": "with only its head trainable",
}


def start(case: Case, name: str) -> SmallModel:
    """A fresh model of `case` whose flags are set as `name` says, one of `STARTS`.

    In ``"patchwork"`` every second tensor of the base and the head's weight (not its bias) are frozen.
    """
    model = case.model()
    head = head_names(model, case.head_name)
    for number, (full_name, parameter) in enumerate(model.named_parameters()):
        parameter.requires_grad = {
            "all trainable": True,
            "all frozen": False,
            "patchwork": not full_name.endswith("weight") if full_name in head else number % 2 == 0,
            "head only": full_name in head,
        }[name]
    return model


def in_rounds(keys: set[str], rounds: Iterable[Iterator[Finding]]) -> Iterator[Finding]:
    """The findings of one round after the other, each of which looks at the aspects `keys` afresh.

    Where an answer stops in a later round, what that round did not reach does not stand on an earlier one's word.
    """
    for number, findings in enumerate(rounds):
        seen: set[str] = set()
        try:
            for finding in findings:
                seen.add(finding.aspect)
                yield finding
        except (Exception, SystemExit):
            if number:
                yield from unreached(sorted(keys - seen))
            raise


def head_names(model: nn.Module, head_name: str) -> set[str]:
    """The full names of the head's parameter tensors, as in ``model.named_parameters()``."""
    return {f"{head_name}.{name}" for name, _ in getattr(model, head_name).named_parameters()}


def batch_of(case: Case) -> Tensor:
    """One batch of the case's images: float32 (batch_size, 3, image_size, image_size)."""
    return case.images()[: case.batch_size]


def some(names: Iterable[str], limit: int = 3) -> str:
    """The first few names in words: ``"a, b and 7 more"``; the model itself goes by the name ``""``."""
    ordered = sorted(name or "the model itself" for name in names)
    if len(ordered) <= limit:
        return ", ".join(ordered)
    return f"{', '.join(ordered[:limit])} and {len(ordered) - limit} more"
