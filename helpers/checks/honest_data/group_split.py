"""The check of `group_split`: no group on both sides, nothing lost, and the same split whenever the seed is the same."""

from collections import Counter
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from helpers.checks.exercise import exercise
from helpers.checks.honest_data.tables import Groups, is_indices, refusal, said
from helpers.checks.report import Aspect, Finding, failed, passed, passed_if, unreached

SEED, OTHER_SEEDS = 5, (6, 7, 8)


@exercise(
    aspects=(
        Aspect("apart", "no group has images on both sides", 3),
        Aspect("all", "each image is on one side, once", 1, requires=("apart",)),
        Aspect("share", "val has the share of the groups that was asked for, up to one group", 1, requires=("apart",)),
        Aspect("seed", "the seed decides: equal seeds, equal splits; other seeds, other splits", 1, requires=("apart", "all")),
        Aspect("refuses", "a share that is not between 0 and 1 is refused", 0.5, requires=("apart",)),
        Aspect("intact", "the groups are as they came", 0.25, requires=("apart",)),
    ),
    cases=(Groups(), Groups(num_groups=24, val_fraction=0.4, seed=1), Groups(num_groups=14, val_fraction=0.15, seed=2)),
    hints=(
        "What is drawn by chance are the groups, not the images. An image then goes where its group went.",
        "torch.unique(groups) lists the groups; torch.randperm(n, generator=torch.Generator().manual_seed(seed)) mixes them; "
        "torch.isin(groups, chosen) says of each image whether its group was chosen, and .nonzero().flatten() makes indices.",
        "names = torch.unique(groups)\norder = torch.randperm(len(names), generator=...)\nchosen = names[order[: ...]]\n"
        "in_val = torch.isin(groups, chosen)\nreturn (~in_val).nonzero().flatten(), ...",
    ),
)
def group_split(case: Groups, answer: Callable[[Tensor, float, int], tuple[Tensor, Tensor]]) -> Iterator[Finding]:
    """Split the case's groups with one seed, with the same again, and with others; then with shares that make no sense."""
    groups, given, share = case.groups(), case.groups(), case.val_fraction
    sides = answer(given, share, SEED)
    broken = _broken(sides, groups)
    if broken is not None:
        yield broken
        yield from unreached(["all", "share", "seed", "refuses", "intact"])
        return
    train, val = sides
    yield _apart_finding(train, val, groups)
    yield _all_finding(train, val, len(groups))
    yield _share_finding(train, val, groups, case)
    yield _seed_finding(sides, groups, share, answer)
    for wrong in (-0.2, 1.0, 25.0):
        likely = "25 may be meant as per cent, and 1 leaves nothing to learn from: compare with 0 and 1 first."
        yield refusal("refuses", answer, (groups.clone(), wrong, SEED), f"val_fraction={wrong:g}", likely)
    yield passed_if(
        "intact", torch.equal(given, groups), "groups_changed", found="the tensor that was passed in is another one now",
        expected="the groups as they came", likely="Methods that end in _ change the tensor itself.",
    )  # fmt: skip


def _broken(sides: object, groups: Tensor) -> Finding | None:
    """What is wrong with the form; None where two lists of places came back."""
    expected = "two tensors int64 of indices, train and val: places in groups"
    if not isinstance(sides, (tuple, list)) or len(sides) != 2:
        found = f"{said(sides)} with {len(sides)} things in it" if isinstance(sides, (tuple, list)) else said(sides)
        return failed("apart", "not_two", found=found, expected=expected)
    if all(isinstance(side, Tensor) and side.dtype == torch.bool for side in sides):
        likely = "These are masks, a yes or no for each image: mask.nonzero().flatten() makes indices of one."
        return failed("apart", "masks", found=said(sides[0]), expected=expected, likely=likely)
    if not all(map(is_indices, sides)):
        found = " and ".join(map(said, sides))
        return failed("apart", "no_indices", found=found, expected=expected)
    both = torch.cat(list(sides))
    if len(both) and not 0 <= int(both.min()) <= int(both.max()) < len(groups):
        numbers = bool(torch.isin(both, groups).all())
        likely = "These are the groups' own numbers: an index is an image's place." if numbers else ""
        reason = "group_numbers" if numbers else "out_of_range"
        found = f"{int(both.max())} among the indices, of {len(groups)} images"
        return failed("apart", reason, found=found, expected=expected, likely=likely)
    if not len(both):
        return failed("apart", "both_empty", found="two empty tensors", expected=expected)
    return None


def _apart_finding(train: Tensor, val: Tensor, groups: Tensor) -> Finding:
    mine, theirs = (set(groups[side].tolist()) for side in (train, val))
    shared = sorted(mine & theirs)
    if not shared:
        if train.numel() and val.numel():
            return passed("apart")
        side = "val" if train.numel() else "train"
        return failed("apart", "empty_side", found=f"no image in {side}", expected="images on both sides")
    reason, likely = "groups_on_both_sides", "The images were drawn one by one: draw groups, and let each image follow its own."
    if len(shared) == 1:
        reason, likely = "one_group_cut", "The line was drawn by a number of images, and a group lies across it: count groups."
    found = f"{len(shared)} of {len(mine | theirs)} groups have images on both sides, such as group {shared[0]}"
    return failed("apart", reason, found=found, expected="each group on one side only", likely=likely)


def _all_finding(train: Tensor, val: Tensor, number: int) -> Finding:
    counts = Counter(torch.cat([train, val]).tolist())
    twice, missing = [i for i, count in counts.items() if count > 1], number - len(counts)
    expected = f"each of the {number} images once"
    if twice:
        return failed("all", "taken_twice", found=f"image {twice[0]} and {len(twice) - 1} more come twice", expected=expected)
    likely = "Perhaps one image a group was taken: all images of a group go with it."
    return passed_if("all", not missing, "images_lost", found=f"{missing} on neither side", expected=expected, likely=likely)


def _share_finding(train: Tensor, val: Tensor, groups: Tensor, case: Groups) -> Finding:
    all_of_them, chosen = len(groups.unique()), len(groups[val].unique())
    wanted = case.val_fraction * all_of_them
    if abs(chosen - wanted) <= 1:
        return passed("share")
    reason, likely = "other_share", ""
    if abs(all_of_them - chosen - wanted) <= 1:
        reason, likely = "sides_swapped", "Train comes first and val second; val_fraction is val's share."
    found = f"{chosen} of {all_of_them} groups in val"
    return failed("share", reason, found=found, expected=f"about {wanted:.1f}, of the groups", likely=likely)


def _seed_finding(first: tuple, groups: Tensor, share: float, answer: Callable) -> Finding:
    expected = "the same split with the same seed, and another one with another seed"
    if _val(answer(groups.clone(), share, SEED)) != _val(first):
        likely = "The draw has to depend on the seed alone: torch.Generator().manual_seed(seed), and nothing else."
        return failed("seed", "not_repeatable", found="two calls with one seed differ", expected=expected, likely=likely)
    others = {_val(answer(groups.clone(), share, seed)) for seed in OTHER_SEEDS}
    likely = "Nothing is drawn by this seed: the first groups, or always the same ones, are no sample."
    found = f"one and the same split with {1 + len(OTHER_SEEDS)} seeds"
    return passed_if("seed", others != {_val(first)}, "seed_ignored", found=found, expected=expected, likely=likely)


def _val(sides: object) -> tuple | None:
    """The validation images of a split, in order of their places; None where it is no split."""
    try:
        return tuple(sorted(sides[1].tolist()))
    except (TypeError, IndexError, AttributeError, KeyError):
        return None
