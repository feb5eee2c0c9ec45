"""`unfreeze_last_blocks`: release the last n, touch nothing else."""


def _valid(blocks, n):
    if not 0 <= n <= len(blocks):
        raise ValueError(f"n is {n}, but there are {len(blocks)} blocks")


def _slice(blocks, n):
    _valid(blocks, n)
    for block in blocks[len(blocks) - n :]:
        block.requires_grad_(True)


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


def _minus_zero(blocks, n):
    _valid(blocks, n)
    for block in blocks[-n:]:
        block.requires_grad_(True)


def _from_the_front(blocks, n):
    _valid(blocks, n)
    for block in blocks[:n]:
        block.requires_grad_(True)


def _one_too_many(blocks, n):
    _valid(blocks, n)
    for block in blocks[max(len(blocks) - n - 1, 0) :] if n else []:
        block.requires_grad_(True)


def _attribute(blocks, n):
    _valid(blocks, n)
    for block in blocks[len(blocks) - n :]:
        block.requires_grad = True


def _misspelt(blocks, n):
    _valid(blocks, n)
    for block in blocks[len(blocks) - n :]:
        for parameter in block.parameters():
            parameter.require_grad = True


def _freezes_the_rest(blocks, n):
    _valid(blocks, n)
    for index, block in enumerate(blocks):
        block.requires_grad_(index >= len(blocks) - n)


def _no_check(blocks, n):
    for block in blocks[max(len(blocks) - n, 0) :]:
        block.requires_grad_(True)


def _direct_children_only(blocks, n):
    _valid(blocks, n)
    for block in blocks[len(blocks) - n :]:
        for child in block.children():
            for parameter in child.parameters(recurse=False):
                parameter.requires_grad = True


def _also_modes(blocks, n):
    _slice(blocks, n)
    for block in blocks[len(blocks) - n :]:
        block.train()


def _pops(blocks, n):
    _valid(blocks, n)
    for _ in range(n):
        blocks.pop().requires_grad_(True)


RIGHT = {"a slice": _slice, "from the end": _reversed, "zero apart": _early_return}
WRONG = {
    "blocks[-0:] is everything": (_minus_zero, "zero_releases_all"),
    "from the front": (_from_the_front, "block_frozen"),
    "one too many": (_one_too_many, "too_many_released"),
    "an attribute on the block": (_attribute, "block_frozen"),
    "misspelt flag": (_misspelt, "block_frozen"),
    "freezes the others": (_freezes_the_rest, "rest_frozen"),
    "any n will do": (_no_check, "bad_n_accepted"),
    "only the direct children": (_direct_children_only, "block_frozen"),
    "train mode as well": (_also_modes, "more_than_flags"),
    "empties the list": (_pops, "more_than_flags"),
}
