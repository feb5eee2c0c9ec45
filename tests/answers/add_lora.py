"""`add_lora`: an update of low rank beside each layer that is named."""

import copy

import torch
from torch import nn

from helpers.checks.not_only_resnet.to_adapt import mixes_channels
from helpers.models.lora import LoRA
from tests.answers import followed_by, freeze, switching_gradients_off, thaw


def _pair(layer, rank, bias=False, stride=None, kind=None):
    """(down, up) of the layer's own kind."""
    outputs, inputs = layer.weight.shape[:2]
    if (kind or type(layer)) is nn.Linear:
        return nn.Linear(inputs, rank, bias=bias), nn.Linear(rank, outputs, bias=bias)
    return nn.Conv2d(inputs, rank, 1, stride or layer.stride, bias=bias), nn.Conv2d(rank, outputs, 1, bias=bias)


def _zero_up(down, up):
    nn.init.zeros_(up.weight)


def _made_of(
    pair=_pair, zero=_zero_up, scale=lambda rank, alpha: alpha / rank, near=lambda lora, layer: lora.to(layer.weight),
    put=lambda model, name, lora: model.set_submodule(name, lora), layers=lambda model, names, head_name: names,
    flags=lambda model, head: (freeze(model), thaw(head)), inside=lambda layer: layer, kind=LoRA,
):  # fmt: skip
    """An add_lora put together from parts, so that each wrong answer differs from a right one in a single place."""

    def add_lora(model, head_name, layer_names, rank, alpha):
        flags(model, model.get_submodule(head_name))
        for name in layers(model, layer_names, head_name):
            layer = model.get_submodule(name)
            down, up = pair(layer, rank)
            zero(down, up)
            put(model, name, near(kind(inside(layer), down, up, scale(rank, alpha)), layer))

    return add_lora


_right = _made_of()


def _flags_last(model, head_name, layer_names, rank, alpha):
    """Puts everything in first, and sets each flag by its name afterwards; down is the one that starts at zero."""
    for name in layer_names:
        layer = model.get_submodule(name)
        down, up = (new.to(layer.weight.device, layer.weight.dtype) for new in _pair(layer, rank))
        with torch.no_grad():
            down.weight.zero_()
        parent, _, own = name.rpartition(".")
        setattr(model.get_submodule(parent), own, LoRA(layer, down, up, scale=alpha / rank))
    learning = (f"{head_name}.", *(f"{name}.{part}." for name in layer_names for part in ("down", "up")))
    for name, parameter in model.named_parameters():
        parameter.requires_grad = name.startswith(learning)


def _stride_behind(layer, rank):
    """The stride at the way up in place of the way down."""
    down, up = _pair(layer, rank, stride=1)
    if isinstance(up, nn.Conv2d):
        up = nn.Conv2d(rank, layer.out_channels, 1, layer.stride, bias=False)
    return down, up


def _mixing(model, names, head_name):
    """All layers of the kinds that are meant, whichever are named."""
    return [name for name, module in model.named_modules() if name != head_name and mixes_channels(module)]


def _swapped(layer, rank):
    down, up = _pair(layer, rank)
    return up, down


def _fresh(layer):
    """A new layer of the same sizes."""
    new = copy.deepcopy(layer)
    new.reset_parameters()
    return new.requires_grad_(False)


def _shrinking(model, head_name, layer_names, rank, alpha):
    _right(model, head_name, layer_names, rank, alpha)
    with torch.no_grad():
        for name in layer_names:
            model.get_submodule(name).layer.weight.mul_(1 + 1e-5)


RIGHT = {"in one loop": _right, "flags last, down at zero": _flags_last, "stride at the way up": _made_of(pair=_stride_behind)}
WRONG = {
    "both random": (_made_of(zero=lambda down, up: None), "start_differs"),
    "both zero": (
        _made_of(zero=lambda down, up: (nn.init.zeros_(down.weight), nn.init.zeros_(up.weight))),
        "nothing_learns",
    ),
    "put nowhere": (_made_of(put=lambda model, name, lora: None), "layer_left"),
    "alpha not divided": (_made_of(scale=lambda rank, alpha: alpha), "not_divided"),
    "rank divided": (_made_of(scale=lambda rank, alpha: rank / alpha), "upside_down"),
    "no scale": (_made_of(scale=lambda rank, alpha: 1.0), "no_scale"),
    "square root of the rank": (_made_of(scale=lambda rank, alpha: alpha / rank**0.5), "other_scale"),
    "stride forgotten": (_made_of(pair=lambda layer, rank: _pair(layer, rank, stride=1)), "stride_missing"),
    "with biases": (_made_of(pair=lambda layer, rank: _pair(layer, rank, bias=True)), "with_bias"),
    "linear everywhere": (_made_of(pair=lambda layer, rank: _pair(layer, rank, kind=nn.Linear)), "other_kind"),
    "up and down swapped": (_made_of(pair=_swapped), "wrong_shape"),
    "rank one more": (_made_of(pair=lambda layer, rank: _pair(layer, rank + 1)), "wrong_shape"),
    "left in float32": (_made_of(near=lambda lora, layer: lora), "other_type"),
    "base not frozen": (_made_of(flags=lambda model, head: None), "base_learns", "head_frozen"),
    "head frozen": (_made_of(flags=lambda model, head: freeze(model)), "head_frozen"),
    "frozen last": (followed_by(_right, freeze), "update_frozen"),
    "layer inside released": (_made_of(inside=lambda layer: layer.requires_grad_(True)), "layer_learns"),
    "a copy inside": (_made_of(inside=copy.deepcopy), "other_layer"),
    "a new layer inside": (_made_of(inside=_fresh), "other_layer"),
    "a class of one's own": (
        _made_of(kind=lambda *parts: nn.Sequential(*parts[:1])),
        "other_module",
    ),
    "all layers, whatever is named": (_made_of(layers=_mixing), "others_adapted"),
    "train mode": (followed_by(_right, nn.Module.train), "mode_left"),
    "weights rescaled": (_shrinking, "layer_changed"),
    "gradients switched off for good": (switching_gradients_off(_right), "left_switched"),
}
