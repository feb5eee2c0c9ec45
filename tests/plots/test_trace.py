"""Does the training trace show its history, in marks and in words? Artists are looked at, never pixels."""

import math

import pytest
from matplotlib import pyplot as plt

from helpers.course.errors import CourseError
from helpers.plots.look import LINES, text_alternative
from helpers.plots.trace import REFERENCE_TRACE, plot_history, plot_trace
from helpers.training.real_run import load_real_run
from tests.support.drawn import records, texts, whole_run


def lines(ax) -> dict:
    return {line.get_label(): line for line in ax.lines}


@pytest.mark.parametrize("metric", ["accuracy", "loss"])
def test_does_the_history_show_both_curves_the_recorded_run_and_the_illustration(metric):
    history = whole_run()
    ax = plot_history(history, metric, reference=True)
    drawn = lines(ax)
    for split in ("train", "val"):
        line = drawn[LINES[split]["label"]]
        assert list(line.get_xdata()) == list(range(1, 16))
        assert list(line.get_ydata()) == [r[f"{split}_{metric}"] for r in history]
    real = load_real_run()
    line = drawn[f"recorded run on {real.settings['num_train']} digits, validation"]
    assert list(line.get_ydata()) == [r[f"val_{metric}"] for r in real.history] and len(line.get_xdata()) == 15
    sketch = drawn["illustration of a typical run, not measured"]
    assert list(sketch.get_xdata()) == [1, 3, 5, 6, 8, 10]
    assert list(sketch.get_ydata()) == [point[metric] for point in REFERENCE_TRACE]
    words = text_alternative(ax)
    assert "illustration of a typical run, not measured: " in words and "recorded run on 4000 digits" in words
    assert "reference" not in words.lower()
    assert metric in ax.get_ylabel() and "epoch" in ax.get_xlabel()


def test_is_the_reference_trace_the_contracts():
    assert [(p["epoch"], p["loss"], p["accuracy"]) for p in REFERENCE_TRACE] == [
        (1, 1.20, 0.55),
        (3, 0.80, 0.70),
        (5, 0.60, 0.78),
        (6, 0.58, 0.80),
        (8, 0.45, 0.85),
        (10, 0.40, 0.88),
    ]


def test_is_the_moment_of_unfreezing_a_labelled_line_between_two_epochs():
    ax = plot_history(whole_run())
    assert "last blocks released" in texts(ax) and any(list(line.get_xdata()) == [5.5, 5.5] for line in ax.lines)
    assert "released before epoch 6" in text_alternative(ax)
    plain = [{key: value for key, value in r.items() if key != "phase"} for r in whole_run()]
    assert texts(plot_history(plain)) == []
    assert any(list(line.get_xdata()) == [3.5, 3.5] for line in plot_history(plain, released_at=4).lines)
    assert texts(plot_history(records(5, "head"))) == []


def test_is_the_best_epoch_ringed():
    ax = plot_history(whole_run())
    assert ax.collections[0].get_offsets().tolist() == [[15, pytest.approx(0.8)]]
    assert "best epoch 15 with 0.80" in text_alternative(ax)


def test_does_the_history_draw_into_given_axes_and_refuse_nonsense():
    _, axes = plt.subplots(1, 2)
    assert plot_history(whole_run(), ax=axes[1]) is axes[1] and not axes[0].lines
    for history, metric in (([], "accuracy"), (whole_run(), "f1")):
        with pytest.raises(CourseError, match="at least one epoch"):
            plot_history(history, metric)


def test_is_guessing_a_level_line_where_the_number_of_classes_is_known():
    for metric, level in (("accuracy", 1 / 7), ("loss", math.log(7))):
        ax = plot_history(whole_run(), metric, num_classes=7)
        assert list(lines(ax)["guessing among 7 classes"].get_ydata()) == [pytest.approx(level)] * 2
        assert "Guessing among 7 classes: accuracy 0.14, loss 1.95." in text_alternative(ax)
        plain = plot_history(whole_run(), metric)
        assert "guessing" not in " ".join(lines(plain)).lower() + text_alternative(plain).lower()


def test_do_accuracy_and_loss_stand_beside_one_another_with_axes_of_one_size_and_one_key():
    figure = plot_trace(whole_run(), reference=True, num_classes=10)
    figure.canvas.draw()
    left, right = figure.axes
    assert "accuracy" in left.get_ylabel() and "loss" in right.get_ylabel() and left.get_xlim() == right.get_xlim()
    assert left.get_position().bounds[1:] == pytest.approx(right.get_position().bounds[1:])
    [legend] = figure.legends
    assert {text.get_text() for text in legend.get_texts()} == {
        "training images",
        "validation images",
        "best epoch",
        "guessing among 10 classes",
        LINES["real"]["label"],
        LINES["reference"]["label"],
    }
    assert not left.get_legend() and not right.get_legend()
    assert "Line chart of accuracy" in text_alternative(figure) and "Line chart of loss" in text_alternative(figure)
    begun = len(plt.get_fignums())
    with pytest.raises(CourseError, match="at least one epoch"):
        plot_trace([])
    assert len(plt.get_fignums()) == begun
