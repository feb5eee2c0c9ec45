"""`make_optimizer`: hold exactly the trainable parameters, each once."""

import copy

import torch


def _adam(model, lr):
    return torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=lr)


def _sgd_with_momentum(model, lr):
    return torch.optim.SGD(filter(lambda p: p.requires_grad, model.parameters()), lr=lr, momentum=0.9)


def _named_groups(model, lr):
    trainable = [p for _, p in model.named_parameters() if p.requires_grad]
    return torch.optim.AdamW([{"params": [p]} for p in trainable], lr=lr, weight_decay=0.01)


def _all_parameters(model, lr):
    return torch.optim.Adam(model.parameters(), lr=lr)


def _last_two_tensors(model, lr):
    return torch.optim.Adam(list(model.parameters())[-2:], lr=lr)


def _head_by_name(model, lr):
    return torch.optim.Adam(getattr(model, model.head_name).parameters(), lr=lr)


def _own_rate(model, lr):
    return torch.optim.Adam([p for p in model.parameters() if p.requires_grad])


def _before_the_swap(model, lr):
    return _adam(copy.deepcopy(model), lr)


def _only_weights(model, lr):
    return torch.optim.SGD([p for name, p in model.named_parameters() if p.requires_grad and name.endswith("weight")], lr=lr)


def _twice(model, lr):
    trainable = [p for p in model.parameters() if p.requires_grad]
    return torch.optim.SGD(trainable + trainable[:1], lr=lr)


def _releases_all(model, lr):
    model.requires_grad_(True)
    return _adam(model, lr)


def _list_of_parameters(model, lr):
    return [p for p in model.parameters() if p.requires_grad]


def _frozen_ones(model, lr):
    return torch.optim.SGD([p for p in model.parameters() if not p.requires_grad] or model.parameters(), lr=lr)


RIGHT = {"Adam over a list": _adam, "SGD over a filter": _sgd_with_momentum, "AdamW, a group for each": _named_groups}
WRONG = {
    "all parameters": (_all_parameters, "frozen_in_optimizer"),
    "the last two tensors": (_last_two_tensors, "blocks_missing"),
    "block unfrozen, but only the head held": (_head_by_name, "blocks_missing"),
    "the optimizer's own rate": (_own_rate, "other_rate"),
    "built before the head was swapped": (_before_the_swap, "foreign"),
    "weights without biases": (_only_weights, "trainable_missing"),
    "one tensor twice": (_twice, "held_twice"),
    "releases everything first": (_releases_all, "model_changed"),
    "no optimizer": (_list_of_parameters, "not_an_optimizer"),
    "the flag's meaning turned round": (_frozen_ones, "trainable_missing"),
}
