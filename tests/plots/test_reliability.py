"""Does the reliability diagram show each model's ranges where they lie?"""

import pytest
import torch

from helpers.course.errors import CourseError
from helpers.inspection.predictions import Predictions
from helpers.plots.look import text_alternative
from helpers.plots.reliability import plot_reliability
from tests.support.drawn import boxes

SURE = Predictions(torch.tensor([0, 0, 1, 1]), torch.tensor([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.4, 0.6]]))


def test_a_model_has_a_marker_for_each_range_and_the_diagonal_is_there():
    ax = plot_reliability({"mine": SURE})
    diagonal, line = ax.get_lines()
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata()) == [0, 1]
    assert list(line.get_xdata()) == pytest.approx([0.6, 0.9]) and list(line.get_ydata()) == pytest.approx([1.0, 2 / 3])
    small, large = ax.collections[0].get_sizes()
    assert large > small, "three images against one"


def test_models_are_told_apart_by_more_than_colour_and_the_words_say_it_all():
    ax = plot_reliability({"before": SURE, "after": SURE})
    styles = {(line.get_color(), line.get_linestyle(), line.get_marker()) for line in ax.get_lines()[1:]}
    assert len(styles) == 2 and len({dash for _, dash, _ in styles}) == 2
    words = text_alternative(ax)
    assert "before (error 0.275): confidence 0.60: right in 1.00 of 1, confidence 0.90: right in 0.67 of 3." in words
    assert boxes(ax, ax.texts)


def test_the_line_passes_over_ranges_with_hardly_any_image_and_their_markers_are_there():
    labels, sure = torch.zeros(301, dtype=torch.int64), torch.full((301,), 0.9)
    sure[0], sure[1:101] = 0.55, 0.7
    ax = plot_reliability({"mine": Predictions(labels, torch.stack([sure, 1 - sure], dim=1))})
    assert list(ax.get_lines()[1].get_xdata()) == pytest.approx([0.7, 0.9])
    assert ax.collections[0].get_offsets()[:, 0].tolist() == pytest.approx([0.55, 0.7, 0.9])


@pytest.mark.parametrize("count", [0, 5])
def test_no_model_or_too_many_give_one_sentence(count):
    with pytest.raises(CourseError, match="1 to 4 models"):
        plot_reliability({str(number): SURE for number in range(count)})
