"""Does the picture of several runs show each of them as it is, on one scale?"""

import pytest

from helpers.course.errors import CourseError
from helpers.plots.histories import HIGHEST_LOSS, plot_histories
from helpers.plots.look import text_alternative
from helpers.training import recordings
from tests.support.drawn import boxes


@pytest.fixture
def runs():
    return {f"run {name}": recording.history for name, recording in recordings.load().items()}


def panels(ax):
    """Title -> (panel of the losses, panel of the accuracies)."""
    found = ax.child_axes
    titles = [text.get_text() for text in ax.texts]
    return {title: tuple(found[2 * place : 2 * place + 2]) for place, title in enumerate(titles)}


def test_each_run_has_its_losses_and_accuracies(runs):
    found = panels(plot_histories(runs))
    assert list(found) == list(runs)
    for title, history in runs.items():
        for panel, metric in zip(found[title], ("loss", "accuracy"), strict=True):
            drawn = {line.get_label(): list(line.get_ydata()) for line in panel.get_lines()}
            for split, label in (("train", "training images"), ("val", "validation images")):
                assert drawn[label] == [record[f"{split}_{metric}"] for record in history]


def test_all_panels_of_a_row_have_one_scale_and_a_loss_of_30_does_not_flatten_the_others(runs):
    found = panels(plot_histories(runs)).values()
    assert {panel.get_xlim() for pair in found for panel in pair} == {(0.4, 18.9)}
    assert {losses.get_ylim() for losses, _ in found} == {(0, HIGHEST_LOSS)}
    assert {accuracies.get_ylim() for _, accuracies in found} == {(0, 1.03)}
    [(losses, _)] = panels(plot_histories({"run A": runs["run A"]})).values()
    assert losses.get_ylim()[1] == pytest.approx(1.1 * runs["run A"][0]["train_loss"])


def test_a_line_stands_before_the_marked_epoch_and_nowhere_else(runs):
    found = panels(plot_histories(runs, marks={"run A": 5, "run C": None}))
    upright = {title: [line.get_xdata()[0] for line in pair[0].get_lines()[2:]] for title, pair in found.items()}
    assert upright == {"run A": [4.5], "run B": [], "run C": [], "run D": []}


def test_a_ring_is_round_the_best_epoch(runs):
    losses, accuracies = panels(plot_histories(runs))["run A"]
    best = runs["run A"][8]
    assert not losses.collections[0].get_clip_on(), "the last epoch's is whole as well"
    assert losses.collections[0].get_offsets().tolist() == [[9, best["val_loss"]]]
    assert accuracies.collections[0].get_offsets().tolist() == [[9, best["val_accuracy"]]]


def test_the_words_say_what_the_lines_show(runs):
    words = text_alternative(plot_histories(runs, marks={"run A": 5}))
    assert words.startswith("Line charts of 4 training runs side by side")
    assert "run A, 12 epochs: training loss 2.12 to 0.07" in words
    assert "best epoch 9 with 0.88. Fine-tuning begins at epoch 5." in words
    lowest = min(record["val_loss"] for record in runs["run B"])
    assert f"at its lowest {lowest:.2f}" in words and words.count("Fine-tuning begins") == 1


def test_everything_lies_inside_the_figure(runs):
    ax = plot_histories(runs)
    axes = [label for panel in ax.child_axes for label in (panel.xaxis.label, panel.yaxis.label)]
    assert len(boxes(ax, [*ax.texts, *axes])) > len(runs)


@pytest.mark.parametrize("histories", [{}, {"empty": []}])
def test_nothing_to_draw_gives_one_sentence(histories):
    with pytest.raises(CourseError, match="at least one epoch"):
        plot_histories(histories)


def test_the_key_has_each_sign_once_whichever_run_it_is_in(runs):
    ax = plot_histories(runs, marks={"run C": 5}, num_classes=10)
    signs = [text.get_text() for text in ax.get_legend().get_texts()]
    assert sorted(signs) == sorted(
        ["training images", "validation images", "best epoch", "fine-tuning begins", "guessing among 10 classes"]
    )
    assert "Guessing among 10 classes: accuracy 0.10, loss 2.30." in text_alternative(ax)
    assert len(plot_histories(runs).get_legend().get_texts()) == 3


def test_a_best_epoch_off_the_scale_has_no_ring_in_another_panel(runs):
    lost = [{**record, "val_loss": 30.0, "train_loss": 30.0} for record in runs["run A"]]
    losses, accuracies = panels(plot_histories({"lost": lost}))["lost"]
    assert losses.collections[0].get_clip_on() and not accuracies.collections[0].get_clip_on()
