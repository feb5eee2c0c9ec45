"""A saved model as the checks make and read it: one safetensors file, read by safetensors' own reader, which runs nothing."""

from __future__ import annotations

import json
import random
import string
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from helpers.checks.small_models import Case, mixed_modes

HOME = "model.safetensors"  # the name of the file
KEYS = ("class_names", "transform", "provenance")  # of the metadata, each as JSON
NAMES = ("zebra", "apple", "Über", "cat", "mug", "bee", "yak", "oak", "dog", "ant", "pear", "fox")


@dataclass(frozen=True)
class Content:
    """What a file holds: tensors by name, and metadata, text by name."""

    tensors: dict[str, Tensor]
    metadata: dict[str, str]


def read(content: bytes) -> Content | None:
    """What a file of these bytes holds; None if it is no safetensors file."""
    from safetensors import SafetensorError, safe_open

    with tempfile.TemporaryDirectory(prefix="finetune-") as folder:
        path = Path(folder, "model.safetensors")
        path.write_bytes(content)
        try:
            with safe_open(path, "pt") as file:
                names = list(file.keys())
                return Content({name: file.get_tensor(name).clone() for name in names}, dict(file.metadata() or {}))
        except (SafetensorError, OSError, ValueError, TypeError, KeyError, AttributeError):
            return None


def written(tensors: Mapping[str, Tensor], told: Mapping[str, Any]) -> bytes:
    """A file with these tensors, and what is `told` as JSON."""
    from safetensors.torch import save

    own = {name: plain(tensor) for name, tensor in tensors.items()}
    return save(own, {key: json.dumps(value) for key, value in told.items()})


def plain(tensor: Tensor) -> Tensor:
    """A copy that shares no memory with others, in the plain order."""
    return tensor.detach().clone(memory_format=torch.contiguous_format)


def told(case: Case) -> dict[str, Any]:
    """Names, transform and provenance of a made-up model: each as plain values, the names in no order of the alphabet's."""
    draw = random.Random(case.seed)
    names = draw.sample(NAMES, min(case.num_classes, len(NAMES)))
    if names == sorted(names):
        names = names[::-1]
    transform = {
        "resize": case.image_size + draw.randint(2, 6), "crop": case.image_size,
        "mean": [round(draw.random(), 3) for _ in range(3)], "std": [round(draw.uniform(0.2, 0.4), 3) for _ in range(3)],
        "interpolation": draw.choice(["bilinear", "bicubic"]), "small": "bilinear",
    }  # fmt: skip
    run = "".join(draw.choices(string.ascii_lowercase, k=6))
    provenance = {"data": f"photographs of {run}", "licence": "CC BY 4.0", "seed": draw.randint(0, 99), "accuracy": 0.875}
    return {"class_names": names, "transform": transform, "provenance": provenance}


def lived_in(case: Case) -> nn.Module:
    """The case's model in mixed modes, its convolutions' weights in the order in which convolutions are fast."""
    return mixed_modes(case).to(memory_format=torch.channels_last)
