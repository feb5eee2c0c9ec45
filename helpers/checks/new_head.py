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
_OLD = "the old layer still stands under {!r}: setattr(model, head_name, layer) puts another one there"


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
    yield _outputs_finding(model, case, old, num_classes)
    yield from _layer_findings(model, case, old, num_classes)
    yield intact("rest", before, model, "base_changed", "flags_changed", free={case.head_name})
    yield passed_if(
        "returns", result is model, "returns_nothing" if result is None else "returns_another",
        found=f"the function returned {'None' if result is None else f'another object, a {type(result).__name__}'}",
        expected="the very model that was passed in, with its new head", likely="end with return model" if result is None else "",
    )  # fmt: skip


def _outputs_finding(model: nn.Module, case: Case, old: nn.Linear, num_classes: int) -> Finding:
    expected = f"logits of shape ({case.batch_size}, {num_classes})"
    try:
        with torch.no_grad():
            logits = model.eval()(batch_of(case))
    except Exception as error:
        found = f"the model stops with {type(error).__name__}"
        if getattr(model, case.head_name) is old:
            return failed("outputs", "outputs_unchanged", found=found, expected=expected, likely=_OLD.format(case.head_name))
        arriving = getattr(getattr(model, case.head_name), "in_features", case.width)
        fits = arriving == case.width
        reason = "forward_fails" if fits else "other_inputs"
        likely = (
            "" if fits else f"{case.width} features arrive, the new layer takes {arriving}: read in_features from the old layer"
        )
        return failed("outputs", reason, found=found, expected=expected, likely=likely)
    head = getattr(model, case.head_name)
    reason, likely = "wrong_outputs", ""
    if head is old and logits.shape[1] == case.num_classes:
        reason = "out_features_renamed" if head.out_features == num_classes else "outputs_unchanged"
        likely = {
            "out_features_renamed": "out_features is only a note, the weight kept its shape: put in a new layer",
            "outputs_unchanged": _OLD.format(case.head_name),
        }[reason]
    elif type(head) is nn.Linear and head.out_features != num_classes:
        likely = "the layer's second number is num_classes"
    right, found = logits.shape == (case.batch_size, num_classes), f"logits of shape {tuple(logits.shape)}"
    return passed_if("outputs", right, reason, found=found, expected=expected, likely=likely)


def _layer_findings(model: nn.Module, case: Case, old: nn.Linear, num_classes: int) -> Iterator[Finding]:
    """Whether what stands under the head's name is a new linear layer with a bias, of the right shape, that is trainable."""
    head = getattr(model, case.head_name)
    if type(head) is not nn.Linear or head is old or head.weight.shape != (num_classes, case.width):
        reason, likely = _why_no_layer(head, old)
        yield failed(
            "layer", reason, found=" ".join(f"model.{case.head_name} is {head}".split())[:200],
            expected=f"a new nn.Linear({case.width}, {num_classes}) in the old one's place", likely=likely,
        )  # fmt: skip
        return
    bare = head.bias is None
    yield passed_if(
        "layer", not bare and head.weight.dtype == old.weight.dtype, "no_bias" if bare else "other_dtype",
        found="the new layer has no bias" if bare else f"its weight is {head.weight.dtype}", expected="weight and bias, float32",
        likely="nn.Linear makes a bias unless it is told not to" if bare else "",
    )  # fmt: skip
    rows = min(num_classes, case.num_classes)
    copied = torch.equal(head.weight[:rows], old.weight[:rows])
    dull = head.weight.detach().std() == 0
    yield passed_if(
        "fresh", not copied and not dull, "old_rows" if copied else "all_equal",
        found="the first rows are the old head's" if copied else "all its weights are equal",
        expected="random weights, as nn.Linear makes them",
        likely="old rows answer for different classes: leave the weights as nn.Linear made them" if copied
        else "equal rows get equal gradients and stay equal: leave the weights as nn.Linear made them",
    )  # fmt: skip
    frozen = [name for name, parameter in head.named_parameters() if not parameter.requires_grad]
    likely = "a new nn.Linear is trainable by itself; what froze it came after"
    found = f"{listed(frozen)} of the new head are frozen"
    yield passed_if(
        "trainable", not frozen, "new_head_frozen", found=found, expected="a new layer that is trainable", likely=likely
    )


def _why_no_layer(head: nn.Module, old: nn.Module) -> tuple[str, str]:
    """(reason code, likely cause) of a head that is no new linear layer of the right shape."""
    if head is old:
        return "old_layer_kept", "it is the old layer: a new nn.Linear has to stand there in its place"
    if any(module is old for module in head.modules()):
        return "old_head_inside", "the old layer is inside, and still says what the old classes are: make a new nn.Linear alone"
    if type(head) is nn.Linear:
        return "other_shape", ""
    return "no_linear_layer", "one nn.Linear is asked for, with nothing around it"
