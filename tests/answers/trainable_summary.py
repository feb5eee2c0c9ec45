"""`trainable_summary`: tensors and scalars that can learn."""

import torch

from tests.answers import after, as_tuple, changed, thaw, unfrozen
from tests.answers.make_optimizer import only_weights


def _of(choose):
    """Counts what ``choose(model)`` gives."""

    def trainable_summary(model):
        chosen = list(choose(model))
        return {"tensors": len(chosen), "scalars": sum(parameter.numel() for parameter in chosen)}

    return trainable_summary


_list = _of(unfrozen)


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


def _with_repeats(model):
    return [p for _, p in model.named_parameters(remove_duplicate=False) if p.requires_grad]


RIGHT = {"list": _list, "loop": _loop, "flags and shapes": _flags_and_shapes}
WRONG = {
    "quiz: the flags' sum taken for numbers": (_flags_for_both, "tensors_for_scalars"),
    "keys swapped": (
        changed(_list, lambda right: {"tensors": right["scalars"], "scalars": right["tensors"]}),
        "keys_swapped",
        "tensors_for_scalars",
    ),
    "frozen ones counted": (_of(torch.nn.Module.parameters), "frozen_counted"),
    "shared weights counted twice": (_of(_with_repeats), "shared_twice"),
    "a tuple": (changed(_list, as_tuple), "wrong_keys"),
    "other keys": (changed(_list, lambda right: {"tensor": right["tensors"], "scalar": right["scalars"]}), "wrong_keys"),
    "numbers of torch": (changed(_list, lambda right: {key: torch.tensor(value) for key, value in right.items()}), "not_int"),
    "printed, not returned": (changed(_list, print), "nothing_returned"),
    "biases forgotten": (_of(only_weights), "biases_missed"),
    "the notebook's model": (lambda model: _list(torch.nn.Linear(7, 5)), "argument_not_used"),
    "a wrong number in one key": (changed(_list, lambda right: {**right, "scalars": right["scalars"] + 1}), "wrong_count"),
    "a pair in a list": (changed(_list, lambda right: [right["tensors"], right["scalars"]]), "wrong_keys"),
    "changes the model": (after(thaw, _list), "counting_changed_it"),
}
