"""`trainable_summary`: tensors and scalars that can learn."""

import torch

from tests.answers import after, as_tuple, changed, thaw


def _list(model):
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return {"tensors": len(trainable), "scalars": sum(parameter.numel() for parameter in trainable)}


def _loop(model):
    tensors = scalars = 0
    for _, parameter in model.named_parameters():
        tensors += parameter.requires_grad
        scalars += parameter.numel() * parameter.requires_grad
    return {"scalars": scalars, "tensors": tensors}


def _flags_and_shapes(model):
    return {
        "tensors": sum(parameter.requires_grad for parameter in model.parameters()),
        "scalars": sum(int(torch.tensor(p.shape).prod()) for p in model.parameters() if p.requires_grad),
    }


def _flags_for_both(model):
    flags = sum(parameter.requires_grad for parameter in model.parameters())
    return {"tensors": flags, "scalars": flags}


def _frozen_too(model):
    return {"tensors": len(list(model.parameters())), "scalars": sum(p.numel() for p in model.parameters())}


def _shared_twice(model):
    trainable = [p for _, p in model.named_parameters(remove_duplicate=False) if p.requires_grad]
    return {"tensors": len(trainable), "scalars": sum(p.numel() for p in trainable)}


def _by_weight_names(model):
    trainable = [p for name, p in model.named_parameters() if p.requires_grad and name.endswith("weight")]
    return {"tensors": len(trainable), "scalars": sum(p.numel() for p in trainable)}


RIGHT = {"list": _list, "loop": _loop, "flags and shapes": _flags_and_shapes}
WRONG = {
    "quiz: the flags' sum taken for numbers": (_flags_for_both, "tensors_for_scalars"),
    "keys swapped": (changed(_list, lambda right: {"tensors": right["scalars"], "scalars": right["tensors"]}), "keys_swapped"),
    "frozen ones counted": (_frozen_too, "frozen_counted"),
    "shared weights counted twice": (_shared_twice, "shared_twice"),
    "a tuple": (changed(_list, as_tuple), "wrong_keys"),
    "other keys": (changed(_list, lambda right: {"tensor": right["tensors"], "scalar": right["scalars"]}), "wrong_keys"),
    "numbers of torch": (changed(_list, lambda right: {key: torch.tensor(value) for key, value in right.items()}), "not_int"),
    "printed, not returned": (changed(_list, print), "wrong_keys"),
    "biases forgotten": (_by_weight_names, "wrong_tensors"),
    "changes the model": (after(thaw, _list), "counting_changed_it"),
}
