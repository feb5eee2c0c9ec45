"""`set_training_mode`: the head in train mode, the frozen rest in eval mode."""

import torch
from torch import nn

from tests.answers import after, cell, followed_by, switching_gradients_off, thaw
from tests.answers.freeze_base import by_prefix
from tests.answers.replace_head import reset


def _eval_then_train(model, head_name):
    model.eval()
    getattr(model, head_name).train()


def _child_by_child(model, head_name):
    model.train()
    for name, child in model.named_children():
        child.train(name == head_name)


def _by_flags(model, head_name):
    for module in model.modules():
        parameters = list(module.parameters())
        module.training = bool(parameters) and all(parameter.requires_grad for parameter in parameters)


def _returns_model(model, head_name):
    getattr(model.eval(), head_name).train(mode=True)
    return model


def _swapped(model, head_name):
    model.train()
    getattr(model, head_name).eval()


def _each_batchnorm(change):
    """Train mode everywhere, and `change` for each BatchNorm layer."""

    def set_training_mode(model, head_name):
        model.train()
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                change(module)

    return set_training_mode


def _only_the_head(model, head_name):
    getattr(model, head_name).train()


def _no_statistics(layer):
    layer.track_running_stats = False
    layer.running_mean = layer.running_var = None


def _zero_momentum(layer):
    layer.momentum = 0.0


def _fails_in_eval(model, head_name):
    if not any(module.training for module in model.modules()):
        raise ValueError("already in eval mode")
    _eval_then_train(model, head_name)


def _own_flag(model, head_name):
    model.training = False
    getattr(model, head_name).training = True


def _all_but_the_first(model, head_name):
    model.train()
    for child in list(model.children())[1:]:
        child.train(child is getattr(model, head_name))


RIGHT = {
    "eval, then train": _eval_then_train,
    "child by child": _child_by_child,
    "by flags": _by_flags,
    "chained": _returns_model,
}
WRONG = {
    "train everywhere, as the tutorial does": (lambda model, head_name: model.train(), "statistics_move", "base_in_train"),
    "eval everywhere": (lambda model, head_name: model.eval(), "head_in_eval"),
    "modes swapped": (_swapped, "modes_swapped", "statistics_move"),
    "the model's own flag alone": (_own_flag, "base_left_as_it_was", "statistics_move"),
    "the first layer forgotten": (_all_but_the_first, "base_partly_in_train"),
    "requires_grad in place of modes": (
        lambda model, head_name: model.requires_grad_(False),
        "base_left_as_it_was",
        "head_left_as_it_was",
        "more_than_modes",
        "statistics_move",
    ),
    "the last child": (
        lambda model, head_name: list(model.eval().children())[-1].train(),
        "head_left_as_it_was",
        "base_partly_in_train",
    ),
    "gradients switched off for good": (switching_gradients_off(_eval_then_train), "left_switched"),
    "the name asked": (cell("def f(model, head_name):\n    model.eval()\n    head_name.train()"), "name_for_thing"),
    "eval last": (followed_by(_only_the_head, nn.Module.eval), "head_in_eval"),
    "BatchNorm alone": (_each_batchnorm(nn.Module.eval), "only_batchnorm"),
    "head alone": (_only_the_head, "base_left_as_it_was", "statistics_move"),
    "flags set, modes not": (after(nn.Module.train, by_prefix), "base_in_train", "statistics_move"),
    "statistics removed": (_each_batchnorm(_no_statistics), "more_than_modes", "base_in_train"),
    "all thawed": (after(thaw, _eval_then_train), "more_than_modes"),
    "weights reset": (followed_by(_eval_then_train, reset), "more_than_modes"),
    "momentum zero": (_each_batchnorm(_zero_momentum), "statistics_move", "base_in_train"),
    "not from eval mode": (_fails_in_eval, "error"),
    "another switch": (
        lambda model, head_name: torch.set_grad_enabled(True),
        "base_left_as_it_was",
        "head_left_as_it_was",
        "statistics_move",
    ),
}
