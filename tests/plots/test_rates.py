"""Does the curve of the range test show every step and the suggestion? Artists are looked at, never pixels."""

from dataclasses import replace

import pytest

from helpers.course.errors import CourseError
from helpers.plots.look import text_alternative
from helpers.plots.rates import plot_rate_curve, rate_words
from helpers.training.lr_finder import RateCurve
from tests.support.drawn import texts

CURVE = RateCurve((1e-3, 1e-2, 1e-1, 1.0), (2.0, 1.5, 0.8, 4.0), 1e-2, True)


def test_does_the_rate_curve_show_all_points_and_the_suggestion():
    ax = plot_rate_curve(CURVE)
    [line] = [line for line in ax.lines if len(line.get_xdata()) == 4]
    assert (list(line.get_xdata()), list(line.get_ydata())) == (list(CURVE.rates), list(CURVE.losses))
    assert any(list(line.get_xdata()) == [1e-2] and list(line.get_ydata()) == [1.5] for line in ax.lines)
    assert ax.get_xscale() == "log" and "rate" in ax.get_xlabel() and "loss" in ax.get_ylabel()
    assert "steepest fall: 1e-2" in texts(ax) and any("explodes" in text for text in texts(ax))
    assert "where it explodes" in text_alternative(ax) and "the suggested rate" in text_alternative(ax)
    assert not any("explodes" in text for text in texts(plot_rate_curve(replace(CURVE, exploded=False))))
    with pytest.raises(CourseError, match="no step"):
        plot_rate_curve(RateCurve((), (), 0.1, False))


def test_do_rates_read_well():
    assert [rate_words(rate) for rate in (1e-6, 7.31e-3, 0.5, 1.0)] == ["1e-6", "7.3e-3", "5e-1", "1e0"]
