"""What is frozen is computed once: run it over each image, keep the result, train only what comes after it.

A frozen part in eval mode gives the same output for an image in every epoch. So the model is cut in
two at the first trainable module; the front runs once per image, and the tail learns from what the front
gave. The weights come out the same as those of the full loop, bit for bit, on the same machine.

    front, tail = split_model(backbone, model, released_blocks=2)
    features = compute_once(front, train)                 # from disk on every later run
    fit(tail, make_loader(features, batch_size=32, shuffle=True), ...)   # `model` has learned, too

Where a function expects the model's own names, `shortened` gives it a model that only lacks its front.
"""

import copy
import sys
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset, default_collate

from helpers.course import settings
from helpers.course.errors import CourseError
from helpers.data import batches
from helpers.models.backbones import Backbone
from helpers.training import cache, frozen_part, on_gpu
from helpers.training.loop import device_of

ALIKE = 16  # images: in batches of as many and more, up to the 64 tried, each gave the same bits; alone one differed by 1e-5
PASS = 10**6  # numbers that go in at once on a CPU: at 224 px 16 images at a time took a fifth less than 64, and half the memory
NOT_KEPT = (
    "These features take {:.0f} MB and could not be kept in {} (limit {:.0f} MB): they stay in memory, and the next run computes "
    "them again. Raise limit_mb in course.toml, or use fewer images."
)


def split_model(backbone: Backbone, model: nn.Module, released_blocks: int) -> tuple[nn.Sequential, nn.Sequential]:
    """(front, tail): ``tail(front(images))`` is ``model(images)``, and both hold the model's own modules.

    Args:
        backbone: the description of `model`.
        model: the whole model. Neither its modes nor its flags are changed.
        released_blocks: how many residual blocks lie in the tail; 0 leaves the head alone there.

    Raises:
        CourseError: the backbone has fewer blocks than that.
    """
    chain = backbone.chain(model)
    names = [name for name, _ in chain]
    blocks = [name for name in names if name.rpartition(".")[0] in backbone.stages]
    if type(released_blocks) is not int or not 0 <= released_blocks <= len(blocks):
        raise CourseError(f"released_blocks is {released_blocks!r}: {backbone.title} has {len(blocks)} blocks; give 0 to that.")
    cut = names.index(blocks[-released_blocks]) if released_blocks else len(names) - 1
    return _sequence(chain[:cut]), _sequence(chain[cut:])


def _sequence(chain: list[tuple[str, nn.Module]]) -> nn.Sequential:
    """A container around modules as they are. Its own mode is theirs: train if any of them is in train mode."""
    sequence = nn.Sequential(OrderedDict((name.replace(".", "_"), module) for name, module in chain))
    sequence.training = any(module.training for _, module in chain)
    return sequence


def compute_once(
    front: nn.Module,
    dataset: Dataset,
    *,
    name: str = "",
    batch_size: int = 32,
    folder: str | Path | None = None,
    limit_mb: float | None = None,
    on_disk: bool = True,
    progress: bool = True,
    way: str | None = None,
    through: int = 0,
) -> TensorDataset:
    """The front's output for each item: features float32 (N, ...) and labels int64 (N,), on the CPU.

    The first run says how long it will take; later runs, in any process, read the result from disk. It is computed again when
    weights, buffers, their layout, structure, transform, images, batch size, number of threads, version of torch, kind of device
    or way differ, or when the file is damaged.

    Args:
        front: the frozen part, in eval mode, from `split_model`.
        dataset: from `helpers.data.batches.to_dataset`, or a `TensorDataset` of images and labels.
        name, batch_size: what to call the data in messages, default the data set's own name; images in one pass, at most.
        folder, limit_mb: where to keep the features, and how large that folder may grow, in MB; default by `course.toml`.
        on_disk: False: computed here and now, since one read from disk would make a run look cheaper than it is.
        progress, way: whether to say what is going on; a key of `helpers.training.frozen_part.WAYS`, default by `course.toml`.
        through: what so many of the front's first modules give will be asked for as well: computed first, kept, and sent on.

    Raises:
        CourseError: the front is not frozen or not in eval mode, the data set has no fingerprint, or the way cannot be had here.
    """
    _check_front(front)
    name, way = name or getattr(dataset, "name", "the data"), way or settings.common().frozen_part
    options = {"name": name, "batch_size": batch_size, "folder": folder, "limit_mb": limit_mb, "on_disk": on_disk}
    computed = partial(_computed, front, dataset, through, progress, way, options)
    if not on_disk:
        return TensorDataset(*_together(computed(), len(dataset)).values())
    folder, limit_mb = cache.place(None, folder, limit_mb)
    key = cache.make_key(cache.checksum(front.state_dict()), repr(front), _fingerprint(dataset), rounding(front, batch_size, way))
    kept = cache.read(folder, key) or cache.held(folder, key)
    if kept is None or not _fits(kept, dataset):
        # Written batch by batch and mapped from the file: memory stays what it is, however many images there are.
        kept = cache.read(folder, key) if cache.write_rows(folder, key, computed(), len(dataset), limit_mb) else None
    if kept is None:
        kept = cache.hold(folder, key, _together(computed(), len(dataset)))
        if progress:
            print(NOT_KEPT.format(cache.size_mb(kept), folder, limit_mb))
    return TensorDataset(kept["features"], kept["labels"])


