"""Does the prediction trace show every step from image to class? Artists are looked at, never pixels."""

import pytest
from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle
from PIL import Image

from helpers.course.errors import CourseError
from helpers.course.palette import BLUE, FAULT, GREEN
from helpers.plots.look import text_alternative
from helpers.plots.prediction import plot_prediction_trace
from tests.support.drawn import prediction, texts


def test_does_the_prediction_trace_show_five_steps_with_shapes_and_values():
    values = prediction()
    ax = plot_prediction_trace(values, categories=["ant", "bee", "cat", "dog"], title="before")
    said = texts(ax)
    for text in ("1 × 3 × 12 × 12", "1 × 8", "1 × 4", "frozen", "trainable", "cat", "before"):
        assert text in said
    picture, features, logits, probabilities = ax.child_axes
    assert picture.images[0].get_array().shape == (12, 12, 3)
    assert features.images[0].get_array().compressed().tolist() == pytest.approx(values["features"][0].tolist())
    assert [bar.get_width() for bar in logits.patches] == pytest.approx(values["logits"][0].tolist())
    assert [bar.get_width() for bar in probabilities.patches] == pytest.approx(values["probabilities"][0].tolist())
    assert [label.get_text() for label in logits.get_yticklabels()] == ["ant", "bee", "cat", "dog"]
    assert [bar.get_facecolor() == to_rgba(BLUE) for bar in probabilities.patches] == [False, False, True, False]
    assert texts(probabilities) == [f"{value:.2f}" for value in values["probabilities"][0].tolist()]
    words = text_alternative(ax)
    assert words.startswith("before: Five steps") and "Predicted class 2, cat" in words and "features (1 by 8" in words


@pytest.mark.parametrize(("right", "colour", "verdict"), [(2, GREEN, "right"), (0, FAULT, "wrong")])
def test_does_the_winner_show_whether_it_is_right_and_is_the_right_class_marked(right, colour, verdict):
    ax = plot_prediction_trace(prediction(), categories=["ant", "bee", "cat", "dog"], right=right)
    for bars in ax.child_axes[2:]:
        assert [bar.get_facecolor() == to_rgba(colour) for bar in bars.patches] == [False, False, True, False]
    assert ["right" in text for text in texts(ax.child_axes[3])] == [place == right for place in range(4)]
    assert any(f"✓ {verdict}" in text or f"✕ {verdict}" in text for text in texts(ax))
    assert text_alternative(ax).endswith("That is right." if verdict == "right" else "That is wrong: it is ant.")


def test_does_the_trace_say_what_was_frozen():
    ax = plot_prediction_trace(prediction(), categories="abcd", frozen={"features": "mixed"})
    assert "partly frozen" in texts(ax) and "frozen" not in texts(ax)
    swatches = {patch.get_label() for patch in ax.patches if type(patch) is Rectangle}
    assert swatches == {"features: partly frozen", "logits: trainable"}


def test_are_only_the_most_probable_of_many_classes_drawn():
    values = prediction(num_classes=1000, num_features=2048, top=811)
    ax = plot_prediction_trace(values, categories=[f"class {i}" for i in range(1000)])
    logits = ax.child_axes[2]
    assert len(logits.patches) == 10 and logits.get_yticklabels()[0].get_text() == "class 811"
    assert ax.child_axes[1].images[0].get_array().shape == (32, 64)


def test_is_the_learners_picture_shown_where_one_is_given():
    ax = plot_prediction_trace(prediction(), categories="abcd", image=Image.new("RGB", (28, 20), (9, 8, 7)))
    assert ax.child_axes[0].images[0].get_array()[0, 0].tolist() == [9, 8, 7]


def test_is_a_trace_that_lacks_a_step_or_a_name_refused():
    values = prediction()
    with pytest.raises(CourseError, match="one name for each"):
        plot_prediction_trace(values, categories=["a", "b"])
    del values["logits"]
    with pytest.raises(CourseError, match="lacks logits"):
        plot_prediction_trace(values, categories="abcd")
