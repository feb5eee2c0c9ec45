"""`make_optimizer`: hold exactly the trainable parameters, each once."""

import copy

import torch

from tests.answers import after, cell, changed, given, head_of, switching_gradients_off, thaw, unfrozen


def _holding(choose):
    """Adam over what ``choose(model)`` gives."""

    def make_optimizer(model, lr):
        return torch.optim.Adam(choose(model), lr=lr)

    return make_optimizer


_adam = _holding(unfrozen)


def _sgd_with_momentum(model, lr):
    return torch.optim.SGD(filter(lambda p: p.requires_grad, model.parameters()), lr=lr, momentum=0.9)


def _named_groups(model, lr):
    trainable = [p for _, p in model.named_parameters() if p.requires_grad]
    return torch.optim.AdamW([{"params": [p]} for p in trainable], lr=lr, weight_decay=0.01)


def only_weights(model):
    return [p for name, p in model.named_parameters() if p.requires_grad and name.endswith("weight")]


def _frozen_ones(model):
    return [p for p in model.parameters() if not p.requires_grad] or model.parameters()


def _without_batchnorm(model):
    norms = [id(p) for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d) for p in m.parameters()]
    return [p for p in unfrozen(model) if id(p) not in norms]


def _pairs(model, lr):
    return torch.optim.SGD([(name, p) for name, p in model.named_parameters() if p.requires_grad], lr=lr)


RIGHT = {
    "Adam over a list": _adam,
    "SGD over a filter": _sgd_with_momentum,
    "AdamW, a group for each": _named_groups,
    "pairs": _pairs,
}
WRONG = {
    "all parameters": (_holding(lambda model: model.parameters()), "frozen_in_optimizer"),
    "block unfrozen, but only the head held": (_holding(head_of), "blocks_missing"),
    "the optimizer's own rate": (given(_adam, lr=lambda lr: 1e-3), "own_rate"),
    "ten times the rate": (given(_adam, lr=lambda lr: 10 * lr), "other_rate"),
    "not returned": (changed(_adam, lambda optimizer: None), "not_an_optimizer"),
    "a list of groups": (changed(_adam, lambda optimizer: optimizer.param_groups), "not_an_optimizer"),
    "BatchNorm left out": (_holding(_without_batchnorm), "batchnorm_missed"),
    "length of a generator": (cell("def f(model, lr):\n    print(len(model.parameters()))"), "no_length"),
    "gradients switched off for good": (switching_gradients_off(_adam), "left_switched"),
    "built before the head was swapped": (given(_adam, model=copy.deepcopy), "foreign", "step_moves_others"),
    "weights without biases": (_holding(only_weights), "biases_missed"),
    "one tensor twice": (_holding(lambda model: unfrozen(model) + unfrozen(model)[:1]), "held_twice"),
    "releases everything first": (after(thaw, _adam), "model_changed", "released_first", "step_moves_others"),
    "no optimizer": (changed(_adam, lambda optimizer: optimizer.param_groups[0]["params"]), "not_an_optimizer"),
    "the flag's meaning turned round": (_holding(_frozen_ones), "flag_turned_round", "frozen_in_optimizer", "step_moves_others"),
}
