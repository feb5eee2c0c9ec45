"""The check of `unfreeze_last_blocks`: the last n blocks trainable, for every n, and every other flag as it was."""

from collections.abc import Callable, Iterator, Sequence

from torch import nn

from helpers.checks.exercise import exercise, in_rounds
from helpers.checks.flags import ATTRIBUTE, flag_on_module, missed, misspelt_flag, misspelt_words
from helpers.checks.intact import intact
from helpers.checks.report import Aspect, Finding, failed, passed, passed_if, unreached
from helpers.checks.small_models import WITH_BLOCKS, Case, before_release, names_of
from helpers.inspection.snapshot import listed, take_snapshot


@exercise(
    aspects=(
        Aspect("chosen", "it is the last n blocks that are worked on", 1.5),
        Aspect("released", "every tensor in them is trainable", 1.5, requires=("chosen",)),
        Aspect("rest", "every other flag is as it was", 1.5, requires=("chosen",)),
        Aspect(
            "bad_n", "an n below 0 or above the number of blocks raises ValueError, and no other n does", 1, requires=("chosen",)
        ),
        Aspect("intact", "nothing but flags has changed", 0.5, requires=("chosen",)),
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
    looks = (_look(case, n, answer) for n in range(case.num_blocks + 1))
    return in_rounds((*looks, _bad_n_findings(case, answer)), once=("bad_n",))


def _look(case: Case, n: int, answer: Callable) -> Iterator[Finding]:
    """Findings on one n that makes sense."""
    model = before_release(case, patchwork=n % 2 == 1)
    before, blocks = take_snapshot(model), case.blocks(model)
    own = [names_of(model, block) for block in blocks]
    last = set().union(*own[case.num_blocks - n :])
    where = f"n = {n} of {case.num_blocks} blocks"
    try:
        result = answer(blocks, n)
    except ValueError as error:
        if "unpack" in str(error):
            error.add_note(f"with {where},")
            raise
        yield failed(
            "bad_n", "valid_n_refused", found=f"{where} raises ValueError: {error}"[:200],
            expected="no error for any n from 0 to the number of blocks, both included",
        )  # fmt: skip
        return
    except Exception as error:
        error.add_note(f"with {where},")
        raise
    if n and result is not None and not isinstance(result, (list, nn.Module)):
        found = f"a {type(result).__name__} is returned"
        yield failed("intact", "returns_something", found=found, expected="nothing: flags change in place")
    flags = {name: p.requires_grad for name, p in model.named_parameters()}
    switched = {name for name, flag in flags.items() if flag != before.flags.get(name)}
    done = _worked_on(model, blocks, own, switched)
    yield _chosen_finding(
        n, done, {number for number, names in enumerate(own) if any(before.flags[name] for name in names)}, len(own)
    )
    yield _released_finding(n, model, blocks, own[len(own) - n :], flags)
    if switched or not n:
        yield _rest_finding(n, case, switched - last, flags)
    else:
        yield from unreached(["rest"])
    yield intact("intact", before, model, "modes_too", "more_than_flags", apart=("flags",))
    yield passed_if(
        "intact", len(blocks) == case.num_blocks, "list_changed",
        found=f"the list of blocks has {len(blocks)} left of {case.num_blocks}", expected="the list of blocks as it was",
    )  # fmt: skip


def _worked_on(
    model: nn.Module, blocks: Sequence[nn.Module], own: list[set[str]], switched: set[str]
) -> tuple[set[int], set[int]]:
    """The blocks to which the answer did something: released a tensor, or left a mark that was meant to.

    Once with what a tensor tells that two blocks share, once without.
    """
    released = {name for name, p in model.named_parameters() if p.requires_grad and name in switched}
    marked = {number for number, block in enumerate(blocks) if flag_on_module(block) or misspelt_flag(block)}
    shared = {name for names in own for name in names if sum(name in others for others in own) > 1}
    seen, alone = ({number for number, names in enumerate(own) if names & those} for those in (released, released - shared))
    return seen | marked, alone | marked


def _chosen_finding(n: int, worked_on: tuple[set[int], set[int]], begun: set[int], count: int) -> Finding:
    """Whether the last n of `count` blocks were worked on; of those that came `begun`, partly released, it need not show."""
    seen, done = worked_on
    wanted = set(range(count - n, count))
    found = f"with n = {n} of {count} blocks, {'no block is' if not done else f'blocks {_numbers(done)} are'} worked on"
    reason, likely = "blocks_missed", ""
    if not done:
        reason = "nothing_released"
    elif n and done == set(range(n)):
        reason, likely = (
            "first_blocks",
            "These are the first n of the list. Look at the slice: it has to end with the last block.",
        )
    elif n > 1 and len(done) == 1:
        reason, likely = "one_block", "One block is worked on where n are to be: an index gives one, a slice gives several."
    expected = f"the last n of the list: {_numbers(wanted) or 'none'}, counted from 0"
    return passed_if("chosen", wanted <= seen | begun, reason, found=found, expected=expected, likely=likely)


def _numbers(blocks: set[int]) -> str:
    return ", ".join(map(str, sorted(blocks)))


def _released_finding(
    n: int, model: nn.Module, blocks: Sequence[nn.Module], last: list[set[str]], flags: dict[str, bool]
) -> Finding:
    """Whether every tensor of the last n blocks, whose names are `last`, is trainable, and if not, which ones were missed."""
    names = set().union(*last)
    frozen = {name for name in names if not flags.get(name, False)}
    if any(map(flag_on_module, blocks)):  # a block may be a list of modules, which is none of the model's
        reason, likely = "attribute_on_module", ATTRIBUTE
    elif slip := misspelt_flag(model):
        reason, likely = "misspelt_flag", misspelt_words(slip)
    elif any(block <= frozen for block in last):
        reason, likely = "blocks_missed", ""
    else:
        reason, likely = missed(model, frozen, names) if frozen else ("", "")
    return passed_if(
        "released", not frozen, reason,
        found=f"with n = {n}, {len(frozen)} of {len(names)} tensors are still frozen: {listed(frozen)}",
        expected=f"every tensor of the last {n} blocks has requires_grad = True", likely=likely,
    )  # fmt: skip


def _rest_finding(n: int, case: Case, stray: set[str], flags: dict[str, bool]) -> Finding:
    """Whether no flag outside the last n blocks was switched, and if one was, how."""
    head = {name for name in stray if name.startswith(f"{case.head_name}.")}
    reason, likely = "others_switched", ""
    if head:
        reason, likely = "head_changed", "The head is not among the blocks: leave it as it is."
    elif n == 0 and all(flags[name] for name in stray):
        reason = "zero_releases_all"
        likely = "blocks[-0:] is blocks[0:], the whole list: count from the front, blocks[len(blocks) - n:]."
    elif all(flags[name] for name in stray):
        reason, likely = "too_many_released", "More than the last n blocks are released: look at the slice."
    elif not any(flags[name] for name in stray):
        reason, likely = "rest_frozen", "Do not freeze the others: release the last n, and keep your hands off the rest."
    found = f"with n = {n}, flags outside the last {n} blocks have changed: {listed(stray)}"
    return passed_if("rest", not stray, reason, found=found, expected="every other flag as it was, true or false", likely=likely)


def _bad_n_findings(case: Case, answer: Callable) -> Iterator[Finding]:
    """Whether an n that makes no sense raises ValueError, and before anything has changed."""
    expected = "ValueError, before any flag is changed"
    for n in (-1, case.num_blocks + 1):
        model = before_release(case, patchwork=False)
        before, where = take_snapshot(model), f"n = {n} of {case.num_blocks} blocks"
        try:
            answer(case.blocks(model), n)
        except ValueError:
            touched = {name for name, p in model.named_parameters() if p.requires_grad != before.flags[name]}
            yield passed_if(
                "bad_n", not touched, "released_before_raising",
                found=f"{where} raises ValueError, and has released {listed(touched)} by then", expected=expected,
                likely="The comparison comes too late: make it the first line.",
            )  # fmt: skip
            continue
        except Exception as error:
            found = f"{where} raises {type(error).__name__}"
            yield failed("bad_n", "other_error", found=found, expected=expected)
            return
        yield failed(
            "bad_n", "bad_n_accepted", found=f"{where} passes without a word", expected=expected,
            likely="A slice never complains: compare n with 0 and len(blocks) first.",
        )  # fmt: skip
        return
    yield passed("bad_n")
