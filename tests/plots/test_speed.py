"""Does the picture of growth show what was measured, and the limits as lines?"""

import pytest

from helpers.course.errors import CourseError
from helpers.plots.look import text_alternative
from helpers.plots.speed import plot_growth

MEASURED = [
    {"images": 500, "usual": 90.0, "cold": 9.0, "warm": 6.0, "limit_cold": 8.0, "limit_warm": 5.0},
    {"images": 5000, "usual": None, "cold": 90.0, "warm": 60.0, "limit_cold": 80.0, "limit_warm": 50.0},
]


def test_every_measured_point_is_drawn_and_none_that_was_not():
    ax = plot_growth(MEASURED)
    lines = {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in ax.lines}
    assert lines == {
        "usual loop": ([500], [90.0]),
        "frozen part computed once": ([500, 5000], [9.0, 90.0]),
        "read from disk": ([500, 5000], [6.0, 60.0]),
        "limit, computed once": ([500, 5000], [8.0, 80.0]),
        "limit, read from disk": ([500, 5000], [5.0, 50.0]),
    }
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log") and "images" in ax.get_xlabel() and "seconds" in ax.get_ylabel()
    assert "frozen part computed once 9 s with 500 images, 90 s with 5,000" in text_alternative(ax)


def test_nothing_is_refused():
    with pytest.raises(CourseError, match="bench strategy"):
        plot_growth([])
