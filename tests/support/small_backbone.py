"""A backbone in small for tests of what walks through a whole one: five modules deep, in milliseconds, on real images."""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from helpers.checks.architectures import SmallBlock
from helpers.course.settings import Settings, load
from helpers.models.backbones import BACKBONES, NUM_IMAGENET_CLASSES, Backbone
from helpers.models.preprocessing import Preprocessing

WIDTH, NUM_BLOCKS = 8, 4


class SmallNet(nn.Sequential):
    """float32 (N, 3, H, W) -> logits float32 (N, 1000): stem, residual blocks, a neck with weights, pooling, head."""

    def __init__(self, num_blocks: int = NUM_BLOCKS):
        blocks = nn.Sequential(*(SmallBlock(WIDTH, norm=True) for _ in range(num_blocks)))
        neck = nn.Sequential(nn.Conv2d(WIDTH, WIDTH, 1), nn.BatchNorm2d(WIDTH), nn.ReLU())
        super().__init__(
            OrderedDict(
                stem=nn.Conv2d(3, WIDTH, 3, stride=2, padding=1),
                stem_norm=nn.BatchNorm2d(WIDTH),
                blocks=blocks,
                neck=neck,
                pool=nn.AdaptiveAvgPool2d(1),
                fc=nn.Linear(WIDTH, NUM_IMAGENET_CLASSES),
            )
        )

    def forward(self, images: Tensor) -> Tensor:
        x = self.neck(self.blocks(self.stem_norm(self.stem(images))))
        return self.fc(self.pool(x).flatten(1))


def _weights(num_blocks: int = NUM_BLOCKS) -> dict[str, Tensor]:
    """Weights by one seed, and BatchNorm statistics that have seen something."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        model = SmallNet(num_blocks)
        with torch.no_grad():
            model(torch.randn(16, 3, 32, 32))
    return model.state_dict()


SMALL = Backbone(
    name="small",
    title="the small backbone",
    head_name="fc",
    num_features=WIDTH,
    licence="none",
    source="tests/small_backbone.py",
    stem=("stem", "stem_norm"),
    stages=("blocks",),
    stage_sizes=(NUM_BLOCKS,),
    neck=("neck", "pool", "flatten"),
    _architecture=SmallNet,
    _weights=_weights,
    _preprocessing=lambda: Preprocessing(resize=36, crop=32, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
)
PLACES = ["stem", "blocks.0", "blocks.1", "blocks.2", "blocks.3", "fc"]


def deeper(name: str, num_blocks: int) -> Backbone:
    """The small backbone with another number of blocks."""
    made = {"name": name, "stage_sizes": (num_blocks,)}
    return replace(SMALL, **made, _architecture=partial(SmallNet, num_blocks), _weights=partial(_weights, num_blocks))


@contextmanager
def small_course(backbone: Backbone = SMALL, **sizes: int | Path) -> Iterator[Settings]:
    """The course's settings for a small backbone on the digits; while this lasts, the backbone is known by its name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(BACKBONES, backbone.name, backbone)
        yield replace(load(), backbone=backbone.name, dataset="digits", image_size=32, **sizes)


def same(one: nn.Module, other: nn.Module) -> bool:
    """Have the two the same tensors, to the last bit?"""
    first, second = one.state_dict(), other.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)
