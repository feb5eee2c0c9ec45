"""One optimisation step on a copy of a model: what is frozen, what gets a gradient, what is really updated.

Flags say what should happen. The probe shows what does: `requires_grad` alone says nothing about the
optimizer's contents or about BatchNorm's running statistics.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from helpers.inspection.snapshot import Changes, Snapshot, changes_since, take_snapshot
from helpers.training.loop import device_of
from helpers.training.one_step import copy_together, explain, foreign_tensors, groups_of, rates_of, same_randomness, usual_step

Step = Callable[[nn.Module, torch.optim.Optimizer, tuple], object]


@dataclass(frozen=True)
class LayerReport:
    """What one step did to one module that holds tensors of its own.

    Attributes:
        name: its name in the model.
        kind: its class, such as ``"Conv2d"``.
        tensors, scalars: how many parameters it holds itself, and how many numbers are in them.
        shapes: of its parameters, by their names in the module.
        requires_grad: True, False, ``"mixed"``, or None if it holds no parameter.
        lrs: learning rates of the optimizer's groups that hold one of its parameters, highest first; () if none does.
        in_optimizer: how many of its parameters the optimizer holds.
        groups: numbers of the optimizer's groups that hold one of its parameters, from 1 on; () if none does.
        training: whether it was in train mode before the step.
        has_gradient: whether a parameter of it had a gradient after the step: True, False, ``"mixed"`` or None.
        moved: names of its parameters whose values changed.
        buffers_moved: names of its buffers whose values changed.
    """

    name: str
    kind: str
    tensors: int
    scalars: int
    shapes: dict[str, tuple[int, ...]]
    requires_grad: bool | str | None
    lrs: tuple[float, ...]
    in_optimizer: int
    groups: tuple[int, ...]
    training: bool
    has_gradient: bool | str | None
    moved: tuple[str, ...]
    buffers_moved: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Probe:
    """What one optimisation step did to a copy of the model.

    Attributes:
        layers: one report for each module with tensors of its own, in the model's order.
        loss: the step's loss; None if the step did not get that far, or returned none.
        error: why the step could not be done, in a sentence; empty if it could.
        foreign: shapes of the tensors in the optimizer that are not the model's.
        changes: all that changed, by name.
        gradients: name of each parameter -> the norm of its gradient after the step, or None where it has none.
        outputs: what the model gave for the batch in this step, float (N, ...); None if it gave nothing.
    """

    layers: tuple[LayerReport, ...]
    loss: float | None
    error: str
    foreign: tuple[tuple[int, ...], ...]
    changes: Changes
    gradients: dict[str, float | None]
    outputs: Tensor | None

    def __getitem__(self, name: str) -> LayerReport:
        """The report of the module with this name."""
        return {layer.name: layer for layer in self.layers}[name]

    def _notes(self) -> list[str]:
        notes = [self.error] if self.error else [] if self.loss is None else [f"loss {self.loss:.4f}"]
        if self.foreign:
            notes.append(f"the optimizer holds {len(self.foreign)} tensors that are not in this model")
        return notes

    def __repr__(self) -> str:
        rows = [COLUMNS, *(row(layer) for layer in self.layers)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([*lines, *self._notes()])

    def _repr_html_(self) -> str:
        head = "".join(f"<th scope='col' style='text-align:left'>{column}</th>" for column in COLUMNS)
        body = "".join(
            "<tr>" + "".join(f"<td style='text-align:left'>{escape(cell)}</td>" for cell in row(layer)) + "</tr>"
            for layer in self.layers
        )
        notes = "".join(f"<p>{escape(note)}</p>" for note in self._notes())
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}"


COLUMNS = ("layer", "kind", "scalars", "trainable", "rate", "mode", "gradient", "updated", "statistics")


def row(layer: LayerReport) -> tuple[str, ...]:
    """A layer's report in the words of `COLUMNS`; ``-`` where there is nothing to say."""
    none = "-"
    answer = {True: "yes", False: "no", None: none}
    return (
        layer.name or "(model)",
        layer.kind,
        f"{layer.scalars:,}",
        answer.get(layer.requires_grad, "partly"),
        ", ".join(f"{lr:g}" for lr in layer.lrs) or ("not held" if layer.tensors else none),
        "train" if layer.training else "eval",
        answer.get(layer.has_gradient, "partly"),
        none if not layer.tensors else "yes" if len(layer.moved) == layer.tensors else "partly" if layer.moved else "no",
        "changed" if layer.buffers_moved else none,
    )


