"""All that the detectors may look at, gathered once."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from helpers.course.errors import CourseError
from helpers.inspection.step_probe import Probe, probe
from helpers.training.one_step import are_class_numbers, rates_of, same_randomness


@dataclass(frozen=True, eq=False)
class Situation:
    """A model, its optimizer, its data, and one probed step of them.

    Attributes:
        model, optimizer, loader: as the learner set them up.
        head: the model's last layer; None if it has no linear layer and no name was given.
        head_names: names of the head's parameters.
        parameters: name -> parameter, each tensor once.
        rates: name -> learning rate, of each parameter that the optimizer holds.
        images, labels: the first batch.
        all_labels: int64 (N,), of the whole data set where it tells them, else of the first batch.
        num_classes: how many classes the data set says it has; None if it does not say.
        probe: what one step did to a copy.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer | None
    loader: Iterable
    head: nn.Module | None
    head_names: tuple[str, ...]
    parameters: dict[str, Tensor]
    rates: dict[str, float]
    images: Tensor
    labels: Tensor
    all_labels: Tensor
    num_classes: int | None
    probe: Probe

    @property
    def trainable(self) -> list[str]:
        """Names of the trainable parameters."""
        return [name for name, p in self.parameters.items() if p.requires_grad]

    @property
    def frozen(self) -> list[str]:
        """Names of the parameters that cannot."""
        return [name for name, p in self.parameters.items() if not p.requires_grad]

    @property
    def base(self) -> list[str]:
        """Names of the parameters outside the head."""
        return [name for name in self.parameters if name not in self.head_names]

    @property
    def num_outputs(self) -> int | None:
        """How many logits the model really gives for an image."""
        if self.probe.outputs is not None and self.probe.outputs.ndim == 2:
            return self.probe.outputs.shape[1]
        last = _last_linear(self.head or self.model)
        return None if last is None else last.weight.shape[0]


def look_at(
    model: nn.Module,
    optimizer: torch.optim.Optimizer | None,
    loader: Iterable,
    *,
    head_name: str | None = None,
    step: Callable | None = None,
) -> Situation:
    """The situation as it stands; see `helpers.inspection.diagnosis.diagnose.diagnose` for the arguments."""
    head = _head(model, head_name)
    images, labels = _first_batch(loader)
    inside = {id(p) for p in head.parameters()} if head is not None else set()
    parameters, rates = dict(model.named_parameters()), rates_of(optimizer)
    return Situation(
        model=model,
        optimizer=optimizer,
        loader=loader,
        head=head,
        head_names=tuple(name for name, p in parameters.items() if id(p) in inside),
        parameters=parameters,
        rates={name: rates[id(p)] for name, p in parameters.items() if id(p) in rates},
        images=images,
        labels=labels,
        all_labels=_all_labels(loader, labels),
        num_classes=_num_classes(loader),
        probe=probe(model, optimizer, (images, labels), step=step),
    )


def _last_linear(module: nn.Module) -> nn.Linear | None:
    return next((m for m in reversed(list(module.modules())) if isinstance(m, nn.Linear)), None)


def _head(model: nn.Module, head_name: str | None) -> nn.Module | None:
    if head_name is None:
        return _last_linear(model)
    modules = dict(model.named_modules())
    if head_name not in modules:
        children = ", ".join(name for name, _ in model.named_children())
        raise CourseError(f"The model has no layer {head_name!r}: its parts are {children}.")
    return modules[head_name]


def _first_batch(loader: Iterable) -> tuple[Tensor, Tensor]:
    """The loader's first batch, with its own shuffling left as if nobody had looked."""
    with same_randomness(torch.device("cpu"), getattr(loader, "generator", None)):
        batch = next(iter(loader), None)
    if batch is None or len(batch) != 2:
        raise CourseError("The loader gives no batch of images and labels: pass a DataLoader, not a used-up iterator.")
    return batch[0], torch.as_tensor(batch[1])


def _all_labels(loader: Iterable, batch_labels: Tensor) -> Tensor:
    """The labels of the whole data set, where it keeps them under one of the usual names."""
    dataset = getattr(loader, "dataset", None)
    found = getattr(dataset, "labels", getattr(dataset, "targets", None))
    if found is None and isinstance(dataset, torch.utils.data.TensorDataset):
        found = dataset.tensors[-1]
    try:
        found = torch.as_tensor(found)
    except (TypeError, ValueError, RuntimeError):
        return batch_labels
    return found if are_class_numbers(found) else batch_labels


def _num_classes(loader: Iterable) -> int | None:
    dataset = getattr(loader, "dataset", None)
    names = getattr(dataset, "class_names", getattr(dataset, "classes", None))
    return len(names) if isinstance(names, (list, tuple)) and names else None
