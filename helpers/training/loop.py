"""One training loop for the whole course: a model and batches in, a `History` out."""

import copy
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.modules.batchnorm import _BatchNorm

from helpers.course.errors import CourseError
from helpers.training.depthwise import CheapGradients
from helpers.training.history import History
from helpers.training.live_trace import KEEPING, Trace, batches_of, is_shown

NO_BATCH = "The loader gave no batch: pass a DataLoader with images in it, not a used-up iterator."


def device_of(model: nn.Module) -> torch.device:
    """The device that the model's first tensor lies on; the CPU for a model without tensors."""
    return next((tensor.device for tensor in chain(model.parameters(), model.buffers())), torch.device("cpu"))


def set_modes(model: nn.Module, train_batchnorm: bool = False) -> None:
    """Put what learns in train mode and everything else in eval mode.

    A module is in train mode if all parameters in it are trainable. BatchNorm stays in eval mode even there:
    its running statistics come from a million images, and a small data set would spoil them. Freezing alone
    does not do this, since `requires_grad` does not stop the statistics (pytorch issue 86590).

    Args:
        model: changed in place: modes only.
        train_batchnorm: let released BatchNorm layers use and gather batch statistics. The choice is open:
            fastai's fine-tuning does so by default, the course does not.
    """
    model.eval()
    for module in _released(model):
        module.training = train_batchnorm or not isinstance(module, _BatchNorm)


def _released(module: nn.Module) -> list[nn.Module]:
    """All modules that lie in a part whose every parameter is trainable."""
    flags = [p.requires_grad for p in module.parameters()]
    if flags and all(flags):
        return list(module.modules())
    return [inner for child in module.children() for inner in _released(child)] if any(flags) else []


