"""Pictures are drawn without a screen, and none is left open."""

from collections.abc import Iterator

import matplotlib
import pytest

matplotlib.use("Agg")

from matplotlib import pyplot as plt


@pytest.fixture(autouse=True)
def closed_figures() -> Iterator[None]:
    """Figures of one test are closed before the next one draws."""
    yield
    plt.close("all")
