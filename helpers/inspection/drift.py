"""How far training has moved each part of a model: its weights, and its BatchNorm statistics."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from helpers.course.errors import CourseError
from helpers.inspection.snapshot import same_tensor
from helpers.models.backbones import Backbone


@dataclass(frozen=True)
class Movement:
    """What became of one place between two moments.

    Attributes:
        name: the place, see `Backbone.places`.
        weights: length of the change over all its parameters, divided by their length before: 0.01 is one per cent.
        statistics: the same for the running means and variances of its BatchNorm layers; None where it has none.
        released: whether any of its weights differs, in a single bit at least.
    """

    name: str
    weights: float
    statistics: float | None
    released: bool


def movement(backbone: Backbone, before: nn.Module, after: nn.Module) -> list[Movement]:
    """How far each place has moved, from the stem over each residual block to the head.

    Args:
        backbone: the description of both models.
        before, after: two models of the same structure, head included; only read.

    Raises:
        CourseError: the two are not built alike.
    """
    _check_alike(before, after)
    old, new = dict(backbone.chain(before)), dict(backbone.chain(after))
    places = backbone.places(before).items()
    return [_moved(place, [old[name] for name in names], [new[name] for name in names]) for place, names in places]


def _moved(name: str, before: list[nn.Module], after: list[nn.Module]) -> Movement:
    weights = list(zip(_weights(before), _weights(after), strict=True))
    statistics = list(zip(_statistics(before), _statistics(after), strict=True))
    released = not all(same_tensor(old, new) for old, new in weights)
    return Movement(name, _relative(weights), _relative(statistics) if statistics else None, released)


def _weights(modules: Iterable[nn.Module]) -> list[Tensor]:
    return [parameter.detach() for module in modules for parameter in module.parameters()]


def _statistics(modules: Iterable[nn.Module]) -> list[Tensor]:
    """Running means and variances; a BatchNorm layer without them has nothing to move."""
    layers = [layer for module in modules for layer in module.modules() if isinstance(layer, _BatchNorm)]
    return [tensor for layer in layers for tensor in (layer.running_mean, layer.running_var) if tensor is not None]


def _relative(pairs: list[tuple[Tensor, Tensor]]) -> float:
    """||new - old|| / ||old|| over all pairs as one long vector; summed in float64, since a block has a million terms."""
    change = math.sqrt(sum(float((new.double().cpu() - old.double().cpu()).square().sum()) for old, new in pairs))
    length = math.sqrt(sum(float(old.double().square().sum()) for old, _ in pairs))
    return change / length if length else math.inf if change else 0.0


def _check_alike(before: nn.Module, after: nn.Module) -> None:
    shapes = [{name: tuple(tensor.shape) for name, tensor in model.state_dict().items()} for model in (before, after)]
    if shapes[0] == shapes[1]:
        return
    differing = [name for name in {**shapes[0], **shapes[1]} if shapes[0].get(name) != shapes[1].get(name)]
    raise CourseError(
        f"{differing[0]} and {len(differing) - 1} more tensors are not of one shape in both models: compare a model with its own "
        "copy from before training, made after the head was replaced."
    )
