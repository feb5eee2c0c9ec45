"""Are images put into the range of their confidence, and is the error what the paper defines?"""

import pytest
import torch
from sklearn.calibration import calibration_curve

from helpers.course.errors import CourseError
from helpers.inspection.calibration import calibration_error, reliability
from helpers.inspection.predictions import Predictions


def predictions(*sure_and_right: tuple[float, bool]) -> Predictions:
    """Two classes; of each image the confidence, 0.5 or more, and whether it is right."""
    rows = [[sure, 1 - sure] for sure, _ in sure_and_right]
    return Predictions(torch.tensor([int(not right) for _, right in sure_and_right]), torch.tensor(rows))


def test_each_range_has_its_images_and_empty_ones_are_left_out():
    found = reliability(predictions((0.65, True), (0.61, False), (0.95, True), (0.92, True), (1.0, False)))
    assert [(round(one.confidence, 3), round(one.accuracy, 3), one.count) for one in found] == [(0.63, 0.5, 2), (0.957, 0.667, 3)]


def test_the_error_weighs_each_range_by_its_images():
    assert calibration_error(predictions((0.75, True), (0.75, False), (0.75, False), (0.95, True))) == pytest.approx(
        (3 * abs(0.75 - 1 / 3) + abs(0.95 - 1)) / 4, abs=1e-6
    )


def test_the_ranges_are_those_of_scikit_learn():
    generator = torch.Generator().manual_seed(0)
    found = Predictions(
        torch.randint(10, (400,), generator=generator), (3 * torch.randn(400, 10, generator=generator)).softmax(dim=1)
    )
    right, sure = calibration_curve(found.right.numpy(), found.confidence.double().numpy(), n_bins=10)
    ranges = reliability(found)
    assert [one.accuracy for one in ranges] == pytest.approx(right.tolist())
    assert [one.confidence for one in ranges] == pytest.approx(sure.tolist()) and sum(one.count for one in ranges) == 400


@pytest.mark.parametrize("bins", [0, 2.5, True])
def test_a_number_of_ranges_that_is_none_is_refused(bins):
    with pytest.raises(CourseError, match="whole number of ranges"):
        reliability(predictions((0.9, True)), bins)
