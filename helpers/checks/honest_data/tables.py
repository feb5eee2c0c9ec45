"""Made-up labels, groups and logits: the problems of lesson 13. Equal fields are equal problems."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from helpers.checks.report import Finding, failed, passed


@dataclass(frozen=True)
class Labels:
    """Labels of classes of very unlike sizes, each with at least one image.

    Attributes:
        num_classes: how many classes.
        most: images of the largest class.
        seed: of the sizes, and of the order.
    """

    num_classes: int = 4
    most: int = 40
    seed: int = 0

    def labels(self) -> Tensor:
        """int64 (N,), in no order; no two classes are of one size."""
        draw = torch.Generator().manual_seed(self.seed)
        counts = torch.randperm(self.most - 1, generator=draw)[: self.num_classes] + 1
        counts[int(torch.randint(self.num_classes, (1,), generator=draw))] = self.most
        labels = torch.arange(self.num_classes).repeat_interleave(counts)
        return labels[torch.randperm(len(labels), generator=draw)]


@dataclass(frozen=True)
class Groups:
    """Group numbers as they come: with gaps, of groups of unlike sizes, in no order.

    Attributes:
        num_groups: how many groups, 12 or more: then equal splits of several seeds are no chance.
        val_fraction: the share of the groups that is to be validation.
        seed: of numbers, sizes and order.
    """

    num_groups: int = 16
    val_fraction: float = 0.25
    seed: int = 0

    def groups(self) -> Tensor:
        """int64 (N,)."""
        draw = torch.Generator().manual_seed(self.seed)
        numbers = torch.randperm(900, generator=draw)[: self.num_groups] + 100
        sizes = torch.randint(1, 8, (self.num_groups,), generator=draw)
        groups = numbers.repeat_interleave(sizes)
        return groups[torch.randperm(len(groups), generator=draw)]


@dataclass(frozen=True)
class Scored:
    """What a model says of images, and their labels, which its probabilities at the right temperature would give.

    Attributes:
        num_images: how many.
        num_classes: how many classes.
        temperature: what its logits have to be divided by, nearly: above 1 it is overconfident.
        seed: of logits and labels.
        count: how many suspects are asked for.
    """

    num_images: int = 60
    num_classes: int = 5
    temperature: float = 2.0
    seed: int = 0
    count: int = 6

    def scores(self) -> tuple[Tensor, Tensor]:
        """(logits float32 (N, C), labels int64 (N,)).

        Each row is shifted by a number of its own, which no probability depends on: the largest logit is not the surest answer.
        """
        draw = torch.Generator().manual_seed(self.seed)
        honest = 2 * torch.randn(self.num_images, self.num_classes, generator=draw)
        labels = torch.multinomial(honest.softmax(dim=1), 1, generator=draw).flatten()
        return self.temperature * honest + 6 * torch.randn(self.num_images, 1, generator=draw), labels


def refusal(aspect: str, answer: Callable, arguments: tuple, told: str, likely: str) -> Finding:
    """Whether the answer raises ValueError on what makes no sense, `told` in words; reason code ``"not_refused"``."""
    expected = "ValueError, with a sentence that says what is wrong"
    try:
        answer(*arguments)
    except NotImplementedError:
        raise
    except Exception as error:
        # scikit-learn's own kind of ValueError, known by its name where the answer runs at a distance.
        if isinstance(error, ValueError) or type(error).__name__ == "InvalidParameterError":
            return passed(aspect)
        return failed(aspect, "other_error", found=f"{told}: {type(error).__name__}", expected=expected)
    return failed(aspect, "not_refused", found=f"{told}: no error", expected=expected, likely=likely)


def is_indices(value: object) -> bool:
    """Whether this is a tensor int64 (M,)."""
    return isinstance(value, Tensor) and value.dtype == torch.int64 and value.ndim == 1


def said(value: object) -> str:
    """Type and shape of what came back, in words."""
    if isinstance(value, Tensor):
        return f"a tensor {str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
    return "nothing (None)" if value is None else f"a {type(value).__name__}"
