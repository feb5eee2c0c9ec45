"""Problems of lesson 12: a small model, the layers of it that get an update of low rank, and how large that is."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from helpers.checks.small_models import Case, batch_of, start
from helpers.models.lora import LoRA


@dataclass(frozen=True)
class ToAdapt:
    """One problem.

    Attributes:
        case: the model.
        rank, alpha: of the update.
        every: every so many of the layers that can be adapted, from the first; 0 for none.
        double: the model is in float64.
    """

    case: Case
    rank: int = 3
    alpha: float = 6.0
    every: int = 1
    double: bool = False

    @property
    def head_name(self) -> str:
        """What the model calls its last layer."""
        return self.case.head_name

    def model(self, state: str = "all trainable") -> nn.Module:
        """The model as it comes, in eval mode and in one of the states of `helpers.checks.small_models`."""
        return start(self.case, state).eval().to(torch.float64 if self.double else torch.float32)

    def images(self) -> Tensor:
        """One batch, in the model's precision."""
        return batch_of(self.case).to(torch.float64 if self.double else torch.float32)

    def layer_names(self, model: nn.Module) -> list[str]:
        """The layers that are to be adapted: of the linear ones and the convolutions of kernel size 1 in the base."""
        found = [name for name, module in model.named_modules() if name != self.head_name and mixes_channels(module)]
        return found[:: self.every] if self.every else []

    def adapted(self) -> nn.Module:
        """The model with updates that have learned: only they and the head are trainable."""
        model = self.model()
        names, head = self.layer_names(model), model.get_submodule(self.head_name)
        model.requires_grad_(False)
        head.requires_grad_(True)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.case.seed)
            for name in names:
                layer = model.get_submodule(name)
                model.set_submodule(name, around(layer, self.rank, self.alpha).to(layer.weight).eval())
        return model


def mixes_channels(module: nn.Module) -> bool:
    """Whether the layer is a matrix that mixes channels, at each position alike."""
    return type(module) is nn.Linear or (isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1) and module.groups == 1)


def around(layer: nn.Module, rank: int, alpha: float) -> LoRA:
    """The layer with an update beside it, both of whose matrices are drawn at random."""
    outputs, inputs = layer.weight.shape[:2]
    if isinstance(layer, nn.Linear):
        return LoRA(layer, nn.Linear(inputs, rank, bias=False), nn.Linear(rank, outputs, bias=False), alpha / rank)
    down, up = nn.Conv2d(inputs, rank, 1, layer.stride, bias=False), nn.Conv2d(rank, outputs, 1, bias=False)
    return LoRA(layer, down, up, alpha / rank)


# Convolutions of kernel size 1 of which one takes every second position, and linear layers: all, every second one, in float64.
VISIBLE = (
    ToAdapt(Case(kind="pointwise", head_name="classifier", num_classes=6, num_blocks=2)),
    ToAdapt(Case(kind="pointwise", head_name="fc", num_classes=5, width=6, num_blocks=2, seed=1), 2, 2.0, every=2),
    ToAdapt(Case(kind="pointwise", head_name="top", num_classes=3, width=10, num_blocks=2, seed=2), 4, 2.0, 3, double=True),
)
