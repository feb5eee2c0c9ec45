"""`unfreeze_last_blocks`: release the last n, touch nothing else."""

from functools import partial

from torch import nn

from tests.answers import cell, changed, flag_top_layers, misspell, switching_gradients_off


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


def _refusing(refused):
    def unfreeze_last_blocks(blocks, n):
        if refused(blocks, n):
            raise ValueError(f"n is {n}")
        for block in _last(blocks, n):
            block.requires_grad_(True)

    return unfreeze_last_blocks


def _releases_then_raises(blocks, n):
    for block in blocks[max(len(blocks) - n, 0) :] if n >= 0 else blocks[-1:]:
        block.requires_grad_(True)
    _valid(blocks, n)


def _asserting(blocks, n):
    assert 0 <= n <= len(blocks)
    _slice(blocks, n)


def _without_batchnorm(block):
    for layer in block.modules():
        if not isinstance(layer, nn.BatchNorm2d):
            for parameter in layer.parameters(recurse=False):
                parameter.requires_grad = True


def _weights(block):
    for name, parameter in block.named_parameters():
        if "weight" in name:
            parameter.requires_grad = True


RIGHT = {"a slice": _slice, "from the end": _reversed, "zero apart": _early_return}
WRONG = {
    "blocks[-0:] is everything": (_made_of(lambda blocks, n: blocks[-n:]), "zero_releases_all"),
    "from the front": (_made_of(lambda blocks, n: blocks[:n]), "first_blocks", "blocks_missed", "too_many_released"),
    "one too many": (_made_of(_one_more), "too_many_released"),
    "an attribute on the block": (_made_of(release=_attribute), "attribute_on_module"),
    "misspelt flag": (_made_of(release=partial(misspell, flag=True)), "misspelt_flag"),
    "freezes the others": (_freezes_the_rest, "rest_frozen"),
    "any n will do": (_no_check, "bad_n_accepted"),
    "only the direct children": (_made_of(release=partial(flag_top_layers, flag=True)), "partly_missed", "nothing_released"),
    "train mode as well": (_made_of(release=_also_modes), "modes_too"),
    "empties the list": (
        _made_of(lambda blocks, n: [blocks.pop() for _ in range(n)]),
        "list_changed",
    ),
    "one block": (
        _made_of(lambda blocks, n: blocks[-n : len(blocks) - n + 1]),
        "one_block",
        "blocks_missed",
        "zero_releases_all",
    ),
    "all refused": (_refusing(lambda blocks, n: not 0 <= n < len(blocks)), "valid_n_refused"),
    "none refused": (_refusing(lambda blocks, n: not 0 < n <= len(blocks)), "valid_n_refused"),
    "releases, then raises": (_releases_then_raises, "released_before_raising"),
    "BatchNorm forgotten": (_made_of(release=_without_batchnorm), "batchnorm_missed"),
    "weights alone": (_made_of(release=_weights), "biases_missed"),
    "an assertion": (_asserting, "other_error"),
    "range(n)": (_made_of(lambda blocks, n: [blocks[i] for i in range(n)]), "first_blocks", "blocks_missed", "too_many_released"),
    "returns a number": (changed(_slice, lambda _: 3), "returns_something"),
    "gradients switched off for good": (switching_gradients_off(_slice), "left_switched"),
    "pairs for tensors": (
        cell(
            "def f(blocks, n):\n    for block in blocks[len(blocks) - n :]:\n        for p in block.named_parameters():\n"
            "            p.requires_grad = True"
        ),
        "pair_for_tensor",
    ),
}
