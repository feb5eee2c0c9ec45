"""The check of `parameter_groups`: the head in one group, the released blocks in another, nothing else in either."""

import warnings
from collections.abc import Callable, Iterator

import torch
from torch import nn

from helpers.checks.exercise import exercise
from helpers.checks.intact import intact
from helpers.checks.report import Aspect, Finding, failed, passed_if, wrong_type
from helpers.checks.small_models import WITH_BLOCKS, Case, before_release, head_names
from helpers.inspection.snapshot import listed, take_snapshot
from helpers.inspection.step_probe import probe


@exercise(
    aspects=(
        Aspect("head", "one group holds the head, with the head's rate", 2),
        Aspect("blocks", "one group holds all released blocks, with the blocks' rate", 2, requires=("head",)),
        Aspect("only", "no group holds a frozen tensor", 1, requires=("head",)),
        Aspect("once", "no tensor is in two groups", 1, requires=("head",)),
        Aspect("usable", "an optimizer takes the groups, and one step moves all that can learn", 1, requires=("head", "blocks")),
        Aspect("intact", "the model is as it was", 0.5, requires=("head",)),
    ),
    cases=WITH_BLOCKS,
    hints=(
        "Sort what can learn into two baskets: does this tensor belong to the head or not? Names can mislead, objects cannot.",
        "getattr(model, head_name).parameters(), id(parameter) for the head's, parameter.requires_grad for all.",
        "head = [p for p in getattr(model, head_name).parameters() if ...]\nhead_ids = {id(p) for p in head}\n"
        'return [{"params": head, "lr": head_lr}, {"params": [... not in head_ids ...], "lr": block_lr}]',
    ),
)
def parameter_groups(case: Case, answer: Callable) -> Iterator[Finding]:
    """Call the answer with nothing but the head released, one block, two blocks, and a head that is half frozen."""
    for blocks, half_head in ((1, False), (0, False), (2, True)):
        model = before_release(case, patchwork=False)
        for block in case.blocks(model)[case.num_blocks - blocks :]:
            block.requires_grad_(True)
        case.head(model).bias.requires_grad_(not half_head)
        before, head = take_snapshot(model), head_names(model, case.head_name)
        groups = answer(model, case.head_name, 0.2, 0.05)
        if not isinstance(groups, (list, tuple)) or not all(isinstance(g, dict) and {"params", "lr"} <= set(g) for g in groups):
            likely = "An optimizer takes such a list in place of the parameters."
            yield wrong_type("head", "not_groups", groups, 'a list of dicts, each with the keys "params" and "lr"', likely)
            return
        groups = [{**group, "params": _as_list(group["params"])} for group in groups]
        yield from _group_findings(model, case, groups, before.flags, head)
        yield _usable_finding(model, case, groups)
        yield intact("intact", before, model, "model_changed")


def _as_list(params: object) -> list:
    return [params] if isinstance(params, torch.Tensor) else list(params)


def _group_findings(model: nn.Module, case: Case, groups: list[dict], flags: dict, head: set[str]) -> Iterator[Finding]:
    """Findings on what is in which group; `flags` and the head's names are those before the call."""
    names = {id(p): name for name, p in model.named_parameters()}
    contents = [({names.get(id(p), "?") for p in group["params"]}, float(group["lr"])) for group in groups]
    head = {name for name in head if flags[name]}
    blocks = {name for name, flag in flags.items() if flag} - head
    # Frozen tensors in a group lose the aspect "only", and nothing else.
    learning = [(held_names - {name for name, flag in flags.items() if not flag}, lr) for held_names, lr in contents]
    yield _content_finding("head", head, 0.2, learning, case, (blocks, 0.05))
    yield _content_finding("blocks", blocks, 0.05, learning, case, (head, 0.2))
    found = [names.get(id(p), "?") for group in groups for p in group["params"]]
    frozen = {name for name in found if not flags.get(name, False)}
    yield passed_if(
        "only", not frozen, "frozen_in_group", found=f"frozen tensors in a group: {listed(frozen)}",
        expected="no frozen tensor in any group", likely="Ask requires_grad of the head's parameters, too.",
    )  # fmt: skip
    twice = {name for name in found if found.count(name) > 1}
    yield passed_if(
        "once", not twice, "in_two_groups", found=f"more than once: {listed(twice)}", expected="each tensor once",
        likely="model.parameters() includes the head's: leave those out of the blocks' group. An optimizer raises ValueError.",
    )  # fmt: skip


def _content_finding(
    aspect: str, wanted: set[str], lr: float, contents: list, case: Case, other: tuple[set[str], float]
) -> Finding:
    """Whether exactly one group holds `wanted`, and with this rate; with nothing wanted, at most an empty group."""
    title = "the head's parameters" if aspect == "head" else "the released blocks' parameters"
    filled = [(names, rate) for names, rate in contents if names]
    if not wanted:
        return passed_if(
            aspect, all(names == other[0] for names, _ in filled), "others_in_group",
            found=f"{len(filled)} groups with parameters", expected=f"one: there are no parameters for {title}",
        )  # fmt: skip
    here = [(names, rate) for names, rate in filled if names & wanted]
    absent = wanted - set().union(*(names for names, _ in here))
    fine = (wanted, lr) in filled  # a second group with the same tensors loses the aspect "once"
    if absent:
        reason, found = ("head_missing" if aspect == "head" else "block_not_held"), f"in no group: {listed(absent)}"
        likely = "" if aspect == "head" else "Its requires_grad is True, but an optimizer that does not hold it does not move it."
    elif len(here) > 1:
        reason, found = "split_up", f"spread over {len(here)} groups"
        likely = "One group for the head, one for all released blocks."
    elif here[0][0] - wanted:
        stray = here[0][0] - wanted
        lookalike = any(case.head_name in name for name in stray) if aspect == "head" else False
        reason, found = ("lookalike_in_head" if lookalike else "mixed_up"), f"together with others: {listed(stray)}"
        likely = f"Another layer's name contains {case.head_name!r}: compare with the head's own parameters." if lookalike else ""
    else:
        reason, found = ("rates_swapped" if here[0][1] == other[1] else "other_rate"), f"lr {here[0][1]:g}"
        likely = "The head is new and may take large steps; the blocks are good already and take small ones."
    return passed_if(aspect, fine, reason, found=found, expected=f"one group with {title} and lr {lr:g}", likely=likely)


def _usable_finding(model: nn.Module, case: Case, groups: list[dict]) -> Finding:
    """Whether an optimizer takes the groups, and one step with them moves what can learn and nothing else."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a tensor twice in one group is named by the aspect "once"
            optimizer = torch.optim.SGD([dict(group) for group in groups], lr=0.0)
    except (ValueError, TypeError) as error:
        return failed("usable", "optimizer_refuses", found=f"SGD says: {error}", expected="groups that torch.optim takes")
    wanted = {name for name, p in model.named_parameters() if p.requires_grad}
    moved = probe(model, optimizer, next(iter(case.loader()))).changes.parameters
    return passed_if(
        "usable", moved == wanted, "step_moves_others",
        found=f"one step leaves or moves the wrong tensors: {listed(moved ^ wanted)}",
        expected="one step moves all that can learn, and nothing else",
    )  # fmt: skip
