"""The learning-rate range test: let the rate grow from step to step, and watch where the loss falls, and where it explodes.

Invented by Leslie Smith (2015, https://arxiv.org/abs/1506.01186). What to read off the curve follows fastai's ``lr_find`` with
its suggestion ``steep`` (https://docs.fast.ai/callback.schedule.html): exponential growth, smoothed loss, an end when that is
four times its best, and the rate where the curve falls most steeply over the logarithm of the rate.

fastai smooths with a running mean. On a few hundred images the difference between one batch and the next then drowns the slope:
its first wiggle can be the steepest fall. Here every pass takes the same batches in the same order, and the loss is averaged over
one pass: two neighbouring points differ by one and the same batch at two rates.

Own code, and little of it, because the package for this, torch-lr-finder (last release 0.2.2, 2024), puts the whole model into
train mode for its steps: the BatchNorm layers of a frozen part would then use, and gather, the statistics of our few images.
It also works on the model itself and needs a reset afterwards; here it is a copy that explodes.
"""

import copy
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from helpers.course.errors import CourseError
from helpers.training.loop import NO_BATCH, device_of, set_modes
from helpers.training.one_step import same_randomness, usual_step

EXPLODED = 4  # times the lowest smoothed loss: fastai's end of the test
LEAST_STEPS = 20
WIDEST = 1 / 3  # the mean is taken over one pass, but over no more than this share of the steps


@dataclass(frozen=True)
class RateCurve:
    """What the test saw.

    Attributes:
        rates: learning rates, growing by the same factor from point to point.
        losses: the training loss at each of them: the mean over one pass of steps around it.
        suggestion: where the loss falls most steeply over the logarithm of the rate; the lowest rate if it never falls.
        exploded: whether the test ended because the loss did.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    suggestion: float
    exploded: bool


def find_lr(
    model: nn.Module,
    loader: Iterable,
    *,
    lowest: float = 1e-6,
    highest: float = 1.0,
    num_steps: int = 60,
    train_batchnorm: bool = False,
) -> RateCurve:
    """The curve of loss over rate, and the rate that it suggests, for what is trainable now, with Adam.

    The steps are taken on a copy. Weights, buffers, modes and gradients of the model stay as they are, and so do torch's random
    state and the loader's: what is trained afterwards is trained as if there had been no test.

    Args:
        model: a model, or the tail of one, that takes the loader's inputs. Everything that is trainable gets the same rate.
        loader: batches of inputs float32 (N, ...) and labels int64 (N,); begun anew as often as the steps need it.
        lowest, highest: first and last rate.
        num_steps: steps in between, one batch each; the cost is that of training for ``num_steps / len(loader)`` epochs.
        train_batchnorm: see `helpers.training.loop.set_modes`.

    Raises:
        CourseError: nothing is trainable, the loader is empty, the range is none, or the loss explodes at once.
    """
    if not 0 < lowest < highest or num_steps < LEAST_STEPS:
        given = f"{lowest:g} to {highest:g} in {num_steps} steps"
        raise CourseError(f"find_lr cannot go from {given}: take 0 < lowest < highest, and {LEAST_STEPS} steps or more.")
    if not any(p.requires_grad for p in model.parameters()):
        raise CourseError("Nothing in this model is trainable, so no rate can be found: release the head or some blocks first.")
    trial = copy.deepcopy(model)
    set_modes(trial, train_batchnorm)
    factor = (highest / lowest) ** (1 / (num_steps - 1))
    rates = [lowest * factor**step for step in range(num_steps)]
    width = max(2, min(len(loader) if hasattr(loader, "__len__") else num_steps, int(WIDEST * num_steps)))
    with same_randomness(device_of(model), getattr(loader, "generator", None)):
        smoothed, exploded = _steps(trial, _same_batches(loader), rates, width)
    if len(smoothed) < 2:
        raise CourseError("The loss exploded, or was not a number, at the lowest rates already: start from a lower one.")
    # A mean over `width` steps belongs to the rate in their middle, on the logarithmic axis.
    rates = [rate * factor ** ((width - 1) / 2) for rate in rates[: len(smoothed)]]
    return RateCurve(tuple(rates), tuple(smoothed), _steepest(rates, smoothed), exploded)


def _steps(trial: nn.Module, batches: Iterator, rates: list[float], width: int) -> tuple[list[float], bool]:
    """(means of `width` losses, whether they exploded): one step for each rate, the loss taken before it. `trial` is spoilt."""
    optimizer = torch.optim.Adam([p for p in trial.parameters() if p.requires_grad], lr=rates[0])
    device, losses, smoothed = device_of(trial), [], []
    for rate, (inputs, labels) in zip(rates, batches, strict=False):
        for group in optimizer.param_groups:
            group["lr"] = rate
        losses.append(usual_step(trial, optimizer, (inputs.to(device), labels.to(device))).item())
        if not math.isfinite(losses[-1]):
            return smoothed, True
        if len(losses) >= width:
            smoothed.append(sum(losses[-width:]) / width)
            if smoothed[-1] > EXPLODED * min(smoothed):
                return smoothed, True
    return smoothed, False


def _same_batches(loader: Iterable) -> Iterator[tuple[Tensor, Tensor]]:
    """The loader's batches, pass after pass in the order of the first, each with the random numbers of the first.

    Raises:
        CourseError: there are none.
    """
    generator = getattr(loader, "generator", None)
    ours, its = torch.get_rng_state(), generator.get_state() if generator is not None else None
    while True:
        batch = None
        for batch in loader:
            yield batch
        if batch is None:
            raise CourseError(NO_BATCH)
        torch.set_rng_state(ours)
        if generator is not None:
            generator.set_state(its)


def _steepest(rates: list[float], losses: list[float]) -> float:
    """The rate of the steepest fall on the way to the lowest point; after that the loss may fall from peaks of its own making."""
    lowest = losses.index(min(losses))
    # All steps are equally wide on the logarithmic axis, so the greatest fall is the steepest.
    falls = [losses[index] - losses[index + 1] for index in range(lowest)]
    return rates[falls.index(max(falls))] if falls else rates[0]
