"""A step of training tried on a copy, with nothing of the original touched."""

import copy
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from helpers.models.packing import pack, packs_whole


def usual_step(
    model: nn.Module, optimizer: torch.optim.Optimizer | None, batch: tuple[Tensor, Tensor], loss_fn: Callable = cross_entropy
) -> Tensor:
    """The loss () of one step of training, as every training loop does it.

    Raises:
        IndexError: a label has no output of its own. On a GPU the loss would end the whole session instead.
    """
    inputs, labels = batch
    (optimizer or model).zero_grad()
    outputs = model(inputs)
    _compare_labels(outputs, labels)
    loss = loss_fn(outputs, labels)
    loss.backward()
    if optimizer is not None:
        optimizer.step()
    return loss.detach()


def are_class_numbers(labels: Tensor) -> bool:
    """Whether the labels are class numbers, one at least: not probabilities or one-hot rows."""
    return labels.ndim == 1 and len(labels) > 0 and not labels.is_floating_point()


def _compare_labels(outputs: Tensor, labels: Tensor) -> None:
    if not isinstance(outputs, Tensor) or outputs.ndim != 2 or not are_class_numbers(labels):
        return
    low, high, num_outputs = int(labels.min()), int(labels.max()), outputs.shape[1]
    if low < 0 or high >= num_outputs:
        raise IndexError(f"labels run from {low} to {high}, but the model has {num_outputs} outputs")


def copy_together(model: nn.Module, optimizer: torch.optim.Optimizer | None) -> tuple[nn.Module, torch.optim.Optimizer | None]:
    """Copies of both that belong together as the originals do, with the gradients that lie there."""
    copies = _copies(model, optimizer)
    ours, theirs = ([*of_model.parameters(), *held_tensors(held)] for of_model, held in ((model, optimizer), copies))
    for p, p_copy in zip(ours, theirs, strict=True):
        # A copy leaves a parameter's gradient behind, and old gradients are part of the situation.
        if p.grad is not None:
            p_copy.grad = p.grad.detach().clone()
    return copies


def _copies(model: nn.Module, optimizer: torch.optim.Optimizer | None) -> tuple[nn.Module, torch.optim.Optimizer | None]:
    if packs_whole(model):
        with suppress(Exception):  # a hook or a class of the learner's own that has no place in a module
            return pickle.loads(pack((model, optimizer)))
    return copy.deepcopy((model, optimizer))  # more than twice the time for a check's small model


def held_tensors(optimizer: torch.optim.Optimizer | None) -> list[Tensor]:
    """All tensors that the optimizer holds, group by group."""
    return [p for group in optimizer.param_groups for p in group["params"]] if optimizer else []


def foreign_tensors(model: nn.Module, optimizer: torch.optim.Optimizer | None) -> tuple[tuple[int, ...], ...]:
    """Shapes of the optimizer's tensors that are not the model's."""
    own = {id(p) for p in model.parameters()}
    return tuple(tuple(p.shape) for p in held_tensors(optimizer) if id(p) not in own)


def rates_of(optimizer: torch.optim.Optimizer | None) -> dict[int, float]:
    """The id of each tensor that the optimizer holds -> its learning rate."""
    return {id(p): float(group["lr"]) for group in optimizer.param_groups for p in group["params"]} if optimizer else {}


def groups_of(optimizer: torch.optim.Optimizer | None) -> dict[int, int]:
    """The id of each tensor that the optimizer holds -> the number of its group, from 1 on."""
    groups = enumerate(optimizer.param_groups, start=1) if optimizer else ()
    return {id(p): number for number, group in groups for p in group["params"]}


@contextmanager
def same_randomness(device: torch.device, generator: torch.Generator | None = None) -> Iterator[None]:
    """Leaves torch's random number generators of the CPU and of `device`, and a loader's own, as they were."""
    backend = getattr(torch, device.type, None) if device.type in ("cuda", "mps", "xpu") else None
    # Of several GPUs it is this one that counts; Apple's interface knows a single one and takes no argument.
    which = () if device.type == "mps" else (device,)
    ours, theirs = torch.get_rng_state(), backend.get_rng_state(*which) if backend else None
    its = generator.get_state() if generator is not None else None
    try:
        yield
    finally:
        torch.set_rng_state(ours)
        if generator is not None:
            generator.set_state(its)
        if backend:
            backend.set_rng_state(theirs, *which)


def explain(problem: Exception, model: nn.Module) -> str:
    """What an error in a step means, in a sentence."""
    text = str(problem).strip().split("\n")[0]
    if "does not require grad" in text:
        if any(p.requires_grad for p in model.parameters()):
            return "backward() found no gradient to compute, but parameters are trainable: the forward pass ran under no_grad()."
        return "backward() found no gradient to compute: every parameter is frozen, the head included."
    if "more than 1 value per channel" in text:
        return "BatchNorm in train mode cannot take a batch with a single image: one value per channel has no spread."
    if isinstance(problem, IndexError) and ("outputs" in text or "out of bounds" in text):
        return f"A label has no output of its own ({text})."
    return f"The step stopped with {type(problem).__name__}: {text}"
