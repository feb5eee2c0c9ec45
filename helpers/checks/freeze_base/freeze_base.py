"""The check of `freeze_base`: everything frozen but the head, whatever was trainable before."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import nn

from helpers.checks.exercise import exercise
from helpers.checks.flags import ATTRIBUTE, flag_on_module, missed, misspelt_flag, misspelt_words
from helpers.checks.intact import intact
from helpers.checks.report import Aspect, Finding, failed, passed, passed_if, unreached
from helpers.checks.small_models import SAID, STARTS, TO_FREEZE, Case, batch_of, head_names, start
from helpers.inspection.snapshot import changes_since, listed, take_snapshot

Answer = Callable[[nn.Module, str], None]
UNTOUCHED = "the model that is handed in stays as it came, whatever the state: does the function work on its argument?"


@exercise(
    aspects=(
        Aspect("base", "every tensor of the base is frozen, whatever it was before", 2),
        Aspect("names", "the head is told from every other layer, whatever their names and places", 0.5, requires=("base",)),
        Aspect("head", "every tensor of the head is trainable, whatever it was before", 1.5),
        Aspect("step", "one training step updates the head and nothing else", 1, requires=("base", "head")),
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
def freeze_base(case: Case, state: str, answer: Answer) -> Iterator[Finding]:
    """Call the answer on the case's model in this starting state and look at what is trainable afterwards."""
    model = start(case, state)
    before, tensors = take_snapshot(model), dict(model.named_parameters())
    result = answer(model, case.head_name)
    seen = Seen(case, state, model, before.flags, answer)
    now, head = dict(model.named_parameters()), f"{case.head_name}."
    gone = {name for name, tensor in tensors.items() if now.get(name) is not tensor and not name.startswith(head)}
    if gone:
        yield failed(
            "base", "tensors_gone", found=f"these are no longer in the model, or others in their place: {listed(gone)}",
            expected="frozen tensors, all of them still there",
            likely="freezing is one flag on each parameter tensor; nothing has to be replaced or taken away",
        )  # fmt: skip
        yield from unreached(("head", "step"))
        return
    yield from _base_findings(seen)
    yield _head_finding(seen)
    yield intact("intact", before, model, "modes_too", "more_than_flags", apart=("flags",))
    yield _step_finding(model, case)
    yield passed_if(
        "returns", result is None, "returns_something", found=f"the function returned a {type(result).__name__}",
        expected="None: the function changes the model in place",
        likely="drop the return; the caller keeps using the model it passed in",
    )  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """A model after the answer.

    Attributes:
        case, state: whose model it is, and in which starting state it came.
        model: the model.
        before: name -> flag, as it came.
        answer: the answer, to be called again where one state leaves open what it does.
    """

    case: Case
    state: str
    model: nn.Module
    before: dict[str, bool]
    answer: Answer

    @property
    def head(self) -> set[str]:
        """Names of the head's parameters."""
        return head_names(self.model, self.case.head_name)

    @property
    def base(self) -> dict[str, bool]:
        """Name -> flag of each parameter outside the head, as it is now."""
        return {name: p.requires_grad for name, p in self.model.named_parameters() if name not in self.head}

    def untouched(self) -> bool:
        """Whether the answer leaves a model as it is, be it all trainable or all frozen: it works on another one, or on none."""
        for state in ("all trainable", "all frozen"):
            model = start(self.case, state)
            before = take_snapshot(model)
            self.answer(model, self.case.head_name)
            if changes_since(before, model):
                return False
        return True

    def from_frozen(self) -> tuple[bool, bool]:
        """Of a model that came with everything frozen: whether all of the base learns, and whether any of the head does."""
        model = start(self.case, "all frozen")
        self.answer(model, self.case.head_name)
        head = {id(p) for p in self.case.head(model).parameters()}
        flags = [(id(p) in head, p.requires_grad) for p in model.parameters()]
        return all(flag for inside, flag in flags if not inside), any(flag for inside, flag in flags if inside)


def _base_findings(seen: Seen) -> Iterator[Finding]:
    """Whether every tensor outside the head is frozen, and if not, which mistake it looks like."""
    base, case = seen.base, seen.case
    learning = {name for name, flag in base.items() if flag}
    if not learning:
        yield from (passed("base"), passed("names"))
        return
    reason, likely = _why_base_learns(seen, learning)
    # Taking another layer for the head is a smaller mistake than not freezing: it has an aspect of its own.
    wrong, right = ("names", "base") if reason in ("lookalike_name", "last_released") else ("base", "names")
    count = f"{len(learning)} of {len(base)} tensors of the base"
    yield passed(right)
    yield failed(
        wrong, reason,
        found=f"in a model that came {SAID[seen.state]}, {count} are trainable: {listed(learning)}",
        expected=f"all {len(base)} have requires_grad False; only those of model.{case.head_name} have True", likely=likely,
    )  # fmt: skip


