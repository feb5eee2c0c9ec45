"""The checks of lesson 02: the counts predicted by hand (`expected_parameters`), and the new head itself (`replace_head`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import nn

from helpers import models, parameters
from helpers.checks.cases import Case
from helpers.checks.exercise import Exercise, NotAttempted
from helpers.checks.outcome import Aspect, Finding, held, look, missed
from helpers.checks.starts import batch_of, head_names, in_rounds, some, start
from helpers.snapshot import changes_since, take_snapshot

LESSON = "02_replace_head"
TENSORS = "that is the number of tensors: count the numbers inside them"


@dataclass(frozen=True)
class Swap:
    """A backbone before and after its head was swapped; counted on its architecture, never written down.

    Attributes:
        truth: the answer: ``total``, ``head`` and ``base``, in scalars.
        slips: (key, number that a reasonable mistake leads to) -> (reason code, what the number is).
    """

    truth: dict[str, int]
    slips: dict[tuple[str, int], tuple[str, str]]

    @classmethod
    @cache
    def of(cls, name: str, num_classes: int) -> Swap:
        """The swap from 1000 to `num_classes` outputs in the backbone `name`."""
        backbone = models.get(name)
        with torch.device("meta"):  # shapes without numbers
            old, new = (parameters.count(backbone.build(n, pretrained=False)) for n in (1000, num_classes))
        inputs, still = backbone.num_features, "still_thousand"
        head = inputs * num_classes + num_classes
        base = new.total - head
        slips = {
            ("total", old.total): (still, "that is the model before the swap, with its 1000 outputs"),
            ("total", base): ("head_missing", "that is the base alone: the total includes the new head"),
            ("total", new.tensors): ("tensors_counted", TENSORS),
            ("total", new.total - num_classes): ("bias_forgotten", "the biases of the new head are missing"),
            ("total", old.total + head): ("both_heads", "the old head goes when the new one comes: subtract its parameters"),
            ("head", head - num_classes): ("bias_forgotten", "that is the weight alone: each output has a bias as well"),
            ("head", old.total - base): (still, "that is the old head with 1000 outputs"),
            ("head", old.total - base - 1000): (still, "that is the old head's weight with 1000 outputs"),
            ("head", num_classes): ("outputs_counted", "that is the number of outputs: each has many weights and one bias"),
            ("head", inputs): ("inputs_counted", "that is the number of inputs: each output has so many weights and a bias"),
            ("head", 2): ("tensors_counted", TENSORS),
            ("base", new.tensors - 2): ("tensors_counted", TENSORS),
            ("base", old.total): ("head_not_subtracted", "that is the whole model with its old head: take the head away"),
            ("base", new.total): ("head_not_subtracted", "that is the whole new model: the base is what its head leaves"),
        }
        return cls({"total": new.total, "head": head, "base": base}, slips)


# -------------------------------------------------------- expected_parameters


def examine_expected_parameters(case: tuple[str, int], answer: dict[str, int] | None) -> Iterator[Finding]:
    """Compare each predicted count with the true one; `case`: backbone and number of classes."""
    if answer is None:
        raise NotAttempted
    swap = Swap.of(*case)
    for key in swap.truth:
        yield _count_finding(key, answer.get(key) if isinstance(answer, dict) else None, swap)
    whole = isinstance(answer, dict) and all(type(answer.get(key)) is int for key in swap.truth)
    yield look(
        "adds_up", whole and answer["base"] + answer["head"] == answer["total"], "does_not_add_up",
        found="base + head is not total" if whole else f"{answer!r}"[:200],
        expected='a dict of three plain ints under "total", "head" and "base", with base + head equal to total',
        likely="every parameter is either in the head or in the base",
    )  # fmt: skip


def _count_finding(key: str, value: Any, swap: Swap) -> Finding:
    if type(value) is not int:
        likely = "write the count as a plain int, such as 2048 * 10 + 10"
        found = "no such key" if value is None else f"{type(value).__name__} {value!r}"[:200]
        return missed(key, "not_int", found=found, expected="a plain int", likely=likely)
    reason, likely = swap.slips.get((key, value), ("wrong_count", "go through the lesson's sum once more"))
    expected = "a number to be worked out by hand"
    return look(key, value == swap.truth[key], reason, found=f"{value:,}", expected=expected, likely=likely)


expected_parameters = Exercise(
    name="expected_parameters",
    lesson=LESSON,
    aspects=(
        Aspect("head", "the new head's parameters are predicted"),
        Aspect("base", "the base's parameters are predicted"),
        Aspect("total", "the new model's parameters are predicted"),
        Aspect("adds_up", "base and head make up the total", 0.5, requires=("head", "base")),
    ),
    examine=examine_expected_parameters,
    cases=(("resnet50", 10),),
    hints=(
        "The base is what the swap does not touch. Take the old head away from the old model, then add the new head.",
        "nn.Linear(n, m) has a weight of shape (m, n) and a bias of shape (m,).",
        'head = 2048 * ... + ...\nbase = ... - (2048 * 1000 + ...)\n'
        'expected_parameters = {"total": base + head, "head": head, "base": base}',
    ),
)


# --------------------------------------------------------------- replace_head


def examine_replace_head(case: Case, answer: Callable[[nn.Module, str, int], nn.Module]) -> Iterator[Finding]:
    """Call the answer on the case's model, fresh and frozen, for more and for fewer classes than it had."""
    keys = {"outputs", "layer", "fresh", "trainable", "rest", "returns"}
    rounds = (("all trainable", case.num_classes + 3), ("all frozen", 2))
    return in_rounds(keys, (_look_at_head(case, state, num_classes, answer) for state, num_classes in rounds))


