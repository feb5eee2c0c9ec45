"""Does a model's confidence keep what it promises? Of the images of which it is sure to 0.8, about 0.8 should be right.

Source: Guo and others 2017, On Calibration of Modern Neural Networks, arXiv 1706.04599.
"""

from dataclasses import dataclass

import torch

from helpers.course.errors import CourseError
from helpers.inspection.predictions import Predictions

BINS = 10


@dataclass(frozen=True)
class ReliabilityBin:
    """The images whose confidence lies in one range.

    Attributes:
        confidence: their mean confidence, in [0, 1].
        accuracy: the share of them that is right, in [0, 1].
        count: how many they are, 1 or more.
    """

    confidence: float
    accuracy: float
    count: int


def reliability(predictions: Predictions, bins: int = BINS) -> list[ReliabilityBin]:
    """The images in ranges of confidence of equal width, the least sure first; a range without images is left out.

    A confidence at the border of two ranges counts in the lower one.

    Raises:
        CourseError: `bins` is not a whole number from 1 on.
    """
    if type(bins) is not int or bins < 1:
        raise CourseError(f"bins is {bins!r}: give a whole number of ranges, 1 or more.")
    confidence, right = predictions.confidence.double(), predictions.right.double()
    borders = torch.linspace(0, 1, bins + 1, dtype=torch.float64)[1:-1]
    place = torch.bucketize(confidence, borders)
    inside = [place == number for number in range(bins)]
    return [ReliabilityBin(confidence[i].mean().item(), right[i].mean().item(), int(i.sum())) for i in inside if i.any()]


def calibration_error(predictions: Predictions, bins: int = BINS) -> float:
    """How far confidence and accuracy are apart, in [0, 1]: over the ranges, weighted by their images (the paper's ECE)."""
    found = reliability(predictions, bins)
    return sum(one.count * abs(one.confidence - one.accuracy) for one in found) / len(predictions)
