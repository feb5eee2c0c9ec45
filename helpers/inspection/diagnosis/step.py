"""Detectors that look at what one step did."""

import torch

from helpers.inspection.diagnosis.finding import tensors
from helpers.inspection.diagnosis.situation import Situation
from helpers.inspection.snapshot import listed
from helpers.inspection.step_probe import LayerReport
from helpers.training.loop import device_of
from helpers.training.one_step import copy_together, same_randomness


def frozen_moved(s: Situation) -> dict | None:
    """A frozen tensor moved, or one that was frozen during the step."""
    changes = s.probe.changes
    frozen = changes.flags | set(s.frozen)
    moved = [name for name in s.parameters if name in changes.parameters & frozen]
    if not moved:
        return None
    why = "Their gradient is zero or old instead of None, so the optimizer does not skip them: momentum and decay go on."
    if changes.flags.intersection(moved):
        why = "They were frozen between backward() and step(): their gradient was already there, and the step used it."
    return {
        "what": f"{tensors(len(moved))} changed although frozen: {listed(moved)}.",
        "why": why,
        "remedy": "Freeze before the forward pass, keep zero_grad(set_to_none=True), and build a new optimizer without them.",
        "where": tuple(moved),
    }


def batch_of_one(s: Situation) -> dict | None:
    """A batch with a single image, this one or the epoch's last: where it leaves one value a channel, BatchNorm stops."""
    if "single image" in s.probe.error:
        which = f"The batch has a single image (shape {' x '.join(map(str, s.images.shape))})"
    elif _last_batch_has_one(s) and _one_image_fails(s):
        sizes = f"{len(s.all_labels)} images in batches of {s.loader.batch_size}"
        which = f"The epoch's last batch has a single image ({sizes})"
    else:
        return None
    return {
        "what": f"{which}, and a BatchNorm layer is in train mode.",
        "why": "In train mode BatchNorm divides by the spread over images and positions. Where one value a channel is left of a "
        "single image there is none, and it raises ValueError.",
        "remedy": "Put BatchNorm in eval mode, as for a frozen base, or use drop_last=True or another batch size.",
        "where": tuple(layer.name for layer in s.probe.layers if "BatchNorm" in layer.kind and layer.training),
    }


def _last_batch_has_one(s: Situation) -> bool:
    size = getattr(s.loader, "batch_size", None)
    whole = isinstance(size, int) and len(s.all_labels) > size > 1 and not getattr(s.loader, "drop_last", False)
    return whole and len(s.all_labels) % size == 1


def _one_image_fails(s: Situation) -> bool:
    model, _ = copy_together(s.model, None)
    images = s.images.to(device_of(s.model))
    with torch.no_grad(), same_randomness(images.device):
        try:
            model(images[:1])
        except ValueError as error:
            return "more than 1 value per channel" in str(error)
        except Exception:  # whatever else is wrong is for other detectors to say
            return False
    return False


def no_gradient(s: Situation) -> dict | None:
    """What is trainable gets no gradient: no_grad around the forward pass, or a detach on the way."""
    none_at_all = "no_grad" in s.probe.error
    if s.probe.error and not none_at_all:
        return None
    held = [name for name in s.trainable if s.optimizer is None or name in s.rates]
    # A loop may clear gradients after its step; what moved had one.
    bare = [name for name in held if s.probe.gradients.get(name) is None]
    missing = [name for name in bare if name not in s.probe.changes.parameters]
    if not missing:
        return None
    how = "The forward pass runs under no_grad()" if none_at_all else "Something cuts them off, such as no_grad() or detach()"
    return {
        "what": f"{tensors(len(missing))} trainable but without a gradient: {listed(missing)}.",
        "why": f"{how}, so backward() does not reach them: requires_grad is True, and grad stays None.",
        "remedy": "Run the training forward pass without no_grad() and detach(); keep no_grad() for evaluation.",
        "where": tuple(missing),
    }


def nothing_moved(s: Situation) -> dict | None:
    """There are gradients and a rate, but no step."""
    ready = [name for name in s.trainable if s.probe.gradients.get(name) and s.rates.get(name, 0.0) > 0]
    if s.probe.error or not ready or s.probe.changes.parameters:
        return None
    return {
        "what": f"{tensors(len(ready))} have a gradient and a learning rate, but nothing was updated.",
        "why": "backward() only computes gradients; the weights change in optimizer.step().",
        "remedy": "Call optimizer.step() after loss.backward(). If it is there, the rate is too small for float32.",
        "where": tuple(ready),
    }


def frozen_batchnorm_moves(s: Situation) -> dict | None:
    """Running statistics of a frozen part moved."""
    layers = [layer for layer in s.probe.layers if layer.buffers_moved and _is_frozen(s, layer)]
    if not layers:
        return None
    buffers = sum(len(layer.buffers_moved) for layer in layers)
    way = "The step itself puts them in train mode" if s.probe.changes.modes else "They are in train mode"
    return {
        "what": f"{buffers} statistics of {len(layers)} frozen layers changed: {listed([layer.name for layer in layers])}.",
        "why": f"{way}; requires_grad = False does not stop BatchNorm's running mean and variance, and the features drift.",
        "remedy": "Call model.eval() first, then head.train(), again after every model.train() and after torchinfo.summary, "
        "create_feature_extractor and the like, which set all layers to one mode: at the start of each epoch.",
        "where": tuple(layer.name for layer in layers),
    }


def _is_frozen(s: Situation, layer: LayerReport) -> bool:
    """Whether nothing in the layer is trainable; one without weights goes by the part of the model that it lies in."""
    if layer.tensors:
        return layer.requires_grad is False
    part = layer.name.rpartition(".")[0]
    around = [name for name in s.parameters if name.startswith(f"{part}." if part else "")]
    return bool(around) and not any(s.parameters[name].requires_grad for name in around)


def step_fails(s: Situation) -> dict | None:
    """The step raised something that no other detector explains."""
    if not s.probe.error:
        return None
    return {
        "what": s.probe.error,
        "why": "No step can be done, so nothing is learned.",
        "remedy": f"Compare what the model expects with the batch: images {_kind(s.images)}, labels {_kind(s.labels)}.",
    }


def _kind(tensor: torch.Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