def cached_loaders(
    backbone: Backbone,
    model: nn.Module,
    datasets: Mapping[str, Dataset],
    *,
    released_blocks: int,
    batch_size: int,
    seed: int = 0,
    progress: bool = True,
    later: int = 0,
) -> tuple[nn.Sequential, dict[str, DataLoader]]:
    """(tail, loaders): what learns, and for each data set the loader of its features; ``"train"`` is shuffled.

    With ``released_blocks=0`` the tail is the head alone; otherwise so many last blocks come before it. Where a larger number,
    `later`, will be asked for as well, the images pass through the network once for both.
    """
    front, tail = split_model(backbone, model, released_blocks)
    through = len(split_model(backbone, model, later)[0]) if later > released_blocks else 0
    options = {"batch_size": batch_size, "progress": progress, "through": through}
    features = {name: compute_once(front, dataset, **options) for name, dataset in datasets.items()}
    return tail, batches.make_loaders(features, batch_size=batch_size, seed=seed)


def shortened(
    backbone: Backbone, model: nn.Module, datasets: Mapping[str, Dataset], *, released_blocks: int, **options
) -> tuple[nn.Module, dict[str, DataLoader]]:
    """(short, loaders): a model that takes what the loaders give, and calls its modules what `model` calls them.

    `short` is a frozen copy of `model` in eval mode with nothing (`nn.Identity`) in the places of the front, whose output the
    loaders give: what swaps ``short.fc`` or releases ``layer4.2`` works as on the whole model. `whole_again` puts the front back.

    Args:
        model: any state will do, with any head; not changed.
        datasets, released_blocks, options: as in `cached_loaders`.
    """
    short = copy.deepcopy(model).requires_grad_(False).eval()
    front, _ = split_model(backbone, short, released_blocks)
    _, loaders = cached_loaders(backbone, short, datasets, released_blocks=released_blocks, **options)
    for name, _ in backbone.chain(short)[: len(front)]:
        if name != "flatten":
            short.set_submodule(name, nn.Identity().eval())
    return short, loaders


def whole_again(backbone: Backbone, model: nn.Module, short: nn.Module) -> nn.Module:
    """A copy of `short` with the front of `model` back in its place: images float32 (N, 3, H, W) -> logits.

    Args:
        model: the model that `short` was made from; not changed.
        short: from `shortened`, perhaps with another head; not changed. Its flags and modes are the copy's.
    """
    whole, front = copy.deepcopy(short), copy.deepcopy(model).requires_grad_(False).eval()
    for name, module in backbone.chain(front):
        if name != "flatten" and isinstance(whole.get_submodule(name), nn.Identity):
            whole.set_submodule(name, module)
    return whole


def _check_front(front: nn.Module) -> None:
    """Refuse what would give another result in the next epoch."""
    learning = [name for name, parameter in front.named_parameters() if parameter.requires_grad]
    if learning:
        raise CourseError(
            f"{learning[0]} and {len(learning) - 1} more tensors of the front are trainable, so its output would change: "
            "freeze them first, or cut the model with as many released_blocks as are released."
        )
    # A plain container does the same in both modes; what is in it may not.
    moving = [name for name, module in front.named_modules() if module.training and not isinstance(module, nn.Sequential)]
    if moving:
        raise CourseError(f"{moving[0]} is in train mode, so BatchNorm would move: call model.eval() before computing features.")