@contextmanager
def in_eval_mode(model: nn.Module) -> Iterator[None]:
    """The whole model in eval mode for a while; then each module is in the mode that it was found in."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            if module.training != training:  # to set an attribute of a module takes ten times as long as to read it
                module.training = training


class Means:
    """Exact means over samples: a batch counts by its size, so that the smaller last one has no more say."""

    def __init__(self) -> None:
        self.loss = 0.0
        self.right = 0
        self.samples = 0

    def add(self, loss: torch.Tensor, logits: torch.Tensor, labels: torch.Tensor) -> None:
        """Take in one batch: its mean loss (), logits float (N, C) and labels int64 (N,)."""
        self.loss += loss.item() * len(labels)
        self.right += int((logits.argmax(dim=1) == labels).sum())
        self.samples += len(labels)

    def result(self) -> dict[str, float]:
        """``loss`` and ``accuracy`` so far.

        Raises:
            CourseError: no sample was seen: the loader is empty, or already used up.
        """
        if not self.samples:
            raise CourseError(NO_BATCH)
        return {"loss": self.loss / self.samples, "accuracy": self.right / self.samples}


def measure(model: nn.Module, loader: Iterable) -> dict[str, float]:
    """The model's ``loss`` (mean cross entropy) and ``accuracy`` (in [0, 1]) over all samples of the loader.

    Args:
        model: measured in eval mode without gradients; left exactly as found, mode by mode.
        loader: batches of inputs float32 (N, ...) as the model takes them, and labels int64 (N,).

    Raises:
        CourseError: the loader is empty.
    """
    means, device = Means(), device_of(model)
    with in_eval_mode(model), torch.no_grad():
        for inputs, labels in loader:
            labels = labels.to(device)
            logits = model(inputs.to(device))
            means.add(cross_entropy(logits, labels), logits, labels)
    return means.result()


def train_epoch(model: nn.Module, loader: Iterable, optimizer: torch.optim.Optimizer, *, after_batch=None) -> dict[str, float]:
    """One pass of training; ``loss`` and ``accuracy`` over its samples, each as it was before its batch's step.

    Args:
        model: trained in place, in the modes that it is in (see `set_modes`).
        loader: batches of inputs float32 (N, ...) and labels int64 (N,).
        optimizer: holds what shall move.
        after_batch: called with no arguments after every batch.
    """
    means, device, cheap_gradients = Means(), device_of(model), CheapGradients(model)
    for inputs, labels in loader:
        labels = labels.to(device)
        optimizer.zero_grad()
        with cheap_gradients:
            logits = model(inputs.to(device))
        loss = cross_entropy(logits, labels)
        loss.backward()
        optimizer.step()
        means.add(loss.detach(), logits.detach(), labels)
        if after_batch:
            after_batch()
    return means.result()


def fit(
    model: nn.Module,
    train_loader: Iterable,
    val_loader: Iterable,
    optimizer: torch.optim.Optimizer,
    *,
    num_epochs: int,
    phase: str = "head",
    history: Iterable[dict] | None = None,
    train_batchnorm: bool = False,
    keep_best: bool = True,
    progress: bool = True,
    scheduler: object | None = None,
    after_epoch: Callable[[History], None] | None = None,
) -> History:
    """The history with `num_epochs` more epochs; the model is left in eval mode with its best epoch's weights.

    Interrupting the kernel, or Stop below the trace, ends the run early: the finished epochs and the best weights are kept, and
    another call with the history goes on from there.

    Args:
        model: trained in place, in the modes of `set_modes`, on the device it is on.
        train_loader, val_loader: batches of inputs float32 (N, ...) and labels int64 (N,); moved to the model's device.
        optimizer: holds what shall move.
        num_epochs: passes over the training data.
        phase: written into each record, such as ``"head"`` and ``"fine-tune"``.
        history: earlier epochs to number on from; not changed itself.
        train_batchnorm: see `set_modes`.
        keep_best: restore the weights of this run's best epoch (`History.best`) at the end.
        progress: show the trace while it grows (`helpers.training.live_trace`); in plain text a line an epoch on stdout.
        scheduler, after_epoch: after every epoch the one is stepped, a learning-rate scheduler, and the other handed the history.

    Raises:
        CourseError: nothing is trainable, head included, `num_epochs` is no positive int, or a loader is empty.
    """
    _check_can_train(model, num_epochs)
    earlier, run, best = History.of(history or []), History(), None
    with _stoppable(run, num_epochs, phase, earlier, progress, keep_best) as trace:
        after_batch = partial(trace.batch, batches_of(train_loader)) if trace else None
        for _ in range(num_epochs):
            run.append(_one_epoch(model, train_loader, val_loader, optimizer, phase, train_batchnorm, after_batch))
            if keep_best and run[-1] is run.best:
                # A state_dict is a live view of the weights: without the copy, "best" would be whatever came last.
                best = copy.deepcopy(model.state_dict())
            _advance(scheduler, run[-1]["val_loss"])
            _tell(earlier.extend_with(run), trace and trace.epoch, after_epoch)
    if best is not None:
        model.load_state_dict(best)
    model.eval()
    return earlier.extend_with(run)


def _check_can_train(model: nn.Module, num_epochs: int) -> None:
    if type(num_epochs) is not int or num_epochs < 1:
        raise CourseError(f"num_epochs is {num_epochs!r}: give a whole number from 1 on.")
    if not any(p.requires_grad for p in model.parameters()):
        raise CourseError(
            "Nothing in this model is trainable: set requires_grad = True on the head's parameters before training."
        )


@contextmanager
def _stoppable(
    run: History, num_epochs: int, phase: str, earlier: History, progress: bool, keep_best: bool
) -> Iterator[Trace | None]:
    """The run's trace on the screen, None where none is to be shown. An interruption of the block ends it early, and quietly."""
    trace = Trace(num_epochs, phase, earlier, stop=KEEPING if keep_best else "Stop") if progress and is_shown() else None
    said = ""
    try:
        yield trace
    except KeyboardInterrupt:
        kept = "the weights are as the interruption left them"
        if run:
            kept = f"its {'best' if keep_best else 'last'} weights are kept, and fit(..., history=history) goes on from them"
        said = f"Interrupted after {len(run)} of {num_epochs} epochs: {kept}."
        if not (trace and trace.on_page):
            print(f"\n{said}")
    finally:
        if trace:
            trace.end(said)


def _one_epoch(model, train_loader, val_loader, optimizer, phase, train_batchnorm, after_batch) -> dict:
    """Train once over the data, measure, and write the record (its number is set by `History.extend_with`)."""
    start = time.perf_counter()
    lr = max(float(group["lr"]) for group in optimizer.param_groups)
    # Every epoch anew: whatever happened in between, the frozen part must not be in train mode.
    set_modes(model, train_batchnorm)
    measured = {"train": train_epoch(model, train_loader, optimizer, after_batch=after_batch), "val": measure(model, val_loader)}
    values = {f"{split}_{key}": value for split, means in measured.items() for key, value in means.items()}
    return {"epoch": 0, "phase": phase, "lr": lr, **values, "seconds": time.perf_counter() - start}


def _tell(history: History, *listeners: Callable[[History], None] | None) -> None:
    for listener in filter(None, listeners):
        listener(history)


def _advance(scheduler, val_loss: float) -> None:
    if isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
        scheduler.step(val_loss)
    elif scheduler is not None:
        scheduler.step()
