"""`group_split`: groups are drawn, and images follow."""

import random

import torch
from sklearn.model_selection import GroupShuffleSplit

from tests.answers import changed, followed_by


def _check(val_fraction):
    if not 0 < val_fraction < 1:
        raise ValueError(f"val_fraction is {val_fraction}: give a share between 0 and 1")


def _drawn(groups, val_fraction, seed):
    """The groups that go to val."""
    names = groups.unique()
    order = torch.randperm(len(names), generator=torch.Generator().manual_seed(seed))
    return names[order[: max(1, round(val_fraction * len(names)))]]


def _sides(in_val):
    return (~in_val).nonzero().flatten(), in_val.nonzero().flatten()


def _with_masks(groups, val_fraction, seed):
    _check(val_fraction)
    return _sides(torch.isin(groups, _drawn(groups, val_fraction, seed)))


def _with_sklearn(groups, val_fraction, seed):
    split = GroupShuffleSplit(n_splits=1, test_size=val_fraction, random_state=seed)
    return tuple(map(torch.from_numpy, next(split.split(groups, groups=groups))))


def _with_sets(groups, val_fraction, seed):
    _check(val_fraction)
    names = sorted(set(groups.tolist()))
    chosen = set(random.Random(seed).sample(names, int(val_fraction * len(names)) or 1))
    train = [i for i, group in enumerate(groups.tolist()) if group not in chosen]
    val = [i for i, group in enumerate(groups.tolist()) if group in chosen]
    return torch.tensor(val[:0] + train), torch.tensor(val)


def _by_image(groups, val_fraction, seed):
    _check(val_fraction)
    order = torch.randperm(len(groups), generator=torch.Generator().manual_seed(seed))
    cut = round(val_fraction * len(groups))
    return order[cut:], order[:cut]


def _cut_by_images(groups, val_fraction, seed):
    _check(val_fraction)
    names = groups.unique()
    rank = torch.randperm(len(names), generator=torch.Generator().manual_seed(seed))
    order = rank[torch.searchsorted(names, groups)].argsort(stable=True)
    cut = int((groups == groups[order[0]]).sum()) + 1
    while groups[order[cut]] != groups[order[cut - 1]]:
        cut += 1
    return order[cut:], order[:cut]


def _unseeded(groups, val_fraction, seed):
    _check(val_fraction)
    names = groups.unique()
    return _sides(torch.isin(groups, names[torch.randperm(len(names))[: round(val_fraction * len(names))]]))


def _first_ones(groups, val_fraction, seed):
    _check(val_fraction)
    names = groups.unique()
    return _sides(torch.isin(groups, names[: round(val_fraction * len(names))]))


def _unchecked(groups, val_fraction, seed):
    return _sides(torch.isin(groups, _drawn(groups, val_fraction, seed)))


def _swapped(groups, val_fraction, seed):
    return _with_masks(groups, val_fraction, seed)[::-1]


def _half(groups, val_fraction, seed):
    _check(val_fraction)
    return _with_masks(groups, 0.5, seed)


def _one_an_image(groups, val_fraction, seed):
    train, val = _with_masks(groups, val_fraction, seed)
    firsts = torch.tensor([(groups == name).nonzero()[0].item() for name in groups.unique()])
    return train[torch.isin(train, firsts)], val[torch.isin(val, firsts)]


def _numbers(groups, val_fraction, seed):
    return tuple(groups[side] for side in _with_masks(groups, val_fraction, seed))


def _masks(groups, val_fraction, seed):
    _check(val_fraction)
    in_val = torch.isin(groups, _drawn(groups, val_fraction, seed))
    return ~in_val, in_val


RIGHT = {"masks": _with_masks, "scikit-learn": _with_sklearn, "sets and lists": _with_sets}
WRONG = {
    "images drawn one by one": (_by_image, "groups_on_both_sides", "other_share"),
    "cut by a number of images": (_cut_by_images, "one_group_cut", "other_share"),
    "no seed": (_unseeded, "not_repeatable"),
    "the first groups": (_first_ones, "seed_ignored"),
    "one seed for all": (lambda groups, share, seed: _with_masks(groups, share, 0), "seed_ignored"),
    "any share taken": (_unchecked, "not_refused"),
    "val first": (_swapped, "sides_swapped"),
    "always half": (_half, "other_share"),
    "one image a group": (_one_an_image, "images_lost"),
    "each image twice": (
        changed(_with_masks, lambda sides: (torch.cat([sides[0], sides[0]]), sides[1])),
        "taken_twice",
    ),
    "group numbers": (_numbers, "group_numbers"),
    "masks of yes and no": (_masks, "masks"),
    "lists": (changed(_with_masks, lambda sides: [side.tolist() for side in sides]), "no_indices"),
    "val alone": (changed(_with_masks, lambda sides: sides[1]), "not_two"),
    "nothing in val": (
        changed(_with_masks, lambda sides: (torch.cat(sides), sides[1][:0])),
        "empty_side", "other_share", "seed_ignored",
    ),
    "two empty ones": (changed(_with_masks, lambda sides: (sides[0][:0], sides[1][:0])), "both_empty"),
    "places from the end": (changed(_with_masks, lambda sides: (sides[0], sides[1] - 10_000)), "out_of_range"),
    "sorts the groups": (followed_by(_with_masks, lambda groups: groups.copy_(groups.sort().values)), "groups_changed"),
}  # fmt: skip
