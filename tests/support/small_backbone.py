"""A backbone in small for tests of what walks through a whole one: five modules deep, in milliseconds, on real images."""

from collections import OrderedDict

import torch
from torch import Tensor, nn

from helpers.checks.small_models import SmallBlock
from helpers.models.backbones import NUM_IMAGENET_CLASSES, Backbone
from helpers.models.preprocessing import Preprocessing

WIDTH, NUM_BLOCKS = 8, 4


class SmallNet(nn.Sequential):
    """float32 (N, 3, H, W) -> logits float32 (N, 1000): stem, residual blocks, a neck with weights, pooling, head."""

    def __init__(self):
        blocks = nn.Sequential(*(SmallBlock(WIDTH, norm=True) for _ in range(NUM_BLOCKS)))
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


def _weights() -> dict[str, Tensor]:
    """Weights by one seed, and BatchNorm statistics that have seen something."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        model = SmallNet()
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
    neck=("neck", "pool", "flatten"),
    _architecture=SmallNet,
    _weights=_weights,
    _preprocessing=lambda: Preprocessing(resize=36, crop=32, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
)
PLACES = ["stem", "blocks.0", "blocks.1", "blocks.2", "blocks.3", "fc"]
