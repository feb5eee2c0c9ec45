"""Runs that were made before, read from disk: what learned, and the history; and range tests.

    history = fit_once(tail, batches["train"], batches["val"], optimizer, num_epochs=10, phase="fine-tune")

The key holds all that decides how a run goes, so whoever changes anything, weights, images, a rate, trains anew.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from inspect import signature

import torch
from torch import nn
from torch.utils.data import DataLoader

from helpers.course import settings
from helpers.course.errors import CourseError
from helpers.training import cache, features
from helpers.training.history import History
from helpers.training.live_trace import HEAD, Trace, is_shown
from helpers.training.loop import fit
from helpers.training.lr_finder import RateCurve, find_lr

ORDER = "order"  # the state of the train loader's generator at the end of a run


def fit_once(
    model: nn.Module,
    train_loader: DataLoader,
    val_loader: DataLoader,
    optimizer: torch.optim.Optimizer,
    *,
    num_epochs: int,
    phase: str = HEAD,
    history: Iterable[dict] = (),
    progress: bool = True,
    before: Callable[[], None] | None = None,
    course: settings.Settings | None = None,
) -> History:
    """As `fit`; only that a whole run which was made before is read from disk, with a sentence that says so.

    Model and order of batches are then as after that run; the optimizer is as it came. Read or made, a run draws torch's random
    numbers from its own, always the same, and those outside go on as if it had not been.

    Args:
        model, num_epochs, phase, history, progress: as in `fit`.
        train_loader, val_loader: of features, from `helpers.training.features.cached_loaders`.
        optimizer: a fresh one.
        before: called where the run has to be made.
        course: where runs are kept; default: what `course.toml` says.

    Raises:
        CourseError: as `fit`.
    """
    earlier, (folder, limit_mb) = History.of(history), cache.place(course)
    key = _key(_how(model, optimizer, num_epochs, phase), model, train_loader, val_loader)
    kept = cache.read(folder, key) or {}
    run = put_back(kept, {phase: model}, num_epochs)
    if run is None or ORDER not in kept:
        if before:
            before()
        options = {"num_epochs": num_epochs, "phase": phase, "history": earlier, "progress": progress}
        with _own_draws():
            run = fit(model, train_loader, val_loader, optimizer, **options)
        if len(run) == len(earlier) + num_epochs:  # not one that was stopped
            own = learned({phase: model}, History.of(run[len(earlier) :]))
            cache.write(folder, key, own | {ORDER: train_loader.generator.get_state()}, limit_mb)
        return run
    train_loader.generator.set_state(kept[ORDER])
    model.eval()
    whole = earlier.extend_with(run)
    if progress and is_shown():
        _show(whole, earlier, num_epochs, phase)
    return whole


def find_lr_once(model: nn.Module, loader: DataLoader) -> RateCurve:
    """As `find_lr`; only that a range test which was made before is read from disk.

    Args:
        model: as in `find_lr`; left as it is.
        loader: of features, from `helpers.training.features.cached_loaders`; left as it is.

    Raises:
        CourseError: as `find_lr`.
    """
    (folder, limit_mb), key = cache.place(), _key(f"find_lr{signature(find_lr)}", model, loader)
    kept = cache.read(folder, key)
    if kept is None:
        with _own_draws():
            curve = find_lr(model, loader)
        cache.write(folder, key, {"curve": cache.from_json(vars(curve))}, limit_mb)
        return curve
    told = cache.to_json(kept["curve"])
    return RateCurve(tuple(told["rates"]), tuple(told["losses"]), told["suggestion"], told["exploded"])


def _show(whole: History, earlier: History, num_epochs: int, phase: str) -> None:
    trace = Trace(num_epochs, phase, earlier)
    trace.epoch(whole)
    said = f"This run was made before, with the same images, weights and rates: read from disk. {trace.best}"
    if not trace.on_page:
        print(said)
    trace.end(said)


@contextmanager
def _own_draws() -> Iterator[None]:
    """torch's random numbers from one seed; afterwards they go on as before."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        yield


def _how(model: nn.Module, optimizer: torch.optim.Optimizer, num_epochs: int, phase: str) -> str:
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    groups = [{**group, "params": [names.get(id(one)) for one in group["params"]]} for group in optimizer.param_groups]
    return repr((type(optimizer), groups, dict(optimizer.state), num_epochs, phase))


def _key(how: str, model: nn.Module, train: DataLoader, *others: DataLoader) -> str:
    loaders, flags = (train, *others), repr([parameter.requires_grad for parameter in model.parameters()])
    order = cache.checksum({ORDER: train.generator.get_state()})
    inputs = [cache.checksum(dict(zip("xy", loader.dataset.tensors, strict=True))) for loader in loaders]
    batches = repr([(loader.batch_size, type(loader.sampler)) for loader in loaders])
    exactly = features.rounding(model, train.batch_size, settings.common().frozen_part)
    return cache.make_key("run", how, cache.checksum(model.state_dict()), repr(model), flags, order, *inputs, batches, exactly)


def learned(stages: Mapping[str, nn.Module], history: History) -> cache.Tensors:
    """What the cache keeps of a run: each stage's trainable tensors, and the history as the bytes of its JSON."""
    return {"history": cache.from_json(list(history)), **{name: p.detach() for name, p in _trainable(stages).items()}}


def put_back(kept: cache.Tensors, stages: Mapping[str, nn.Module], num_epochs: int) -> History | None:
    """The kept history, after the kept tensors were written into the models; None, and no change, if they do not fit."""
    wanted = _trainable(stages)
    try:
        history = History.of(cache.to_json(kept["history"]))
        fits = all(kept[name].shape == p.shape and kept[name].dtype == p.dtype for name, p in wanted.items())
    except (KeyError, ValueError, TypeError, CourseError):
        return None
    if not fits or len(history) < num_epochs:
        return None
    with torch.no_grad():
        for name, parameter in wanted.items():
            parameter.copy_(kept[name])
    return history


def _trainable(stages: Mapping[str, nn.Module]) -> dict[str, nn.Parameter]:
    """What is trainable in each stage's model."""
    named = ((f"{stage}/{name}", p) for stage, model in stages.items() for name, p in model.named_parameters())
    return {name: p for name, p in named if p.requires_grad}