def rounding(front: nn.Module, batch_size: int, way: str) -> str:
    """All that decides in which order sums are taken, and so the last bits: 1 thread and 2 differed by 1e-6."""
    processor = f"{device_of(front).type} {torch.backends.cpu.get_cpu_capability()} {torch.get_num_threads()} threads"
    kernels = [parameter for parameter in front.parameters() if parameter.ndim == 4]
    usual = all(kernel.is_contiguous(memory_format=torch.channels_last) for kernel in kernels)  # as `Backbone.build` lays them
    layout = "" if usual else f", strides {[kernel.stride() for kernel in kernels]}"
    return f"torch {torch.__version__}, {processor}, batch {batch_size}{layout}{frozen_part.described(way)}"


def _fingerprint(dataset: Dataset) -> str:
    if isinstance(dataset, TensorDataset):
        return cache.checksum({str(index): tensor for index, tensor in enumerate(dataset.tensors)})
    fingerprint = getattr(dataset, "fingerprint", None)
    if not isinstance(fingerprint, str):
        raise CourseError("This data set has no fingerprint, so its features could not be found again: use data.to_dataset.")
    return fingerprint


def _fits(kept: cache.Tensors, dataset: Dataset) -> bool:
    """Whether the file holds one float32 feature and one int64 label an item."""
    found = {name: (tensor.dtype, tensor.shape[:1]) for name, tensor in kept.items()}
    return found == {"features": (torch.float32, (len(dataset),)), "labels": (torch.int64, (len(dataset),))}


def _together(batches: Iterator[tuple[Tensor, Tensor]], number: int) -> cache.Tensors:
    """All batches in memory, in one tensor that is there once."""
    kept, place = {}, 0
    for features, labels in batches:
        kept = kept or {"features": features.new_empty(number, *features.shape[1:]), "labels": labels.new_empty(number)}
        kept["features"][place : place + len(labels)] = features
        kept["labels"][place : place + len(labels)] = labels
        place += len(labels)
    return kept


def _computed(front: nn.Module, dataset: Dataset, through: int, progress: bool, way: str, options: dict):
    """As `_compute`. What the first modules give is sent on through the rest where that gives the same bits."""
    if through and way == frozen_part.PLAIN and device_of(front).type == "cpu":
        dataset = compute_once(front[:through], dataset, progress=progress, way=way, **options)
        front, progress = front[through:], False
    return _compute(front, dataset, options["name"], options["batch_size"], progress, way)


def _compute(
    front: nn.Module, dataset: Dataset, name: str, batch_size: int, progress: bool, way: str
) -> Iterator[tuple[Tensor, Tensor]]:
    """Features float32 (B, ...) and labels int64 (B,), batch by batch, on the CPU."""
    from tqdm import tqdm

    if len(dataset) and device_of(front).type == "cpu":
        batch_size = min(batch_size, max(ALIKE, PASS // dataset[0][0].numel()))
    number, clock = -(-len(dataset) // batch_size), [time.perf_counter()]
    queued = _queued(front, dataset, batch_size, progress, way)
    for output, labels in on_gpu.one_ahead(queued) if device_of(front).type == "cuda" else queued:
        features = output.float().cpu().contiguous()
        clock.append(time.perf_counter())
        # The first batch also warms up (2 to 3 times as slow), so the second one is the measure.
        if progress and len(clock) == 1 + min(2, number):
            seconds = clock[1] - clock[0] + (clock[-1] - clock[-2]) * (number - 1)
            what = f"{len(dataset)} images of {name}, about {max(seconds, 1):.0f} s"
            tqdm.write(f"Frozen part, computed once: {what}. Later runs read it from disk.", file=sys.stdout)
        yield features, labels


def _queued(front: nn.Module, dataset: Dataset, batch_size: int, progress: bool, way: str) -> Iterator[tuple[Tensor, Tensor]]:
    """What the front gives for each batch, on its device: a GPU may still be at work on it."""
    from tqdm import tqdm

    computed, device = None, device_of(front)
    starts = range(0, len(dataset), batch_size)
    for start in tqdm(starts, desc="frozen part", unit="batch", file=sys.stdout, leave=False, disable=not progress):
        # A last batch that is too small is filled up with the images before it.
        first = max(min(start, len(dataset) - min(batch_size, ALIKE)), 0)
        items = [dataset[index] for index in range(first, min(start + batch_size, len(dataset)))]
        images, labels = default_collate(items)
        images = images.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else images.to(device)
        computed = computed or frozen_part.prepared(front, images, way)
        # Not inference_mode: tensors made under it cannot be saved for the tail's backward pass.
        with torch.no_grad():
            output = computed(images)
        yield output[start - first :], labels[start - first :].long()
