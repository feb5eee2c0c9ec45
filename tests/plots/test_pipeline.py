"""Do the six stages show their counts, in marks and in words? Artists are looked at, never pixels."""

import pytest
from matplotlib.patches import FancyBboxPatch, Rectangle

from helpers.course.errors import CourseError
from helpers.models import backbones
from helpers.plots.look import text_alternative
from helpers.plots.pipeline import pipeline_counts, plot_pipeline
from tests.support.drawn import COUNTS, texts


def test_does_the_pipeline_show_six_stages_with_counts_and_shares():
    ax = plot_pipeline(COUNTS, stage=3)
    boxes = [patch for patch in ax.patches if isinstance(patch, FancyBboxPatch)]
    assert [box.get_label() for box in boxes] == [f"stage {n}" for n in range(1, 7)]
    assert [box.get_x() for box in boxes] == sorted(box.get_x() for box in boxes)
    assert max(boxes, key=lambda box: box.get_linewidth()).get_label() == "stage 3"
    said = texts(ax)
    assert said.count("20,490 trainable") == 2 and said.count("8.9 M trainable") == 2 and said.count("you are here") == 1
    bars = [p for p in ax.patches if isinstance(p, Rectangle)]
    shares = [b.get_width() / a.get_width() for a, b in zip(bars[::2], bars[1::2], strict=True)]
    assert shares == pytest.approx([1, 1, 0.02, 0.02, 0.3802, 0.3802], abs=1e-3)
    assert "20,490 of 23,528,522 parameters trainable" in text_alternative(ax) and "at stage 3" in text_alternative(ax)


def test_does_one_count_need_its_stage():
    ax = plot_pipeline((100, 10), stage=5)
    assert "10 trainable" in texts(ax) and sum("trainable" in text for text in texts(ax)) == 1
    with pytest.raises(CourseError, match="stage=3"):
        plot_pipeline((100, 10))
    with pytest.raises(CourseError, match="no stage 7"):
        plot_pipeline(COUNTS, stage=7)


def test_are_the_pipelines_counts_the_golden_ones():
    counts = pipeline_counts(backbones.get("resnet50"))
    assert {stage: (c.total, c.trainable) for stage, c in counts.items()} == COUNTS
    assert plot_pipeline(counts).patches
