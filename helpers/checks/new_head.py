"""A new head in the place of the old one: what a swap has to give, and how it goes wrong."""

from collections.abc import Callable, Iterator

import torch
from torch import nn

from helpers.checks.exercise import in_rounds
from helpers.checks.intact import intact
from helpers.checks.report import Finding, failed, passed_if
from helpers.checks.small_models import Case, batch_of, start
from helpers.inspection.snapshot import listed, take_snapshot

HeadSwap = Callable[[nn.Module, str, int], nn.Module]


def new_head_findings(case: Case, answer: HeadSwap) -> Iterator[Finding]:
    """Findings on outputs, layer, fresh, trainable, rest and returns: the answer swaps the head of the case's model.

    The model comes fresh and frozen, for more and for fewer classes than it had.
    """
    rounds = (("all trainable", case.num_classes + 3), ("all frozen", 2))
    return in_rounds(_look_at_head(case, state, num_classes, answer) for state, num_classes in rounds)


def _look_at_head(case: Case, state: str, num_classes: int, answer: HeadSwap) -> Iterator[Finding]:
    """What the answer makes of a model that came in this state, and of this number of classes."""
    model = start(case, state).eval()
    before = take_snapshot(model)
    old = case.head(model)
    result = answer(model, case.head_name, num_classes)
    yield _outputs_finding(model, case, num_classes)
    yield from _layer_findings(model, case, old, num_classes)
    yield intact("rest", before, model, "base_changed", "flags_changed", free={case.head_name})
    yield passed_if(
        "returns", result is model, "returns_nothing" if result is None else "returns_another",
        found=f"the function returned {'None' if result is None else f'another object, a {type(result).__name__}'}",
        expected="the very model that was passed in, with its new head", likely="end with return model",
    )  # fmt: skip


def _outputs_finding(model: nn.Module, case: Case, num_classes: int) -> Finding:
    expected = f"logits of shape ({case.batch_size}, {num_classes})"
    try:
        with torch.no_grad():
            logits = model.eval()(batch_of(case))
    except Exception as error:
        found = f"the model stops with {type(error).__name__}"
        likely = "the new layer's in_features must be the old one's: read it from the layer, it differs from model to model"
        return failed("outputs", "forward_fails", found=found, expected=expected, likely=likely)
    if getattr(getattr(model, case.head_name), "out_features", None) == num_classes:
        reason, likely = "out_features_renamed", "out_features is only a note, the weight kept its shape: put in a new layer"
    elif logits.shape[1] == case.num_classes:
        reason, likely = "outputs_unchanged", f"put the new layer under {case.head_name!r}: setattr(model, head_name, ...)"
    else:
        reason, likely = "wrong_outputs", "the layer's second number is num_classes"
    right, found = logits.shape == (case.batch_size, num_classes), f"logits of shape {tuple(logits.shape)}"
    return passed_if("outputs", right, reason, found=found, expected=expected, likely=likely)


def _layer_findings(model: nn.Module, case: Case, old: nn.Linear, num_classes: int) -> Iterator[Finding]:
    """Whether what stands under the head's name is a new linear layer with a bias, of the right shape, that can learn."""
    head = getattr(model, case.head_name)
    if type(head) is not nn.Linear or head is old or head.weight.shape != (num_classes, case.width):
        yield failed(
            "layer", "old_head_inside" if any(module is old for module in head.modules()) else "no_linear_layer",
            found=f"model.{case.head_name} is {head}"[:200],
            expected=f"a new nn.Linear({case.width}, {num_classes}) in the old one's place",
            likely="the old layer, alone or before another one, still carries the old classes: make a new nn.Linear",
        )  # fmt: skip
        return
    yield passed_if(
        "layer", head.bias is not None and head.weight.dtype == old.weight.dtype, "no_bias",
        found="the new layer has no bias" if head.bias is None else f"its weight is {head.weight.dtype}",
        expected="weight and bias, float32", likely="nn.Linear makes a bias unless it is told not to",
    )  # fmt: skip
    rows = min(num_classes, case.num_classes)
    copied = torch.equal(head.weight[:rows], old.weight[:rows])
    dull = head.weight.detach().std() == 0
    yield passed_if(
        "fresh", not copied and not dull, "old_rows" if copied else "all_equal",
        found="the first rows are the old head's" if copied else "all its weights are equal",
        expected="random weights, as nn.Linear makes them",
        likely="old rows answer for other classes, and equal rows learn alike: leave the weights as nn.Linear made them",
    )  # fmt: skip
    frozen = [name for name, parameter in head.named_parameters() if not parameter.requires_grad]
    likely = "a new nn.Linear can learn by itself; what froze it came after"
    found = f"{listed(frozen)} of the new head cannot learn"
    yield passed_if("trainable", not frozen, "new_head_frozen", found=found, expected="a new layer that can learn", likely=likely)
