"""`fix_flag_on_module`: the flag of each parameter."""

from torch.optim import SGD

from tests.answers import after, changed, freeze, given, misspell, unfrozen
from tests.answers.freeze_base import module_methods
from tests.support.broken_programs import broken, repaired


def _with_underscore(model, head_name, lr):
    module_methods(model, head_name)
    return SGD(unfrozen(model), lr=lr)


def _by_identity(model, head_name, lr):
    head = set(getattr(model, head_name).parameters())
    for parameter in model.parameters():
        parameter.requires_grad = parameter in head
    return SGD([{"params": [parameter]} for parameter in head], lr=lr, momentum=0.9)


def _head_in_optimizer(model, head_name, lr):
    """The symptom in the optimizer is gone, and every tensor can learn as before."""
    return SGD(getattr(model, head_name).parameters(), lr=lr)


def _frozen_held(model, head_name, lr):
    _with_underscore(model, head_name, lr)
    return SGD(model.parameters(), lr=lr)


RIGHT = {
    "a loop over parameters": repaired("fix_flag_on_module"),
    "requires_grad_": _with_underscore,
    "by identity": _by_identity,
}
WRONG = {
    "the broken program": (broken("fix_flag_on_module"), "flag_on_module", "base_moves"),
    "misspelt on every parameter": (after(misspell, _head_in_optimizer), "misspelt_flag"),
    "only the optimizer limited": (_head_in_optimizer, "base_trainable"),
    "the head frozen, too": (after(freeze, _head_in_optimizer), "head_stays", "strays_held"),
    "frozen tensors in the optimizer": (_frozen_held, "strays_held"),
    "a rate of its own": (given(_with_underscore, lr=lambda lr: 0.001), "other_rate"),
    "nothing returned": (changed(_with_underscore, lambda optimizer: None), "not_an_optimizer"),
}
