"""Does Wilson's interval hold what it promises?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.course.errors import CourseError
from helpers.data.intervals import Z_95, wilson


@pytest.mark.parametrize(("right", "total"), [(8, 10), (0, 10), (10, 10), (50, 100), (1, 1), (500, 539)])
def test_the_ends_are_the_shares_from_which_the_found_one_lies_z_deviations_away(right, total):
    """The definition, in place of the formula that solves it."""
    found = right / total
    for end in wilson(right, total):
        deviation = (end * (1 - end) / total) ** 0.5
        assert abs(found - end) == pytest.approx(Z_95 * deviation, abs=1e-9)


def test_no_trial_says_nothing():
    assert wilson(0, 0) == (0.0, 1.0)


@given(st.integers(1, 2000).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_the_share_lies_inside_and_both_sides_are_alike(pair):
    right, total = pair
    low, high = wilson(right, total)
    assert 0 <= low <= right / total <= high <= 1
    assert wilson(total - right, total) == pytest.approx((1 - high, 1 - low), abs=1e-9)


def test_more_trials_narrow_it():
    widths = [high - low for low, high in (wilson(8 * n, 10 * n) for n in (1, 10, 100))]
    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize(("right", "total"), [(3, 2), (-1, 5), (0.5, 1), (1, 2.0), (None, 3)])
def test_what_is_no_count_is_refused(right, total):
    with pytest.raises(CourseError, match="two whole numbers"):
        wilson(right, total)
