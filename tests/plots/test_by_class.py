"""Does the picture by class show each model's share where it lies, the largest class on top?"""

import pytest
import torch

from helpers.course.errors import CourseError
from helpers.plots.by_class import plot_by_class
from helpers.plots.look import text_alternative
from tests.support.drawn import boxes

NAMES, COUNTS = ("cat", "dog", "yak"), torch.tensor([5, 50, 20])


def test_classes_stand_in_the_order_of_their_sizes_with_a_marker_for_each_model():
    ax = plot_by_class({"plain": [0.2, 0.9, 0.5], "weighted": [0.6, 0.8, 0.5]}, NAMES, COUNTS)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["dog  (50)", "yak  (20)", "cat  (5)"]
    plain, weighted = (collection.get_offsets().tolist() for collection in ax.collections)
    assert plain == [[0.9, 0], [0.5, 1], [0.2, 2]] and weighted == [[0.8, 0], [0.5, 1], [0.6, 2]]
    low, high = ax.get_ylim()
    assert low > high, "the first row is on top"
    assert len(boxes(ax, ax.get_yticklabels())) == 3


def test_models_are_told_apart_by_more_than_colour_and_the_words_say_it_all():
    ax = plot_by_class({"plain": [0.2, 0.9, 0.5], "weighted": [0.6, 0.8, 0.5]}, NAMES, COUNTS)
    markers = {collection.get_paths()[0].vertices.tobytes() for collection in ax.collections}
    assert len(markers) == 2
    assert "dog (50 training images): plain 0.90, weighted 0.80; yak" in text_alternative(ax)


@pytest.mark.parametrize(("shares", "said"), [({}, "1 to 4 models"), ({"one": [0.5]}, "There are 3 classes")])
def test_no_model_or_too_few_shares_give_one_sentence(shares, said):
    with pytest.raises(CourseError, match=said):
        plot_by_class(shares, NAMES, COUNTS)
