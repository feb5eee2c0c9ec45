"""A small vision transformer: lesson 12's network without BatchNorm."""

import torch
from torch import nn

from helpers.course.errors import CourseError
from helpers.models import eager
from helpers.models.weights import vision_transformer_state

NAME, HEAD = "vit_tiny_patch16_224", "head."


def vision_transformer(*, pretrained: bool, num_classes: int = 10, seed: int = 0) -> nn.Module:
    """timm's smallest in train mode, all trainable: float32 (N, 3, 224, 224) -> logits float32 (N, num_classes).

    The head is new and drawn by `seed`; all is, if not `pretrained`. The global random state stays.
    Licence of code and weights: Apache-2.0. Source: https://arxiv.org/abs/2106.10270.

    Raises:
        CourseError: the weights cannot be had, or belong to another model.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = eager.imported("timm").create_model(NAME, pretrained=False, num_classes=num_classes)
    if not pretrained:
        return model
    base = {name: tensor for name, tensor in vision_transformer_state().items() if not name.startswith(HEAD)}
    try:
        model.load_state_dict(base | {name: t for name, t in model.state_dict().items() if name.startswith(HEAD)})
    except RuntimeError:
        raise CourseError(
            f"The weights found for {NAME} have other names or shapes than the model: delete the file; it is fetched again."
        ) from None
    return model
