"""`load_model`: a file's weights into a freshly built model, and what belongs to them."""

import copy
import json
import re
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, load_file

from tests.answers import changed, given

WRAPPERS = ("module.", "_orig_mod.")


def _told(path):
    with safe_open(path, "pt") as file:
        return {key: json.loads(text) for key, text in file.metadata().items()}


def _freed(tensors):
    while prefix := next((p for p in WRAPPERS if all(name.startswith(p) for name in tensors)), ""):
        tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    return tensors


def _made_of(read=load_file, free=_freed, put=torch.nn.Module.load_state_dict, told=_told):
    """A load_model put together from parts, so that each wrong answer differs from a right one in a single place."""

    def load_model(model, path):
        put(model, free(read(path)))
        model.eval()
        return told(path)

    return load_model


_right = _made_of()


def _from_bytes(model, path):
    content = Path(path).read_bytes()
    tensors = load(content)
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
    for _ in range(3):
        for wrapper in WRAPPERS:
            if set(wrapper) and not [name for name in tensors if not name.startswith(wrapper)]:
                tensors = {name[len(wrapper) :]: tensor for name, tensor in tensors.items()}
    model.load_state_dict(tensors, assign=True)
    for module in model.modules():
        module.training = False
    return {key: json.loads(header[key]) for key in ("class_names", "transform", "provenance")}


def _into_own_names(model, path):
    """The longest beginning that all names share and the model's lack."""
    with safe_open(path, framework="pt", device="cpu") as file:
        tensors, metadata = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118
    own = set(model.state_dict())
    cut = next(
        (n for n in range(0, 40) if {name[n:] for name in tensors} == own and len({name[:n] for name in tensors}) == 1), None
    )
    if cut is None:
        raise ValueError("this file is not of this model")
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            tensor.copy_(next(found for full, found in tensors.items() if full[cut:] == name))
    model.train(False)
    return {"provenance": json.loads(metadata["provenance"]), **{key: json.loads(metadata[key]) for key in metadata}}


def _anywhere(tensors):
    return {re.sub(r"module\.|_orig_mod\.", "", name): tensor for name, tensor in tensors.items()}


def _parameters_alone(model, tensors):
    model.load_state_dict(tensors | {name: buffer.clone() for name, buffer in model.named_buffers()})


def _first_layer_anew(model, tensors):
    model.load_state_dict(tensors)
    next(module for module in model.modules() if isinstance(module, torch.nn.Conv2d)).reset_parameters()


def _or_a_pickle(path):
    try:
        return load_file(path)
    except SafetensorError:
        return torch.load(path, weights_only=False)


def _swallowing(model, path):
    try:
        return _right(model, path)
    except Exception:
        return {}


def _stays_in_train_mode(model, path):
    found = _right(model, path)
    model.train()
    return found


RIGHT = {"load_file and a loop": _right, "bytes, and tensors assigned": _from_bytes, "by the model's own names": _into_own_names}
WRONG = {
    "prefixes ignored": (_made_of(free=lambda tensors: tensors), "prefix_kept"),
    "train mode": (_stays_in_train_mode, "train_mode"),
    "prefixes taken out anywhere": (_made_of(free=_anywhere), "part_named_module"),
    "not strict": (_made_of(put=lambda model, tensors: model.load_state_dict(tensors, strict=False)), "half_loaded"),
    "prefixes ignored, not strict": (
        _made_of(free=lambda tensors: tensors, put=lambda model, tensors: model.load_state_dict(tensors, strict=False)),
        "prefix_kept", "half_loaded",
    ),
    "one prefix, the first one, once": (
        _made_of(free=lambda tensors: {name.removeprefix("module."): tensor for name, tensor in tensors.items()}),
        "prefix_kept",
    ),
    "parameters alone": (_made_of(put=_parameters_alone), "buffers_not_loaded"),
    "into a copy": (given(_right, model=copy.deepcopy), "nothing_loaded", "train_mode"),
    "the first layer anew": (_made_of(put=_first_layer_anew), "other_weights"),
    "a pickle where it is none": (_made_of(read=_or_a_pickle), "pickle_opened"),
    "errors swallowed": (_swallowing, "half_loaded", "pickle_passed"),
    "text left as it is": (_made_of(told=lambda path: dict(safe_open(path, "pt").metadata())), "still_text"),
    "names sorted": (changed(_right, lambda told: {**told, "class_names": sorted(told["class_names"])}), "other_order"),
    "provenance forgotten": (changed(_right, lambda told: {k: told[k] for k in ("class_names", "transform")}), "other_keys"),
    "the transform with a size of its own": (
        changed(_right, lambda told: {**told, "transform": {**told["transform"], "crop": 224}}), "other_content"
    ),
    "nothing returned": (changed(_right, lambda told: None), "not_a_dict"),
}  # fmt: skip
