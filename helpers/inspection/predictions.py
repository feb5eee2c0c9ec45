"""What a model says about many images: classes, how sure it is of them, and where two models differ."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from helpers.course.errors import CourseError
from helpers.training.loop import NO_BATCH, device_of, in_eval_mode


@dataclass(frozen=True, eq=False)
class Predictions:
    """Answers to N images, in the order of the loader.

    Attributes:
        labels: int64 (N,), the right classes.
        probabilities: float32 (N, C), in [0, 1]; each row adds up to 1.
    """

    labels: Tensor
    probabilities: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def classes(self) -> Tensor:
        """The most probable class of each image: int64 (N,)."""
        return self.probabilities.argmax(dim=1)

    @property
    def confidence(self) -> Tensor:
        """That class's probability: float32 (N,), in [1 / C, 1]."""
        return self.probabilities.max(dim=1).values

    @property
    def right(self) -> Tensor:
        """Whether that class is the right one: bool (N,)."""
        return self.classes == self.labels

    @property
    def accuracy(self) -> float:
        """The share of images that are right, in [0, 1]."""
        return int(self.right.sum()) / len(self)


def predict(model: nn.Module, loader: Iterable) -> Predictions:
    """What the model says about every image of the loader; on the CPU.

    Args:
        model: asked in eval mode without gradients; left exactly as found, mode by mode.
        loader: batches of inputs float32 (N, ...) and labels int64 (N,); not shuffled, if two models shall be compared by image.

    Raises:
        CourseError: the loader is empty, or already used up.
    """
    labels, probabilities, device = [], [], device_of(model)
    with in_eval_mode(model), torch.no_grad():
        for inputs, batch_labels in loader:
            probabilities.append(model(inputs.to(device)).float().softmax(dim=1).cpu())
            labels.append(batch_labels.cpu())
    if not labels:
        raise CourseError(NO_BATCH)
    return Predictions(torch.cat(labels), torch.cat(probabilities))


def changed(before: Predictions, after: Predictions) -> Tensor:
    """Indices of the images whose class changed, int64 (M,): first those that became right, then those that became wrong.

    Last come images that were wrong and are wrong in another way; within each kind the order is the images' own.

    Raises:
        CourseError: the two are not about the same images in the same order.
    """
    if not torch.equal(before.labels, after.labels):
        raise CourseError("These are predictions of different images, or in another order: use one loader, without shuffling.")
    other = before.classes != after.classes
    kinds = (other & after.right, other & before.right, other & ~before.right & ~after.right)
    return torch.cat([kind.nonzero().flatten() for kind in kinds])


def confident_mistakes(predictions: Predictions, count: int) -> Tensor:
    """Indices of up to `count` images that are wrong, int64 (M,): those that the model is most sure of first."""
    wrong = (~predictions.right).nonzero().flatten()
    order = predictions.confidence[wrong].argsort(descending=True, stable=True)
    return wrong[order][: max(count, 0)]


def confusion(predictions: Predictions) -> Tensor:
    """How many images of each class (row) got which class (column): int64 (C, C), the right ones on the diagonal."""
    num_classes = predictions.probabilities.shape[1]
    pairs = predictions.labels * num_classes + predictions.classes
    return pairs.bincount(minlength=num_classes**2).view(num_classes, num_classes)
