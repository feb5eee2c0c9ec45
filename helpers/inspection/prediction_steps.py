"""One image on its way through a model, with the feature maps that pooling sums up."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from helpers.models.backbones import Backbone
from helpers.training.loop import device_of, in_eval_mode


@dataclass(frozen=True, eq=False)
class PredictionSteps:
    """What an image is at each step; all float32 and on the CPU.

    Attributes:
        early: the feature maps behind the stem, (C, H, W).
        late: the last feature maps, before they are pooled, (num_features, H, W).
        features: what reaches the head, (num_features,).
        logits, probabilities: (num_classes,).
    """

    early: Tensor
    late: Tensor
    features: Tensor
    logits: Tensor
    probabilities: Tensor

    @property
    def prediction(self) -> int:
        """The most probable class."""
        return int(self.probabilities.argmax())


def prediction_steps(backbone: Backbone, model: nn.Module, image: Tensor) -> PredictionSteps:
    """Pass one image through the model, and keep what it is on the way. Modes, flags and gradients are left as found.

    Args:
        backbone: the description of `model`.
        model: the whole model; asked in eval mode.
        image: float32 (3, H, W), normalised as the weights expect.
    """
    seen: dict[str, Tensor] = {}
    places = {"early": backbone.stem[-1], "late": backbone.block_names(model)[-1][-1]}
    hooks = [
        model.get_submodule(place).register_forward_hook(lambda module, args, output, key=key: seen.update({key: output}))
        for key, place in places.items()
    ]
    hooks.append(backbone.head(model).register_forward_pre_hook(lambda module, args: seen.update(features=args[0])))
    try:
        with in_eval_mode(model), torch.no_grad():
            logits = model(image[None].to(device_of(model)))
    finally:
        for hook in hooks:
            hook.remove()
    early, late, features = (seen[key][0].float().cpu() for key in ("early", "late", "features"))
    return PredictionSteps(early, late, features, logits[0].float().cpu(), logits[0].float().softmax(dim=0).cpu())
