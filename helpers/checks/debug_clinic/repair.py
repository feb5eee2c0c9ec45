"""What the clinic's checks share. A repair is right when the symptom is gone, the program does its work, and nothing else broke.

Half of a check would be worth little: a program that does nothing shows no symptom either, so symptom and work count only
together, and the rest only with both.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import torch
from torch import nn

from helpers.checks.exercise import Examine, Exercise, exercise
from helpers.checks.intact import intact
from helpers.checks.report import Aspect, Finding, failed, passed, passed_if
from helpers.checks.small_models import Case, head_names
from helpers.checks.tensors import CLOSE, same_weights
from helpers.checks.watching import Visit
from helpers.inspection.snapshot import listed
from helpers.inspection.step_probe import Probe, probe
from helpers.training.loop import train_epoch

GONE, WORKS = "gone", "works"
RATE = 0.1
MOST_KEPT = 32  # what a check compares with is made once for a problem: it takes as long as the answer does
# Three problems of different kinds; among the hidden ones are all kinds.
CASES = (
    Case(),
    Case(kind="lookalike", head_name="classifier", num_classes=5, seed=1),
    Case(kind="nested", head_name="head", num_classes=6, width=6, num_images=11, seed=2),
)


def repair(*, hints: tuple[str, str, str], cases: Sequence[Any] = CASES, **titles: str) -> Callable[[Examine], Exercise]:
    """A decorator that makes an examiner a case of the clinic, with the aspects in `titles`.

    Args:
        hints: the idea, the name of the API, nearly the code.
        cases: the visible problems.
        titles: aspect -> what is true of a right repair. `GONE` is the symptom and `WORKS` the program's own work, unless
            the exercise has other names for the two: the first two given count as them.
    """
    symptom, work, *_ = titles
    weights = {symptom: 2.0, work: 1.0}
    aspects = tuple(
        Aspect(key, title, weights.get(key, 1.0), requires=tuple(other for other in weights if other != key))
        for key, title in titles.items()
    )
    return exercise(aspects=aspects, cases=cases, hints=hints)


def trained(model: nn.Module, loader: Iterable, optimizer: torch.optim.Optimizer, num_epochs: int = 1) -> list[float]:
    """Train by `helpers.training`'s own loop, in the modes that the model is in; the mean loss of each epoch."""
    epochs = (train_epoch(model, loader, optimizer) for _ in range(num_epochs))  # an exercise's answer says it otherwise
    return [epoch["loss"] for epoch in epochs]


def learned_finding(model: nn.Module, reference: nn.Module, seen: Visit, slips: Iterable[tuple] = ()) -> Finding:
    """Whether training took the model where it took `reference`; `slips`: (reason, gives where a mistake takes it, likely)."""
    expected = "for each batch, once: zero_grad(), cross entropy of the logits, backward(), step()"
    if not seen.changes.parameters:
        return failed(WORKS, "nothing_moved", found="not one weight has changed", expected=expected)
    if same_weights(model, reference):
        return passed(WORKS)
    found = "the weights were updated, but not as this training updates them"
    made = ((reason, likely) for reason, other, likely in slips if same_weights(model, other()))
    reason, likely = next(made, ("other_steps", "Mend the one fault; leave the rest as it was."))
    return failed(WORKS, reason, found=found, expected=expected, likely=likely)


def kept_finding(seen: Visit, free: Collection[str] = (), *, statistics: bool = True) -> Finding:
    """Whether all but the tensors `free` is as it was; `statistics` is False where another aspect looks at them."""
    reasons = ("frozen_moved", "flags_changed", "layers_changed", *(["statistics_moved"] if statistics else []))
    return intact("kept", seen.before, seen.changes, *reasons, free=free)


def losses_finding(returned: object, expected: list[float], what: str = "mean training loss") -> Finding:
    """Whether the answer returns a list with the right number for each epoch."""
    wanted = f"a list of {len(expected)} floats, the {what} of each epoch"
    if not isinstance(returned, list) or not all(type(value) is float for value in returned):
        return failed("returns", "not_a_list", found=f"{returned!r}"[:120], expected=wanted)
    if len(returned) != len(expected):
        return failed("returns", "wrong_length", found=f"a list of {len(returned)}", expected=wanted)
    right = all(abs(a - b) <= CLOSE * max(1.0, abs(b)) for a, b in zip(returned, expected, strict=True))
    numbers = ", ".join(f"{value:.4f}" for value in returned[:4])
    return passed_if("returns", right, "other_numbers", found=f"{numbers} ...", expected=wanted)


def new_head_finding(model: nn.Module, case: Case, old: nn.Module, num_classes: int, moved: Iterable[str]) -> Finding:
    """Whether a new linear layer stands under the head's name, and one step (`moved`: what it moves) leaves the base alone."""
    head = case.head(model)
    if head is old or not isinstance(head, nn.Linear) or tuple(head.weight.shape) != (num_classes, case.width):
        return failed(
            WORKS, "old_head", found=f"model.{case.head_name} is {head}"[:160],
            expected=f"a new nn.Linear({case.width}, {num_classes}) in the old one's place",
            likely="Keep the line that swaps the head: the fault lies elsewhere.",
        )  # fmt: skip
    stray = set(moved) - head_names(model, case.head_name)
    return passed_if(
        WORKS, not stray, "base_moves", found=f"one step updates {listed(stray)} as well",
        expected="the new head learns, and the base stays frozen",
        likely="Releasing everything cures the symptom and not the patient: only the head should be trainable."
        if len(stray) == len(list(model.parameters())) - len(head_names(model, case.head_name)) else "",
    )  # fmt: skip


def one_step(model: nn.Module, case: Case, optimizer: torch.optim.Optimizer | None = None) -> Probe:
    """One step on a copy; by default with an optimizer that holds all, so that the flags alone decide what moves."""
    optimizer = optimizer or torch.optim.SGD(model.parameters(), lr=RATE / 2)
    return probe(model, optimizer, case.batches()[0])


def contents_finding(model: nn.Module, optimizer: torch.optim.Optimizer, flags: dict[str, bool], lr: float) -> Finding:
    """Whether the optimizer holds what is trainable in this model, nothing else, and with the rate `lr`."""
    names = {id(p): name for name, p in model.named_parameters()}
    found = [names.get(id(p), "a tensor of no layer in this model") for group in optimizer.param_groups for p in group["params"]]
    strays = {name for name in found if not flags.get(name, False)}
    if strays:
        expected = "what is trainable in this model, and nothing else"
        return failed("holds", "strays_held", found=f"it also holds {listed(strays)}", expected=expected)
    rates = {float(group["lr"]) for group in optimizer.param_groups if group["params"]}
    return passed_if("holds", rates <= {lr}, "other_rate", found=f"rates {sorted(rates)}", expected=f"lr {lr:g}, as asked for")
