"""Detectors that look at the batch and at what the model gives for it."""

import math

import torch

from helpers.inspection.diagnosis.situation import Situation
from helpers.training.one_step import are_class_numbers

# A loss so many times that of guessing, on so many images, is no accident of the batch.
FAR_ABOVE, ENOUGH_IMAGES = 1.5, 8


def too_many_outputs(s: Situation) -> dict | None:
    """The head of the 1000 ImageNet classes is still there, or the new one has more outputs than there are classes."""
    outputs = s.num_outputs
    if not outputs or not are_class_numbers(s.all_labels):
        return None
    classes = s.num_classes or int(s.all_labels.max()) + 1
    # Labels that were not seen may exist: be sure before speaking, by the number of labels seen or by the size of the gap.
    sure = s.num_classes is not None or len(s.all_labels) >= 10 * outputs or outputs - classes > max(10, classes)
    if outputs <= classes or not sure:
        return None
    return {
        "what": f"The model has {outputs} outputs, the data {classes} classes.",
        "why": "The extra outputs can only be wrong: they take probability away from the real classes. "
        f"Guessing costs {math.log(outputs):.2f} instead of {math.log(classes):.2f}.",
        "remedy": f"Replace the head by a linear layer with {classes} outputs, before building the optimizer.",
        "where": s.head_names,
    }


def labels_out_of_range(s: Situation) -> dict | None:
    """A label that has no output."""
    outputs = s.num_outputs
    if not outputs or not are_class_numbers(s.all_labels):
        return None
    low, high = int(s.all_labels.min()), int(s.all_labels.max())
    if low >= 0 and high < outputs:
        return None
    return {
        "what": f"Labels run from {low} to {high}, but the model has {outputs} outputs, for the labels 0 to {outputs - 1}.",
        "why": "The loss looks up the output of each label: on the CPU that raises, on a GPU it ends the session.",
        "remedy": "Give the head one output for each class, and number the classes from 0.",
        "where": s.head_names,
    }


def not_normalised(s: Situation) -> dict | None:
    """Images in [0, 255] or [0, 1]. Features that were computed before are not images and are left alone."""
    images = s.images
    if images.ndim != 4 or images.shape[1] not in (1, 3) or not images.numel():
        return None
    low, high = float(images.min()), float(images.max())
    raw = not images.is_floating_point() or (low >= 0 and high > 20)
    if not raw and not (low >= 0 and 0 < high <= 1):
        return None
    return {
        "what": f"The images hold values from {low:.3g} to {high:.3g} ({images.dtype}): they were not normalised.",
        "why": "Pre-trained weights expect the mean and spread of their training; different values give different features.",
        "remedy": "Use the weights' own transform: weights.transforms() in torchvision, backbone.transform() in this course.",
    }


def loss_not_finite(s: Situation) -> dict | None:
    """The loss or an output is infinite or not a number."""
    loss, outputs = s.probe.loss, s.probe.outputs
    bad_input = s.images.is_floating_point() and not bool(torch.isfinite(s.images).all())
    bad_output = outputs is not None and not bool(torch.isfinite(outputs).all())
    if (loss is None or math.isfinite(loss)) and not bad_input and not bad_output:
        return None
    origin = "the images hold it already" if bad_input else "the model makes it" if bad_output else "the loss makes it"
    mend = "Check the images and the transform." if bad_input else "Go back to the last good weights and train with a lower rate."
    return {
        "what": f"The loss is {'not finite' if loss is None else loss}: {origin}.",
        "why": "One step with it makes every weight that is updated not-a-number, and none comes back.",
        "remedy": mend,
    }


def worse_than_guessing(s: Situation) -> dict | None:
    """A loss far above that of a head that knows nothing: the head is drawn too large, or answers for different classes."""
    loss, outputs = s.probe.loss, s.probe.outputs
    if loss is None or outputs is None or outputs.ndim != 2 or outputs.shape[1] < 2 or len(outputs) < ENOUGH_IMAGES:
        return None
    chance = math.log(outputs.shape[1])
    if not math.isfinite(loss) or loss < FAR_ABOVE * chance:
        return None
    spread = float(outputs.float().std(dim=1).mean())
    return {
        "what": f"The loss is {loss:.2f}; guessing among {outputs.shape[1]} classes costs {chance:.2f}. The logits of an image "
        f"differ by {spread:.1f} (standard deviation).",
        "why": "Being confidently wrong costs more than being unsure. A head as nn.Linear draws it starts near the loss of "
        "guessing; some libraries draw theirs larger, and a head of different classes is sure of what is not there.",
        "remedy": "A new head: put nn.Linear in its place; trained on, it lags for many epochs. An old one: replace it.",
        "where": s.head_names,
    }


def softmax_before_loss(s: Situation) -> dict | None:
    """The model gives probabilities where the loss expects logits."""
    outputs = s.probe.outputs
    if outputs is None or outputs.ndim != 2 or outputs.shape[1] < 2 or not outputs.is_floating_point():
        return None
    # Rows of numbers in [0, 1] that add up to 1 do not come about by chance.
    if bool((outputs < 0).any()) or not torch.allclose(outputs.sum(dim=1), torch.ones_like(outputs[:, 0]), atol=1e-4):
        return None
    # The best that softmax of a one-hot row can reach: -log(e / (e + C - 1)).
    floor = math.log(math.e + outputs.shape[1] - 1) - 1
    return {
        "what": f"The model's {outputs.shape[1]} outputs are probabilities: none is negative, and each row adds up to 1.",
        "why": f"CrossEntropyLoss takes logits and does the softmax itself. Done twice, the loss cannot fall under {floor:.4f}.",
        "remedy": "Take the softmax out of the model; apply it only when you want to read probabilities.",
    }
