"""The models that are to be exported: with a Dropout, which an export in train mode would leave active."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from helpers.checks.small_models import Case
from helpers.checks.take_it_home.saved_file import lived_in


@dataclass(frozen=True)
class ToExport:
    """A model to be exported.

    Attributes:
        case: the model, whose head gets a Dropout before it.
        restless: it drops out in eval mode as well, so that no two answers of it agree.
    """

    case: Case
    restless: bool = False

    @property
    def head_name(self) -> str:
        """What the model calls its last layer."""
        return self.case.head_name

    def model(self) -> nn.Module:
        """A fresh model in mixed modes."""
        model = lived_in(self.case)
        dropout = Restless() if self.restless else nn.Dropout(0.5)
        setattr(model, self.head_name, nn.Sequential(dropout, self.case.head(model)))
        return model

    def probabilities(self, images: Tensor) -> Tensor:
        """What a fresh model says in eval mode: float32 (N, num_classes)."""
        with torch.no_grad():
            return self.model().eval()(images).softmax(dim=1)


class Restless(nn.Module):
    """``functional.dropout`` without ``training=self.training``: a common slip, by which eval() changes nothing."""

    def forward(self, features: Tensor) -> Tensor:
        """The features with half of them dropped, in either mode."""
        return nn.functional.dropout(features, 0.5)