def _why_base_learns(seen: Seen, learning: set[str]) -> tuple[str, str]:
    """(reason code, likely cause) for a base that can still learn."""
    base, name = seen.base, seen.case.head_name
    if flag_on_module(seen.model):
        return "attribute_on_module", ATTRIBUTE
    if slip := misspelt_flag(seen.model):
        return "misspelt_flag", misspelt_words(slip)
    if all(name in other for other in learning):
        return "lookalike_name", (
            f"these names contain {name!r} but belong to the base: compare with the prefix {name + '.'!r}, "
            "or take the head by getattr(model, head_name)"
        )
    last = {*list(seen.before)[-len(learning) :]} - seen.head
    if learning == last and len(learning) < len(base) and not _whole_head(seen):
        return "last_released", f"what comes last in a model need not be its head: here that is getattr(model, {name!r})"
    if not any(p.requires_grad for p in seen.case.head(seen.model).parameters()):
        base_learns, head_learns = seen.from_frozen()
        if base_learns and not head_learns:
            return "flags_swapped", "the base learns and the head does not: True and False are the wrong way round"
    if all(flag == seen.before[other] for other, flag in base.items()) and seen.untouched():
        return "model_untouched", UNTOUCHED
    if all(flag == seen.before[other] for other, flag in base.items()):
        return (
            "nothing_frozen",
            "the base's flags are as they came: requires_grad of each of its parameters has to be set to False",
        )
    if all(flag != seen.before[other] for other, flag in base.items()):
        return "toggled", "every flag of the base is the opposite of what it was: set it to False, whatever it was"
    left = missed(seen.model, learning, base)
    return ("base_partly_frozen", left[1]) if left[0] in ("all_missed", "partly_missed") else left


def _whole_head(seen: Seen) -> bool:
    return all(p.requires_grad for p in seen.case.head(seen.model).parameters())


def _head_finding(seen: Seen) -> Finding:
    head = getattr(seen.model, seen.case.head_name)
    frozen = {name for name, parameter in head.named_parameters() if not parameter.requires_grad}
    if flag_on_module(seen.model):
        reason, likely = "attribute_on_module", ATTRIBUTE
    elif slip := misspelt_flag(head):
        reason, likely = "misspelt_flag", misspelt_words(slip)
    elif all(seen.before.get(f"{seen.case.head_name}.{name}", True) for name in frozen):
        whole = len(frozen) == len(list(head.parameters()))
        reason = "head_frozen" if whole else "head_partly_frozen"
        likely = f"after everything else is frozen the head has to be trainable, {'weight and bias' if whole else 'all of it'}"
    elif frozen and seen.untouched():
        reason, likely = "model_untouched", UNTOUCHED
    else:
        reason = "head_left_frozen"
        likely = "the head came frozen; leaving it out is not enough, requires_grad of its weight and bias has to be set to True"
    return passed_if(
        "head", not frozen, reason,
        found=f"in a model that came {SAID[seen.state]}, {listed(frozen)} of model.{seen.case.head_name} are frozen",
        expected="weight and bias of the head have requires_grad True", likely=likely,
    )  # fmt: skip


def _step_finding(model: nn.Module, case: Case) -> Finding:
    model.eval()  # the modes are another exercise's matter
    before = take_snapshot(model)
    loss = nn.functional.cross_entropy(model(batch_of(case)), case.labels()[: case.batch_size])
    if not loss.requires_grad:
        return failed(
            "step", "backward_raises", found="loss.backward() raises a RuntimeError: nothing in the model is trainable",
            expected="one training step updates the head and nothing else",
        )  # fmt: skip
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    moved = changes_since(before, model).parameters
    head = head_names(model, case.head_name)
    return passed_if(
        "step", moved == head, "step_moves_base" if moved - head else "step_leaves_head",
        found=f"one training step updated {listed(moved)}", expected=f"it updates {listed(head)} and nothing else",
        likely="a tensor is updated when its requires_grad is True, wherever it lies" if moved - head else "",
    )  # fmt: skip
