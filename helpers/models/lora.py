"""A trained layer that stays as it is, and beside it a small one that learns: LoRA (Hu et al. 2021, arXiv 2106.09685)."""

from torch import Tensor, nn


class LoRA(nn.Module):
    """A layer with an update of low rank beside it: ``layer(x) + scale * up(down(x))``.

    Args:
        layer: the trained layer, `nn.Linear` or an `nn.Conv2d` of kernel size 1.
        down: from the layer's inputs to `rank` numbers, of the layer's own kind, without bias.
        up: from these to the layer's outputs, without bias.
        scale: factor of the update; alpha / rank in the paper.
    """

    def __init__(self, layer: nn.Module, down: nn.Module, up: nn.Module, scale: float):
        super().__init__()
        self.layer, self.down, self.up, self.scale = layer, down, up, float(scale)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) + self.scale * self.up(self.down(x))
