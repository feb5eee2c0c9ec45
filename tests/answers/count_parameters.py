"""`count_parameters`: all scalars, trainable scalars."""

import torch

from tests.answers import after, cell, changed, thaw


def _of(choose):
    """Counts the scalars of what ``choose(model)`` gives."""

    def count_parameters(model):
        chosen = list(choose(model))
        return sum(p.numel() for p in chosen), sum(p.numel() for p in chosen if p.requires_grad)

    return count_parameters


_sums = _of(torch.nn.Module.parameters)


def _loop(model):
    total = trainable = 0
    for _, parameter in model.named_parameters():
        total += parameter.numel()
        if parameter.requires_grad:
            trainable += parameter.nelement()
    return (total, trainable)


def _shapes(model):
    sizes = [(int(torch.Size(p.shape).numel()), p.requires_grad) for p in model.parameters()]
    return sum(size for size, _ in sizes), sum(size * free for size, free in sizes)


def _tensors(model):
    return len(list(model.parameters())), sum(parameter.requires_grad for parameter in model.parameters())


def _flags_for_trainable(model):
    return _sums(model)[0], sum(parameter.requires_grad for parameter in model.parameters())


def _state_dict(model):
    tensors = {id(t): t for t in model.state_dict(keep_vars=True).values()}
    return sum(t.numel() for t in tensors.values()), _sums(model)[1]


_ONE_MODEL = torch.nn.Linear(7, 5)
_LEARNING = _of(lambda model: [p for p in model.parameters() if p.requires_grad])

RIGHT = {"two sums": _sums, "loop": _loop, "shapes": _shapes}
WRONG = {
    "tensors, not scalars": (_tensors, "tensors_counted"),
    "flags added up": (_flags_for_trainable, "tensors_counted"),
    "order swapped": (changed(_sums, lambda pair: pair[::-1]), "counts_swapped"),
    "shared weights twice": (_of(lambda model: [p for _, p in model.named_parameters(remove_duplicate=False)]), "shared_twice"),
    "buffers too": (_state_dict, "buffers_counted"),
    "frozen ones too": (changed(_sums, lambda pair: (pair[0], pair[0])), "frozen_counted"),
    "numbers of torch": (changed(_sums, lambda pair: tuple(map(torch.tensor, pair))), "not_int"),
    "a list": (changed(_sums, list), "not_a_pair"),
    "one number": (changed(_sums, lambda pair: pair[0]), "not_a_pair"),
    "changes flags": (after(thaw, _sums), "counting_changed_it"),
    "nested layers missed": (
        _of(lambda model: [p for child in model.children() for p in child.parameters(recurse=False)]),
        "wrong_count",
    ),
    "the notebook's model": (lambda model: _sums(_ONE_MODEL), "argument_not_used"),
    "printed, not returned": (changed(_sums, print), "nothing_returned"),
    "trainable ones for both": (_LEARNING, "frozen_missed"),
    "without biases": (_of(lambda model: [p for n, p in model.named_parameters() if not n.endswith("bias")]), "biases_missed"),
    "method not called": (cell("def f(model):\n    return sum(p.numel() for p in model.parameters), 0"), "not_called"),
    "numel not called": (cell("def f(model):\n    return sum(p.numel for p in model.parameters()), 0"), "not_called"),
    "length of a generator": (cell("def f(model):\n    return len(model.parameters()), 0"), "no_length"),
    "pairs for tensors": (
        cell("def f(model):\n    return sum(p.numel() for p in model.named_parameters()), 0"),
        "pair_for_tensor",
    ),
}
