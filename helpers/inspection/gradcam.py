"""Where in an image the evidence for a class lies: Grad-CAM."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, one_hot

from helpers.course.errors import CourseError
from helpers.models.backbones import Backbone
from helpers.training.loop import device_of, in_eval_mode


def grad_cam(backbone: Backbone, model: nn.Module, images: Tensor, classes: Tensor | None = None) -> Tensor:
    """A map for each image: how much each spot speaks for the class. float32 (N, H, W), in [0, 1], on the CPU.

    The last feature map before the pooling still knows where things are. Each of its channels is weighed by how much the
    class's score would rise with it (the gradient's mean over the spots); their sum, where it is positive, is the map.
    It has as many spots as that feature map, 3 x 3 for an image of 96 pixels and 7 x 7 for one of 224, and is enlarged smoothly:
    it points to a region, not to a line.

    Source: Selvaraju et al. 2017, Grad-CAM, arXiv 1610.02391, through captum's LayerGradCam. The score is the class's `log_odds`.

    Args:
        backbone: the description of `model`.
        model: the whole model; it may be frozen. Modes, flags and gradients are left as found.
        images: float32 (N, 3, H, W), normalised as the weights expect.
        classes: int64 (N,), the class to look for in each image; default: what the model says.

    Returns:
        Each map is divided by its own highest value, so two maps can be compared in where, not in how much. A map that is 0
        everywhere says that no spot speaks for the class.

    Raises:
        CourseError: not a batch of images, or not one class for each; or called under ``torch.inference_mode()``.
    """
    if torch.is_inference_mode_enabled():
        raise CourseError(
            "grad_cam needs gradients: call it outside torch.inference_mode(). torch.no_grad() does not disturb it."
        )
    if images.ndim != 4 or (classes is not None and classes.shape != images.shape[:1]):
        raise CourseError("grad_cam takes a batch of images, (N, 3, H, W), and one class for each: write images[None] for one.")
    from captum.attr import LayerGradCam

    images = images.to(device_of(model))
    if images.is_inference():  # made under inference_mode: no gradient can go through them, through a copy it can
        images = images.clone()
    # The neck's pooling has no weights, so the last module with weights gives the last feature map.
    layer = model.get_submodule(backbone.block_names(model)[-1][-1])
    with in_eval_mode(model):
        if classes is None:
            with torch.no_grad():
                classes = model(images).argmax(dim=1)
        classes = classes.to(images.device)
        maps = LayerGradCam(lambda batch: log_odds(model(batch), classes), layer).attribute(images, relu_attributions=True)
    maps = interpolate(maps.detach().float(), size=images.shape[-2:], mode="bilinear", align_corners=False)[:, 0].cpu()
    highest = maps.amax(dim=(1, 2), keepdim=True)
    return maps / torch.where(highest > 0, highest, 1.0)


def log_odds(logits: Tensor, classes: Tensor) -> Tensor:
    """log(p / (1 - p)) of each image's class: float (N,), positive where it is more likely than all others together.

    The class's logit on its own will not do. Softmax sees only differences, and so does the loss: in the course's own
    fine-tuning all ten logits sank together, to -10 on average, and 38 of 200 maps made with the bare logit were empty.

    Args:
        logits: float (N, C), two classes or more.
        classes: int64 (N,).
    """
    chosen = one_hot(classes, logits.shape[1]).bool()
    return logits[chosen] - logits.masked_fill(chosen, -math.inf).logsumexp(dim=1)
