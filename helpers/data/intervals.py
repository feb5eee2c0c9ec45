"""How far a share that was measured on a few images may lie from the share in general."""

from __future__ import annotations

import math

from helpers.course.errors import CourseError

# The normal distribution's 97.5 per cent point: 95 of 100 such intervals hold the true share.
Z_95 = 1.959964


def wilson(right: int, total: int, z: float = Z_95) -> tuple[float, float]:
    """(low, high): Wilson's interval for a proportion, both in [0, 1]; of no trial at all (0, 1).

    It keeps its promise for small samples and for shares near 0 and 1, where the usual "plus or minus" does not.
    Source: E. B. Wilson, Journal of the American Statistical Association 22, 1927; compared with others by
    L. D. Brown, T. T. Cai and A. DasGupta, Statistical Science 16, 2001, who recommend it.

    Args:
        right: how many of the trials came out right.
        total: how many trials there were; they must not depend on each other.
        z: how many standard deviations wide.

    Raises:
        CourseError: not counts with 0 <= right <= total.
    """
    if not (isinstance(right, int) and isinstance(total, int) and 0 <= right <= total):
        raise CourseError(f"{right!r} of {total!r}: give two whole numbers, the first one not above the second.")
    if total == 0:
        return 0.0, 1.0
    share = right / total
    centre = share + z**2 / (2 * total)
    half = z * math.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    scale = 1 + z**2 / total
    # The ends are exact where nothing or everything came out right; rounding would leave them a hair off.
    return 0.0 if right == 0 else (centre - half) / scale, 1.0 if right == total else (centre + half) / scale
