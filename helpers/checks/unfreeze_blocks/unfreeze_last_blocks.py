"""The check of `unfreeze_last_blocks`: the last n blocks trainable, for every n, and every other flag as it was."""

from collections.abc import Callable, Iterator

from torch import nn

from helpers.checks.exercise import exercise
from helpers.checks.intact import intact
from helpers.checks.report import Aspect, Finding, failed, passed, passed_if
from helpers.checks.small_models import WITH_BLOCKS, Case, before_release, names_of
from helpers.inspection.snapshot import listed, take_snapshot


@exercise(
    aspects=(
        Aspect("released", "every tensor of the last n blocks can learn", 2.5),
        Aspect("rest", "every other flag is as it was, for every n from 0 to all", 2, requires=("released",)),
        Aspect("bad_n", "an n below 0 or above the number of blocks raises ValueError", 1, requires=("released",)),
        Aspect("intact", "nothing but flags has changed", 0.5, requires=("released",)),
    ),
    cases=WITH_BLOCKS,
    hints=(
        "Take the right end of the list and switch on everything in it. What is the right end for n = 0?",
        "Slicing with blocks[len(blocks) - n:], module.requires_grad_(True), raise ValueError(...).",
        "if not 0 <= n <= len(blocks):\n    raise ValueError(...)\nfor block in blocks[len(blocks) - n:]:\n    ...",
    ),
)
def unfreeze_last_blocks(case: Case, answer: Callable) -> Iterator[Finding]:
    """Call the answer with every n from 0 to all, and with two that make no sense."""
    for n in range(case.num_blocks + 1):
        model = before_release(case, patchwork=n % 2 == 1)
        before, blocks = take_snapshot(model), case.blocks(model)
        names = names_of(model, *blocks[case.num_blocks - n :])
        result = answer(blocks, n)
        if n and result is not None and not isinstance(result, (list, nn.Module)):
            found = f"a {type(result).__name__} is returned"
            yield failed("intact", "returns_something", found=found, expected="nothing: flags change in place")
        flags = {name: p.requires_grad for name, p in model.named_parameters()}
        yield _released_finding(n, names, flags)
        stray = {name for name, flag in flags.items() if name not in names and flag != before.flags.get(name)}
        yield _rest_finding(n, case, stray, flags)
        yield intact("intact", before, model, "more_than_flags", apart=("flags",))
        yield passed_if(
            "intact", len(blocks) == case.num_blocks, "more_than_flags",
            found="the list of blocks itself was changed", expected="the list of blocks as it was",
        )  # fmt: skip
    yield _bad_n_finding(case, answer)


def _released_finding(n: int, names: set[str], flags: dict[str, bool]) -> Finding:
    frozen = {name for name in names if not flags.get(name, False)}
    likely = "A block has parameters in blocks inside it, and in BatchNorm: take block.parameters(), all of them."
    if len(frozen) == len(names):
        likely = "block.requires_grad = True sets an attribute that nothing reads: call block.requires_grad_(True)."
    return passed_if(
        "released", not frozen, "block_frozen",
        found=f"with n = {n}, {len(frozen)} of {len(names)} tensors are still frozen: {listed(frozen)}",
        expected=f"every tensor of the last {n} blocks has requires_grad = True", likely=likely,
    )  # fmt: skip


def _rest_finding(n: int, case: Case, stray: set[str], flags: dict[str, bool]) -> Finding:
    head = {name for name in stray if name.startswith(f"{case.head_name}.")}
    if n == 0 and any(flags[name] for name in stray - head):
        reason = "zero_releases_all"
        likely = "blocks[-0:] is blocks[0:], the whole list: count from the front, blocks[len(blocks) - n:]."
    elif head:
        reason, likely = "head_changed", "The head is not among the blocks: leave it as it is."
    elif all(flags[name] for name in stray):
        reason, likely = "too_many_released", "More than the last n blocks are released: look at the slice."
    else:
        reason, likely = "rest_frozen", "Do not freeze the others: release the last n, and keep your hands off the rest."
    found = f"with n = {n}, flags outside the last {n} blocks have changed: {listed(stray)}"
    return passed_if("rest", not stray, reason, found=found, expected="every other flag as it was, true or false", likely=likely)


def _bad_n_finding(case: Case, answer: Callable) -> Finding:
    for n in (-1, case.num_blocks + 1):
        try:
            answer(case.blocks(before_release(case, patchwork=False)), n)
        except ValueError:
            continue
        except Exception as error:
            return failed("bad_n", "other_error", found=f"n = {n} raises {type(error).__name__}", expected="ValueError")
        return failed(
            "bad_n", "bad_n_accepted", found=f"n = {n} of {case.num_blocks} blocks passes without a word",
            expected="ValueError, before any flag is changed",
            likely="A slice never complains: compare n with 0 and len(blocks) first.",
        )  # fmt: skip
    return passed("bad_n")
