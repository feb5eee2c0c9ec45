"""`lora_summary`: what will be trainable with LoRA, worked out on the model as it is."""

import copy

import torch

from helpers.checks.not_only_resnet.to_adapt import around
from tests.answers import as_tuple, changed, head_of, switching_gradients_off


def _made_of(of_layer=lambda rank, outputs, inputs: rank * (outputs + inputs), tensors=2, head=lambda found: found):
    """A lora_summary put together from parts, so that each wrong answer differs from a right one in a single place."""

    def lora_summary(model, head_name, layer_names, rank):
        of_head = head([*model.get_submodule(head_name).parameters()])
        sizes = [model.get_submodule(name).weight.shape[:2] for name in layer_names]
        scalars = sum(p.numel() for p in of_head) + sum(of_layer(rank, *size) for size in sizes)
        return {"tensors": len(of_head) + tensors * len(sizes), "scalars": scalars}

    return lora_summary


_sum = _made_of()


def _by_name(model, head_name, layer_names, rank):
    """From the names of the parameters alone."""
    tensors = scalars = 0
    for name, parameter in model.named_parameters():
        if name.startswith(f"{head_name}."):
            tensors, scalars = tensors + 1, scalars + parameter.numel()
        elif name.removesuffix(".weight") in layer_names:
            tensors, scalars = tensors + 2, scalars + rank * (parameter.size(0) + parameter.size(1))
    return {"scalars": scalars, "tensors": tensors}


def _on_a_copy(model, head_name, layer_names, rank, learner=copy.deepcopy):
    """Puts it in, and counts."""
    model = learner(model)
    model.requires_grad_(False)
    for name in layer_names:
        model.set_submodule(name, around(model.get_submodule(name), rank, 1.0))
    model.get_submodule(head_name).requires_grad_(True)
    found = [p for p in model.parameters() if p.requires_grad]
    return {"tensors": len(found), "scalars": sum(p.numel() for p in found)}


def _in_place(*arguments):
    return _on_a_copy(*arguments, learner=lambda model: model)


def _all(model, head_name, layer_names, rank):
    found = _sum(model, head_name, layer_names, rank)
    others = [p for name, p in model.named_parameters() if not name.startswith(f"{head_name}.")]
    return {"tensors": found["tensors"] + len(others), "scalars": found["scalars"] + sum(p.numel() for p in others)}


RIGHT = {"a sum": _sum, "by name": _by_name, "on a copy": _on_a_copy}
WRONG = {
    "the head forgotten": (_made_of(head=lambda found: []), "head_missing"),
    "one matrix": (_made_of(lambda rank, outputs, inputs: rank * outputs * inputs, tensors=1), "one_of_two", "product"),
    "rank forgotten": (_made_of(lambda rank, outputs, inputs: outputs + inputs), "rank_missing"),
    "the base counted": (_all, "frozen_counted"),
    "keys swapped": (
        changed(_sum, lambda right: {"tensors": right["scalars"], "scalars": right["tensors"]}),
        "keys_swapped",
        "tensors_for_scalars",
    ),
    "a tuple": (changed(_sum, as_tuple), "wrong_keys"),
    "printed, not returned": (changed(_sum, print), "nothing_returned"),
    "numbers of torch": (changed(_sum, lambda right: {key: torch.tensor(value) for key, value in right.items()}), "not_int"),
    "put in, and counted": (_in_place, "counting_changed_it"),
    "the head's weight alone": (_made_of(head=lambda found: found[:1]), "wrong_count"),
    "gradients switched off for good": (switching_gradients_off(_sum), "left_switched"),
    "the head of another class": (
        lambda model, head_name, layer_names, rank: {"tensors": len(model.fc.weight), "scalars": len(head_of(model))},
        "head_by_name",
    ),
}