def probe(
    model: nn.Module,
    optimizer: torch.optim.Optimizer | None,
    batch: tuple[Tensor, Tensor],
    *,
    step: Step | None = None,
    loss_fn: Callable[[Tensor, Tensor], Tensor] = cross_entropy,
) -> Probe:
    """What one optimisation step would do, tried on a copy of the model and its optimizer together.

    Model, optimizer, gradients and random number generators stay as they are. A model in train mode is probed in train mode.

    Args:
        model: the model as it is set up.
        optimizer: the optimizer as it is set up; None to look at gradients and statistics only.
        batch: images float32 (N, 3, H, W), or whatever the model takes, and labels int64 (N,).
        step: ``step(model, optimizer, batch)`` does one step in place of the usual one, and may return the loss.
        loss_fn: the loss of the usual step.
    """
    model, optimizer = copy_together(model, optimizer)
    before = take_snapshot(model)
    seen: list[Tensor] = []
    hook = model.register_forward_hook(lambda module, args, output: seen.append(output))
    loss, error = None, ""
    with same_randomness(device_of(model)):
        try:
            with torch.enable_grad():
                batch = tuple(part.to(device_of(model)) for part in batch)
                result = step(model, optimizer, batch) if step else usual_step(model, optimizer, batch, loss_fn)
            result = result.detach() if isinstance(result, Tensor) else result
            loss = float(result) if isinstance(result, (int, float, Tensor)) else None
        except Exception as problem:  # a learner's own step may raise anything, and that is the finding
            error = explain(problem, model)
        finally:
            hook.remove()
    outputs = seen[-1].detach() if seen and isinstance(seen[-1], Tensor) else None
    changes = changes_since(before, model)
    gradients = {name: None if p.grad is None else float(p.grad.norm()) for name, p in model.named_parameters()}
    layers = tuple(_layers(model, optimizer, before, changes))
    return Probe(layers, loss, error, foreign_tensors(model, optimizer), changes, gradients, outputs)


def layers_of(model: nn.Module, optimizer: torch.optim.Optimizer | None) -> tuple[LayerReport, ...]:
    """The modules that hold tensors of their own as they are now, without a step: nothing in them has moved."""
    return tuple(_layers(model, optimizer, Snapshot({}, {}, {}, {}, {}), Changes()))


def _layers(model, optimizer, before: Snapshot, changes: Changes) -> Iterator[LayerReport]:
    rates, groups = rates_of(optimizer), groups_of(optimizer)
    for name, module in model.named_modules():
        own = {f"{name}.{key}" if name else key: p for key, p in module.named_parameters(recurse=False)}
        buffers = [f"{name}.{key}" if name else key for key, _ in module.named_buffers(recurse=False)]
        if not own and not buffers:
            continue
        held = [id(p) for p in own.values() if id(p) in rates]
        yield LayerReport(
            name=name,
            kind=type(module).__name__,
            tensors=len(own),
            scalars=sum(p.numel() for p in own.values()),
            shapes={key.rpartition(".")[2]: tuple(p.shape) for key, p in own.items()},
            requires_grad=_whole(before.flags.get(key, p.requires_grad) for key, p in own.items()),
            lrs=tuple(sorted({rates[key] for key in held}, reverse=True)),
            in_optimizer=len(held),
            groups=tuple(sorted({groups[key] for key in held})),
            training=before.modes.get(name, module.training),
            has_gradient=_whole(p.grad is not None for p in own.values()),
            moved=tuple(key for key in own if key in changes.parameters),
            buffers_moved=tuple(key for key in buffers if key in changes.buffers),
        )


def _whole(answers) -> bool | str | None:
    """True or False if all say so, ``"mixed"`` if they differ, None if there are none."""
    answers = set(answers)
    return None if not answers else answers.pop() if len(answers) == 1 else "mixed"
