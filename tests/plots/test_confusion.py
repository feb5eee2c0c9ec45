"""Does the table of mistakes show every count, in marks and in words? Artists are looked at, never pixels."""

import pytest
import torch
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from helpers.course.errors import CourseError
from helpers.plots.confusion import plot_confusion
from helpers.plots.look import text_alternative
from tests.support.drawn import CONFUSION, NAMES, texts


def squares(ax) -> dict[tuple[int, int], Rectangle]:
    """(row, column) -> its square."""
    found = [patch for patch in ax.patches if type(patch) is Rectangle]
    return {(round(p.get_y() + 0.45), round(p.get_x() + 0.45)): p for p in found}


def test_does_the_confusion_matrix_show_every_count_where_it_belongs():
    ax = plot_confusion(CONFUSION, NAMES)
    drawn = squares(ax)
    assert set(drawn) == {(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 2)}, "no square where nothing was counted"
    labels = {place: square.get_label() for place, square in drawn.items()}
    assert {place for place, label in labels.items() if label == "right"} == {(0, 0), (1, 1), (2, 2)}
    written = {(round(t.get_position()[1]), round(t.get_position()[0])): t.get_text() for t in ax.texts}
    assert [written[place] for place in ((0, 0), (0, 1), (1, 0), (1, 1), (1, 2))] == ["9", "1", "4", "15", "1"]
    assert "90%" in texts(ax) and "75%" in texts(ax) and len([t for t in texts(ax) if "%" in t]) == 2
    assert [t.get_text() for t in ax.get_yticklabels()] == list(NAMES) == [t.get_text() for t in ax.get_xticklabels()]
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("true class", "predicted class")
    assert ax.yaxis_inverted(), "the first class is on top"


def test_is_a_mistake_darker_the_more_of_its_row_it_takes():
    drawn = squares(plot_confusion(CONFUSION, NAMES))
    light = {place: sum(to_rgb(square.get_facecolor())) for place, square in drawn.items()}
    assert light[1, 0] < light[0, 1] < light[1, 2] < 3.0 and light[0, 0] < light[1, 1] and light[2, 2] == 3.0


def test_do_words_tell_the_worst_mistakes_first():
    words = text_alternative(plot_confusion(CONFUSION, NAMES))
    assert "24 of 30 images right" in words and "bee taken for ant (4); ant taken for bee (1); bee taken for cat (1)" in words
    assert text_alternative(plot_confusion(torch.eye(2).long(), ["a", "b"])).endswith("No mistake.")


def test_are_many_classes_shown_without_figures():
    size = 102
    ax = plot_confusion(torch.eye(size).long(), [f"flower {i}" for i in range(size)])
    assert not ax.texts and len(squares(ax)) == size and 30 <= len(ax.get_yticklabels()) <= 60
    assert ax.get_figure().get_size_inches()[0] <= 11


@pytest.mark.parametrize("confusion, names", [(CONFUSION, NAMES[:2]), (CONFUSION[:2], NAMES), (CONFUSION[0], NAMES)])
def test_is_what_is_no_confusion_matrix_refused(confusion, names):
    with pytest.raises(CourseError, match="one name a class"):
        plot_confusion(confusion, names)
