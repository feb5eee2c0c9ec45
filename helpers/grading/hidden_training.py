"""Hidden problems of the training results: measured on the test images, which no lesson chooses by."""

from __future__ import annotations

from helpers.checks.results import HeldOut
from helpers.grading.hidden import special


@special("head_history")
@special("fine_tune_history")
def test_images(seed: int, count: int) -> list[HeldOut]:
    """The test split. It is one and the same for every seed: the trained weights are what differs."""
    return [HeldOut("test")]