def _look_at_head(
    case: Case, state: str, num_classes: int, answer: Callable[[nn.Module, str, int], nn.Module]
) -> Iterator[Finding]:
    """What the answer makes of a model that came in this state, and of this number of classes."""
    model = start(case, state).eval()
    before = take_snapshot(model)
    old = case.head(model)
    result = answer(model, case.head_name, num_classes)
    yield _outputs_finding(model, case, num_classes)
    yield from _layer_findings(model, case, old, num_classes)
    yield _rest_finding(model, case, before)
    yield look(
        "returns", result is model, "returns_nothing" if result is None else "returns_another",
        found=f"the function returned {'None' if result is None else f'another object, a {type(result).__name__}'}",
        expected="the very model that was passed in, with its new head",
        likely="end with return model",
    )  # fmt: skip


def _outputs_finding(model: nn.Module, case: Case, num_classes: int) -> Finding:
    """Whether the model really gives `num_classes` logits."""
    expected = f"logits of shape ({case.batch_size}, {num_classes})"
    try:
        with torch.no_grad():
            logits = model.eval()(batch_of(case))
    except Exception as error:
        found = f"the model stops with {type(error).__name__}"
        likely = "the new layer's in_features must be the old one's: read it from the layer, it differs from model to model"
        return missed("outputs", "forward_fails", found=found, expected=expected, likely=likely)
    if logits.shape == (case.batch_size, num_classes):
        return held("outputs")
    if getattr(getattr(model, case.head_name), "out_features", None) == num_classes:
        reason, likely = "out_features_renamed", "out_features is only a note, the weight kept its shape: put in a new layer"
    elif logits.shape[1] == case.num_classes:
        reason, likely = "outputs_unchanged", f"put the new layer under {case.head_name!r}: setattr(model, head_name, ...)"
    else:
        reason, likely = "wrong_outputs", "the layer's second number is num_classes"
    return missed("outputs", reason, found=f"logits of shape {tuple(logits.shape)}", expected=expected, likely=likely)


