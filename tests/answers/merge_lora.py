"""`merge_lora`: each update becomes part of its layer's weight."""

import copy

import torch

from helpers.models.lora import LoRA
from tests.answers import followed_by, switching_gradients_off, thaw


def _loras(model):
    return [(name, module) for name, module in model.named_modules() if isinstance(module, LoRA)]


def _update(lora):
    """scale times up times down, in the weight's shape."""
    return (lora.scale * lora.up.weight.flatten(1) @ lora.down.weight.flatten(1)).view_as(lora.layer.weight)


def _made_of(
    update=_update, write=lambda weight, update: weight.add_(update), back=lambda lora: lora.layer,
    put=lambda model, name, layer: model.set_submodule(name, layer), quiet=torch.no_grad,
):  # fmt: skip
    """A merge_lora put together from parts, so that each wrong answer differs from a right one in a single place."""

    def merge_lora(model):
        for name, lora in _loras(model):
            with quiet():
                write(lora.layer.weight, update(lora))
            put(model, name, back(lora))

    return merge_lora


_right = _made_of()


def _by_parent(model):
    """Goes through parents and children, and writes into data."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, LoRA):
                rank, matrix = child.down.weight.shape[0], child.layer.weight
                down, up = child.down.weight.data.reshape(rank, -1), child.up.weight.data.reshape(-1, rank)
                matrix.data += child.scale * torch.mm(up, down).reshape(matrix.shape)
                setattr(parent, name, child.layer)


def _column_by_column(model):
    """Asks the two layers what they make of each input alone."""
    for name, lora in _loras(model):
        with torch.no_grad():
            inputs = lora.layer.weight.shape[1]
            each = torch.eye(inputs).to(lora.layer.weight).reshape(inputs, inputs, *lora.layer.weight.shape[2:])
            columns = lora.up(lora.down(each)).flatten(1)
            lora.layer.weight += lora.scale * columns.t().reshape(lora.layer.weight.shape)
        model.set_submodule(name, lora.layer)


def _without_scale(lora):
    return _update(lora) / lora.scale


def _shifts_biases(model):
    layers = [lora.layer for _, lora in _loras(model)]
    _right(model)
    with torch.no_grad():
        for layer in layers:
            if layer.bias is not None:
                layer.bias.add_(1e-7).mul_(1 + 1e-6)


def _shifts_the_head(model):
    _right(model)
    with torch.no_grad():
        [p for p in model.parameters() if p.requires_grad][-1].add_(1e-7).mul_(1 + 1e-6)


RIGHT = {"in one loop": _right, "by parents": _by_parent, "column by column": _column_by_column}
WRONG = {
    "taken away": (_made_of(update=lambda lora: 0 * _update(lora)), "not_merged", "answers_differ"),
    "scale forgotten": (_made_of(update=_without_scale), "scale_forgotten", "answers_differ"),
    "subtracted": (_made_of(update=lambda lora: -_update(lora)), "subtracted", "answers_differ"),
    "in the weight's place": (_made_of(write=torch.Tensor.copy_), "replaced", "answers_differ"),
    "added twice": (_made_of(update=lambda lora: 2 * _update(lora)), "other_weight", "answers_differ"),
    "left in place": (_made_of(put=lambda model, name, layer: None), "lora_left"),
    "a copy put back": (_made_of(back=lambda lora: copy.deepcopy(lora.layer)), "other_layer"),
    "in a graph": (_made_of(quiet=torch.enable_grad), "weight_learns"),
    "released": (followed_by(_right, thaw), "weight_learns", "flags_changed"),
    "train mode": (followed_by(_right, torch.nn.Module.train), "mode_left"),
    "biases moved": (_shifts_biases, "bias_changed"),
    "head moved": (_shifts_the_head, "model_changed"),
    "gradients switched off for good": (switching_gradients_off(_right), "left_switched"),
}
