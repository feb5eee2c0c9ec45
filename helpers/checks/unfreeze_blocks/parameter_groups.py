"""The check of `parameter_groups`: the head in one group, the released blocks in another, nothing else in either."""

import warnings
from collections.abc import Callable, Iterator

import torch
from torch import nn

from helpers.checks.exercise import exercise
from helpers.checks.intact import intact
from helpers.checks.report import Aspect, Finding, failed, passed_if, unreached
from helpers.checks.small_models import WITH_BLOCKS, Case, before_release, head_names
from helpers.checks.unfreeze_blocks.groups import Groups
from helpers.inspection.snapshot import listed, take_snapshot
from helpers.inspection.step_probe import probe

HEAD_LR, BLOCK_LR = 0.2, 0.05


@exercise(
    aspects=(
        Aspect("head", "one group holds the head", 1.5),
        Aspect("blocks", "one group holds all released blocks", 1.5, requires=("head",)),
        Aspect(
            "rates", "the head's group has the head's rate, the blocks' group the blocks' rate", 1, requires=("head", "blocks")
        ),
        Aspect("only", "no group holds a frozen tensor", 1, requires=("head",)),
        Aspect("once", "each tensor is held once", 1, requires=("head",)),
        Aspect("usable", "an optimizer takes the groups, and one step updates all that is trainable", 1, requires=("head",)),
        Aspect("intact", "the model is as it was", 0.5, requires=("head",)),
    ),
    cases=WITH_BLOCKS,
    hints=(
        "Sort what is trainable into two baskets: does this tensor belong to the head or not? Names can mislead, objects cannot.",
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
        groups = Groups.read(answer(model, case.head_name, HEAD_LR, BLOCK_LR), model)
        if groups.trouble:
            yield groups.trouble
            return
        now = {name for name, p in model.named_parameters() if p.requires_grad}
        yield from _group_findings(groups, case, before.flags, head, now)
        yield groups.slip or _usable_finding(model, case, groups)
        yield intact("intact", before, model, "model_changed")


def _group_findings(groups: Groups, case: Case, flags: dict, all_head: set[str], now: set[str]) -> Iterator[Finding]:
    """Findings on what is in which group; `flags` and the head's names are those before the call, `now` is trainable since."""
    head = {name for name in all_head if flags[name]}
    blocks = {name for name, flag in flags.items() if flag} - head
    # Frozen tensors in a group lose the aspect "only", and nothing else.
    learning = [({name for name in names if flags.get(name, True)}, lr) for names, lr in groups.contents]
    yield _content_finding("head", head, blocks, learning, case)
    yield _content_finding("blocks", blocks, head, learning, case)
    yield _rates_finding(head, blocks, learning)
    found = [name for names, _ in groups.contents for name in names]
    frozen = {name for name in found if not flags.get(name, True)}
    foreign = [name for name in found if name not in flags]
    whose = "the head's parameters" if frozen <= all_head else "parameters outside the head" if not frozen & all_head else "all"
    likely = f"Ask requires_grad of {whose}, too."
    if frozen and frozen <= now:
        likely = "They came frozen, and the answer has released them."
    yield passed_if(
        "only", not frozen and not foreign, "foreign" if not frozen else "released_first" if frozen <= now else "frozen_in_group",
        found=f"frozen tensors in a group: {listed(frozen)}" if frozen else f"in a group: {listed(foreign)}"[:200],
        expected="trainable tensors of this model, and nothing else", likely=likely if frozen else "",
    )  # fmt: skip
    twice = {name for name in found if name in flags and found.count(name) > 1}
    across = {name for name in twice if sum(name in names for names, _ in groups.contents) > 1}
    yield passed_if(
        "once", not twice, "in_two_groups" if across else "twice_in_a_group",
        found=f"{'in two groups' if across else 'twice in one group'}: {listed(across or twice)}", expected="each tensor once",
        likely="An optimizer raises ValueError: leave the head's parameters out of the blocks' group."
        if across else "torch warns of it, and updates such a tensor twice in every step.",
    )  # fmt: skip


def _content_finding(aspect: str, wanted: set[str], other: set[str], contents: list, case: Case) -> Finding:
    """Whether exactly one group holds `wanted` and nothing else; with nothing wanted, at most an empty group."""
    title = "the head's parameters" if aspect == "head" else "the released blocks' parameters"
    filled = [(names, rate) for names, rate in contents if names]
    if not wanted:
        return passed_if(
            aspect, all(names == other for names, _ in filled), "others_in_group",
            found=f"{len(filled)} groups with parameters", expected=f"one: there are no parameters for {title}",
        )  # fmt: skip
    here = [(names, rate) for names, rate in filled if names & wanted]
    absent = wanted - set().union(*(names for names, _ in here))
    fine = any(names == wanted for names, _ in filled)  # a second group with the same tensors loses the aspect "once"
    if absent:
        reason, found = ("head_missing" if aspect == "head" else "block_not_held"), f"in no group: {listed(absent)}"
        likely = (
            "" if aspect == "head" else "Its requires_grad is True, but an optimizer that does not hold it does not update it."
        )
    elif len(here) > 1:
        reason, found = "split_up", f"spread over {len(here)} groups"
        likely = "One group for the head, one for all released blocks."
    else:
        stray = here[0][0] - wanted
        lookalike = aspect == "head" and all(case.head_name in name for name in stray)
        reason, found = ("lookalike_in_head" if lookalike else "mixed_up"), f"together with others: {listed(stray)}"
        likely = f"Another layer's name contains {case.head_name!r}: compare with the head's own parameters." if lookalike else ""
    return passed_if(aspect, fine, reason, found=found, expected=f"one group with {title} and no others", likely=likely)


def _rates_finding(head: set[str], blocks: set[str], contents: list) -> Finding:
    """Whether each tensor has its rate."""
    rates = {name: {lr for names, lr in contents if name in names} for name in head | blocks}
    found = [set().union(*(rates[name] for name in names)) for names in (head, blocks)]
    right = [{HEAD_LR} if head else set(), {BLOCK_LR} if blocks else set()]
    reason, likely = "other_rate", ""
    if found == [{BLOCK_LR}, {HEAD_LR}]:
        reason = "rates_swapped"
        likely = "The head is new and may take large steps; the blocks are good already and take small ones."
    elif found in ([{HEAD_LR}, {HEAD_LR}], [{BLOCK_LR}, {BLOCK_LR}]):
        reason, likely = "one_rate", "Both groups have the same rate: give each its own."
    held = all(len(rate) == bool(names) for rate, names in zip(found, (head, blocks), strict=True))
    if not held or any({*names} & head and {*names} & blocks for names, _ in contents):
        return unreached(["rates"])[0]  # who is in the wrong group is not at the wrong rate as well
    said = [", ".join(f"{lr:g}" for lr in sorted(rate)) or "none" for rate in found]
    return passed_if(
        "rates", found == right, reason, found=f"head: lr {said[0]}, blocks: lr {said[1]}",
        expected=f"head: lr {HEAD_LR:g}, blocks: lr {BLOCK_LR:g}", likely=likely,
    )  # fmt: skip


def _usable_finding(model: nn.Module, case: Case, groups: Groups) -> Finding:
    """Whether an optimizer takes the groups, and one step with them moves what is trainable and nothing else."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a tensor twice in one group is named by the aspect "once"
            optimizer = torch.optim.SGD([dict(group) for group in groups.given], lr=0.0)
    except (ValueError, TypeError) as error:
        return failed("usable", "optimizer_refuses", found=f"SGD says: {error}"[:200], expected="groups that torch.optim takes")
    wanted = {name for name, p in model.named_parameters() if p.requires_grad}
    moved = probe(model, optimizer, case.batches()[0]).changes.parameters
    return passed_if(
        "usable", moved == wanted, "step_moves_others",
        found=f"one step leaves or updates the wrong tensors: {listed(moved ^ wanted)}",
        expected="one step updates all that is trainable, and nothing else",
    )  # fmt: skip
