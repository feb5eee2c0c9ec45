"""`save_model`: weights, class names, transform and provenance in one safetensors file."""

import copy
import json
from pathlib import Path

import torch
from safetensors.torch import save, save_file
from safetensors.torch import save_model as theirs

from tests.answers import after, followed_by, given


def _plain(tensor):
    return tensor.clone(memory_format=torch.contiguous_format)


def _state(model):
    return dict(model.state_dict())


def _json(told):
    return {key: json.dumps(value) for key, value in told.items()}


def _made_of(tensors=_state, own=_plain, text=_json, write=save_file):
    """A save_model put together from parts, so that each wrong answer differs from a right one in a single place."""

    def save_model(model, path, class_names, transform, provenance):
        kept = {name: own(tensor) for name, tensor in tensors(model).items()}
        told = {"class_names": class_names, "transform": transform, "provenance": provenance}
        write(kept, path, text(told))

    return save_model


_right = _made_of()


def _as_bytes(model, path, class_names, transform, provenance):
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in model.state_dict().items()}
    metadata = {"class_names": json.dumps(list(class_names)), "transform": json.dumps(transform, indent=1)}
    Path(path).write_bytes(save(tensors, {**metadata, "provenance": json.dumps(provenance, ensure_ascii=False)}))


def _by_safetensors(model, path, class_names, transform, provenance):
    plain = copy.deepcopy(model).to(memory_format=torch.contiguous_format)
    theirs(plain, path, _json({"class_names": class_names, "transform": transform, "provenance": provenance}))


def _with_more(model):
    return {**model.state_dict(), "mean": torch.zeros(3)}


def _beside(tensors, path, metadata):
    save_file(tensors, path, {key: text for key, text in metadata.items() if key != "transform"})
    Path(f"{path}.json").write_text(metadata["transform"], encoding="utf-8")


def _padded(tensors, path, metadata):
    save_file({**tensors, "padding": torch.zeros(2_000_000)}, path, metadata)


RIGHT = {"plain copies": _right, "bytes, written by hand": _as_bytes, "safetensors' own save_model": _by_safetensors}
WRONG = {
    "parameters only": (_made_of(tensors=lambda model: dict(model.named_parameters())), "buffers_missing"),
    "no metadata": (_made_of(text=lambda told: None), "not_in_the_file"),
    "the state dict as it lies in memory": (_made_of(own=lambda tensor: tensor), "not_contiguous"),
    "a pickle": (
        _made_of(write=lambda tensors, path, metadata: torch.save({"state": tensors, **metadata}, path)),
        "not_safetensors",
    ),
    "str for JSON": (_made_of(text=lambda told: {key: str(value) for key, value in told.items()}), "not_json"),
    "JSON of JSON": (_made_of(text=lambda told: _json(_json(told))), "json_twice"),
    "names sorted": (given(_right, class_names=sorted), "other_order"),
    "names in capitals": (given(_right, class_names=lambda names: [name.upper() for name in names]), "other_class_names"),
    "the transform's numbers only": (given(_right, transform=lambda numbers: list(numbers.values())), "other_transform"),
    "no provenance but the seed": (given(_right, provenance=lambda told: {"seed": told["seed"]}), "other_provenance"),
    "half precision": (
        _made_of(own=lambda tensor: _plain(tensor).half() if tensor.is_floating_point() else _plain(tensor)), "other_dtype"
    ),
    "the model itself halved": (after(torch.nn.Module.half, _right), "other_dtype", "model_changed"),
    "rounded": (
        _made_of(own=lambda tensor: _plain(tensor).round(decimals=2) if tensor.is_floating_point() else _plain(tensor)),
        "other_values",
    ),
    "a prefix before each name": (
        _made_of(tensors=lambda model: {f"model.{name}": tensor for name, tensor in model.state_dict().items()}),
        "prefixed_names",
    ),
    "without the head": (_made_of(tensors=lambda model: dict([*model.state_dict().items()][:-2])), "tensors_missing"),
    "the mean as a tensor": (_made_of(tensors=_with_more), "more_tensors"),
    "the transform in a file beside": (_made_of(write=_beside), "more_files", "not_in_the_file"),
    "an ending of its own": (
        _made_of(write=lambda tensors, path, metadata: save_file(tensors, f"{path}.safetensors", metadata)), "no_file"
    ),
    "a padded file": (_made_of(write=_padded), "too_large"),
    "left in eval mode": (followed_by(_right, torch.nn.Module.eval), "mode_left"),
}  # fmt: skip
