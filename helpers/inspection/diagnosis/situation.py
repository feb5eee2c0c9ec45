"""All that the detectors may look at, gathered once."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from helpers.course.errors import CourseError
from helpers.inspection.step_probe import Probe, probe
from helpers.training.loop import device_of
from helpers.training.one_step import held_tensors, same_randomness


@dataclass(frozen=True, eq=False)
class Situation:
    """A model, its optimizer, its data, and one probed step of them.

    Attributes:
        model, optimizer, loader: as the learner set them up.
        head: the model's last layer; None if it has no linear layer and no name was given.
        head_names: names of the head's parameters.
        parameters: name -> parameter, each tensor once.
        held: ids of the tensors in the optimizer.
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
    held: frozenset[int]
    images: Tensor
    labels: Tensor
    all_labels: Tensor
    num_classes: int | None
    probe: Probe

    @property
    def trainable(self) -> list[str]:
        """Names of the parameters that can learn."""
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
    def last_linear(self) -> nn.Linear | None:
        """The linear layer that makes the logits."""
        return next((m for m in reversed(list((self.head or self.model).modules())) if isinstance(m, nn.Linear)), None)

    @property
    def num_outputs(self) -> int | None:
        """How many logits the model really gives for an image."""
        if self.probe.outputs is not None and self.probe.outputs.ndim == 2:
            return self.probe.outputs.shape[1]
        return None if self.last_linear is None else self.last_linear.weight.shape[0]


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
    all_labels = _all_labels(loader, labels)
    inside = {id(p) for p in head.parameters()} if head is not None else set()
    parameters = dict(model.named_parameters())
    return Situation(
        model=model,
        optimizer=optimizer,
        loader=loader,
        head=head,
        head_names=tuple(name for name, p in parameters.items() if id(p) in inside),
        parameters=parameters,
        held=frozenset(id(p) for p in held_tensors(optimizer)),
        images=images,
        labels=labels,
        all_labels=all_labels,
        num_classes=_num_classes(loader),
        probe=probe(model, optimizer, (images, labels), step=step),
    )


def _head(model: nn.Module, head_name: str | None) -> nn.Module | None:
    modules = dict(model.named_modules())
    if head_name is None:
        return next((m for m in reversed(modules.values()) if isinstance(m, nn.Linear)), None)
    if head_name not in modules:
        children = ", ".join(name for name, _ in model.named_children())
        raise CourseError(f"The model has no layer {head_name!r}: its parts are {children}.")
    return modules[head_name]


def _first_batch(loader: Iterable) -> tuple[Tensor, Tensor]:
    """The loader's first batch, with its own shuffling left as if nobody had looked."""
    generator = getattr(loader, "generator", None)
    state = generator.get_state() if generator is not None else None
    with same_randomness(torch.device("cpu")):
        batch = next(iter(loader), None)
    if generator is not None:
        generator.set_state(state)
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
    return found if found.ndim == 1 and len(found) and not found.is_floating_point() else batch_labels


def _num_classes(loader: Iterable) -> int | None:
    dataset = getattr(loader, "dataset", None)
    names = getattr(dataset, "class_names", getattr(dataset, "classes", None))
    return len(names) if isinstance(names, (list, tuple)) and names else None


def on_device(situation: Situation) -> tuple[Tensor, Tensor]:
    """The first batch where the model is."""
    device = device_of(situation.model)
    return situation.images.to(device), situation.labels.to(device)