def _layer_findings(model: nn.Module, case: Case, old: nn.Linear, num_classes: int) -> Iterator[Finding]:
    """Whether what stands under the head's name is a new linear layer with a bias, of the right shape, that can learn."""
    head = getattr(model, case.head_name)
    if type(head) is not nn.Linear or head is old or head.weight.shape != (num_classes, case.width):
        yield missed(
            "layer", "old_head_inside" if any(module is old for module in head.modules()) else "no_linear_layer",
            found=f"model.{case.head_name} is {head}"[:200],
            expected=f"a new nn.Linear({case.width}, {num_classes}) in the old one's place",
            likely="the old layer, alone or before another one, still carries the old classes: make a new nn.Linear",
        )  # fmt: skip
        return
    yield look(
        "layer", head.bias is not None and head.weight.dtype == old.weight.dtype, "no_bias",
        found="the new layer has no bias" if head.bias is None else f"its weight is {head.weight.dtype}",
        expected="weight and bias, float32", likely="nn.Linear makes a bias unless it is told not to",
    )  # fmt: skip
    rows = min(num_classes, case.num_classes)
    copied = torch.equal(head.weight[:rows], old.weight[:rows])
    dull = head.weight.detach().std() == 0
    yield look(
        "fresh", not copied and not dull, "old_rows" if copied else "all_equal",
        found="the first rows are the old head's" if copied else "all its weights are equal",
        expected="random weights, as nn.Linear makes them",
        likely="old rows answer for other classes, and equal rows learn alike: leave the weights as nn.Linear made them",
    )  # fmt: skip
    frozen = [name for name, parameter in head.named_parameters() if not parameter.requires_grad]
    likely = "a new nn.Linear can learn by itself; what froze it came after"
    found = f"{some(frozen)} of the new head cannot learn"
    yield look("trainable", not frozen, "new_head_frozen", found=found, expected="a new layer that can learn", likely=likely)


def _rest_finding(model: nn.Module, case: Case, before: Any) -> Finding:
    """Whether everything but the head is as it was: weights, buffers, flags, modules."""
    changes = changes_since(before, model)
    own = head_names(model, case.head_name) | {f"{case.head_name}.weight", f"{case.head_name}.bias"}
    touched = (changes.parameters | changes.buffers | changes.modules) - own
    touched = {name for name in touched if name.split(".")[0] != case.head_name}
    flags = changes.flags - own
    if not touched and not flags:
        return held("rest")
    return missed(
        "rest", "base_changed" if touched else "flags_changed",
        found=f"these were changed as well: {some(touched or flags)}",
        expected="every layer below the head stays the object it was, with its weights and flags",
        likely="only one attribute of the model has to change" if touched else "freezing is the next lesson's step",
    )  # fmt: skip


replace_head = Exercise(
    name="replace_head",
    lesson=LESSON,
    aspects=(
        Aspect("outputs", "the model gives num_classes outputs", 1.5),
        Aspect("layer", "a new linear layer stands under the head's name, with the old in_features and a bias", 1.5),
        Aspect("fresh", "its weights are freshly drawn", 0.5, requires=("outputs", "layer")),
        Aspect("trainable", "it can learn", 0.5, requires=("outputs", "layer")),
        Aspect("rest", "everything else is as it was, to the last bit", 1, requires=("outputs",)),
        Aspect("returns", "the function returns the model itself", 1, requires=("outputs",)),
    ),
    examine=examine_replace_head,
    cases=(
        Case(num_classes=6),
        Case(kind="lookalike", head_name="classifier", num_classes=5, width=6, seed=1),
        Case(kind="no_norm", head_name="head", num_classes=3, width=10, num_blocks=2, seed=2),
    ),
    hints=(
        "The old layer knows how many features arrive. Only the number of outputs is new.",
        "getattr(model, head_name), nn.Linear(in_features, out_features), setattr(model, head_name, layer).",
        "old = getattr(model, head_name)\nsetattr(model, head_name, nn.Linear(old...., num_classes))\nreturn ...",
    ),
)
