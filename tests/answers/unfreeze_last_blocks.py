"""`unfreeze_last_blocks`: release the last n, touch nothing else."""

from functools import partial

from tests.answers import flag_top_layers, misspell


def _valid(blocks, n):
    if not 0 <= n <= len(blocks):
        raise ValueError(f"n is {n}, but there are {len(blocks)} blocks")


def _last(blocks, n):
    return blocks[len(blocks) - n :]


def _made_of(choose=_last, release=lambda block: block.requires_grad_(True)):
    """An unfreeze_last_blocks put together from parts, so that each wrong answer differs from a right one in a single place."""

    def unfreeze_last_blocks(blocks, n):
        _valid(blocks, n)
        for block in choose(blocks, n):
            release(block)

    return unfreeze_last_blocks


_slice = _made_of()


def _reversed(blocks, n):
    _valid(blocks, n)
    for block, _ in zip(reversed(blocks), range(n), strict=False):
        for parameter in block.parameters():
            parameter.requires_grad = True


def _early_return(blocks, n):
    _valid(blocks, n)
    if n == 0:
        return
    for block in blocks[-n:]:
        for _, parameter in block.named_parameters():
            parameter.requires_grad_()


def _one_more(blocks, n):
    return blocks[max(len(blocks) - n - 1, 0) :] if n else []


def _attribute(block):
    block.requires_grad = True


def _freezes_the_rest(blocks, n):
    _valid(blocks, n)
    for index, block in enumerate(blocks):
        block.requires_grad_(index >= len(blocks) - n)


def _no_check(blocks, n):
    for block in blocks[max(len(blocks) - n, 0) :]:
        block.requires_grad_(True)


def _also_modes(block):
    block.requires_grad_(True)
    block.train()


RIGHT = {"a slice": _slice, "from the end": _reversed, "zero apart": _early_return}
WRONG = {
    "blocks[-0:] is everything": (_made_of(lambda blocks, n: blocks[-n:]), "zero_releases_all"),
    "from the front": (_made_of(lambda blocks, n: blocks[:n]), "block_frozen"),
    "one too many": (_made_of(_one_more), "too_many_released"),
    "an attribute on the block": (_made_of(release=_attribute), "block_frozen"),
    "misspelt flag": (_made_of(release=partial(misspell, flag=True)), "block_frozen"),
    "freezes the others": (_freezes_the_rest, "rest_frozen"),
    "any n will do": (_no_check, "bad_n_accepted"),
    "only the direct children": (_made_of(release=partial(flag_top_layers, flag=True)), "block_frozen"),
    "train mode as well": (_made_of(release=_also_modes), "more_than_flags"),
    "empties the list": (_made_of(lambda blocks, n: [blocks.pop() for _ in range(n)]), "more_than_flags"),
}
