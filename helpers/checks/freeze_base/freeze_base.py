"""The check of `freeze_base`: everything frozen but the head, whatever was trainable before."""

from collections.abc import Callable, Iterator

import torch
from torch import nn

from helpers.checks.exercise import exercise
from helpers.checks.intact import intact
from helpers.checks.report import Aspect, Finding, failed, passed, passed_if
from helpers.checks.small_models import SAID, STARTS, TO_FREEZE, Case, batch_of, head_names, misspelt_flag, start
from helpers.inspection.snapshot import changes_since, listed, take_snapshot


@exercise(
    aspects=(
        Aspect("base", "every tensor of the base is frozen, whatever it was before", 2),
        Aspect("names", "a layer whose name contains the head's is frozen too", 0.5, requires=("base",)),
        Aspect("head", "every tensor of the head can learn, whatever it was before", 1.5, requires=("base",)),
        Aspect("step", "one training step moves the head and nothing else", 1, requires=("base", "head")),
        Aspect("intact", "weights, modes and layers are as they were", 0.5, requires=("base", "head")),
        Aspect("returns", "the function returns None", 0.5, requires=("base", "head")),
    ),
    cases=TO_FREEZE,
    rounds=STARTS,
    hints=(
        "Two moves, in this order: first close every door in the house, then open those of one room.",
        "model.parameters() yields every tensor; getattr(model, head_name) is the head; each tensor has a flag requires_grad.",
        "for parameter in model.parameters():\n    parameter.requires_grad = ...\n"
        "for parameter in getattr(model, head_name).parameters():\n    parameter.requires_grad = ...",
    ),
)
def freeze_base(case: Case, state: str, answer: Callable[[nn.Module, str], None]) -> Iterator[Finding]:
    """Call the answer on the case's model in this starting state and look at what can learn afterwards."""
    model = start(case, state)
    before = take_snapshot(model)
    result = answer(model, case.head_name)
    yield from _base_findings(model, case, state, before.flags)
    yield _head_finding(model, case, state)
    yield intact("intact", before, model, "more_than_flags", apart=("flags",))
    yield _step_finding(model, case)
    yield passed_if(
        "returns", result is None, "returns_something", found=f"the function returned {type(result).__name__}",
        expected="None: the function changes the model in place",
        likely="drop the return; the caller keeps using the model it passed in",
    )  # fmt: skip


def _base_findings(model: nn.Module, case: Case, state: str, flags: dict[str, bool]) -> Iterator[Finding]:
    """Whether every tensor outside the head is frozen, and if not, which mistake it looks like."""
    head = head_names(model, case.head_name)
    base = {name: parameter for name, parameter in model.named_parameters() if name not in head}
    learning = {name for name, parameter in base.items() if parameter.requires_grad}
    gone = flags.keys() - base.keys() - head
    if gone:
        yield failed(
            "base", "tensors_gone", found=f"these are no longer in the model: {listed(gone)}",
            expected="frozen tensors, all of them still there",
            likely="freezing is one flag on each parameter tensor; nothing has to be replaced or taken away",
        )  # fmt: skip
        return
    if not learning:
        yield from (passed("base"), passed("names"))
        return
    reason, likely = _why_base_learns(model, case, learning, base, flags)
    # Taking a part of a name for the name is a smaller mistake than not freezing: it has an aspect of its own.
    wrong, right = ("names", "base") if reason == "lookalike_name" else ("base", "names")
    count = f"{len(learning)} of {len(base)} tensors of the base"
    yield passed(right)
    yield failed(
        wrong, reason,
        found=f"in a model that came {SAID[state]}, {count} can still learn: {listed(learning)}",
        expected=f"all {len(base)} have requires_grad False; only those of model.{case.head_name} have True", likely=likely,
    )  # fmt: skip


def _why_base_learns(
    model: nn.Module, case: Case, learning: set[str], base: dict[str, nn.Parameter], flags: dict[str, bool]
) -> tuple[str, str]:
    """(reason code, likely cause) for a base that can still learn."""
    if "requires_grad" in vars(model):
        return "attribute_on_module", (
            "model.requires_grad = False stores an attribute that nothing reads: set the flag on each parameter"
        )
    if slip := misspelt_flag(model):
        return "misspelt_flag", f"Python let you invent {slip}: the flag that autograd reads is requires_grad"
    if not any(parameter.requires_grad for parameter in getattr(model, case.head_name).parameters()):
        return "flags_swapped", "the base learns and the head does not: are False and True the wrong way round?"
    if all(case.head_name in name for name in learning):
        return "lookalike_name", (
            f"these names contain {case.head_name!r} but belong to the base: compare with the prefix {case.head_name + '.'!r}, "
            "or take the head by getattr(model, head_name)"
        )
    if all(parameter.requires_grad == flags[name] for name, parameter in base.items()):
        return "nothing_frozen", "the base's flags are as they were: set requires_grad to False on each of model.parameters()"
    return "base_partly_frozen", "some layers were missed: model.parameters() visits every tensor, however deeply nested, once"


def _head_finding(model: nn.Module, case: Case, state: str) -> Finding:
    head = getattr(model, case.head_name)
    frozen = {name for name, parameter in head.named_parameters() if not parameter.requires_grad}
    whole = len(frozen) == len(list(head.parameters()))
    if state == "all trainable":
        reason = "head_frozen" if whole else "head_partly_frozen"
        likely = "freezing everything freezes the new head too: release model.<head_name> afterwards, weight and bias"
    else:
        reason = "head_left_frozen"
        likely = "the head was frozen before the call; skipping it is not enough, its requires_grad has to be set to True"
    return passed_if(
        "head", not frozen, reason,
        found=f"in a model that came {SAID[state]}, {listed(frozen)} of model.{case.head_name} cannot learn",
        expected="weight and bias of the head have requires_grad True", likely=likely,
    )  # fmt: skip


def _step_finding(model: nn.Module, case: Case) -> Finding:
    model.eval()  # the modes are another exercise's matter
    before = take_snapshot(model)
    loss = nn.functional.cross_entropy(model(batch_of(case)), case.labels()[: case.batch_size])
    if not loss.requires_grad:
        return failed(
            "step", "backward_raises", found="loss.backward() raises a RuntimeError: nothing in the model can learn",
            expected="one training step moves the head and nothing else", likely="the head is frozen with the rest",
        )  # fmt: skip
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    moved = changes_since(before, model).parameters
    head = head_names(model, case.head_name)
    return passed_if(
        "step", moved == head, "step_moves_base" if moved - head else "step_leaves_head",
        found=f"one training step moved {listed(moved)}", expected=f"it moves {listed(head)} and nothing else",
        likely="a tensor moves when its requires_grad is True, wherever it lies",
    )  # fmt: skip
