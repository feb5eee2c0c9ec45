"""Are words that learners chose drawn as they are, in any script, and told apart when they are long?"""

import warnings
from itertools import pairwise

import pytest
import torch
from matplotlib import font_manager, pyplot

from helpers.data.images import ArrayImages, ImageSet
from helpers.plots import look, names
from helpers.plots.confusion import plot_confusion
from helpers.plots.grad_cam import plot_grad_cam
from helpers.plots.photos import plot_photos
from helpers.plots.prediction import plot_prediction_trace
from helpers.plots.samples import plot_samples
from tests.support.drawn import boxes, heat, pictures, prediction

IDEOGRAPHS = ("\u732b", "\u72d7")


@pytest.fixture
def no_other_fonts(monkeypatch):
    """A computer that has none but matplotlib's usual font."""
    names._families.cache_clear()
    names._font_with.cache_clear()
    usual = [entry for entry in font_manager.fontManager.ttflist if entry.name == "DejaVu Sans"]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", usual)
    yield
    names._families.cache_clear()
    names._font_with.cache_clear()


def drawn_quietly(ax):
    """The axes' figure, drawn; a character without a font would warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ax.get_figure().canvas.draw()
    return ax


def confusion(class_names):
    return plot_confusion(torch.eye(len(class_names)).long() * 5, class_names)


def trace(class_names):
    return plot_prediction_trace(prediction(len(class_names), top=1), categories=class_names)


def photos(class_names):
    return plot_photos(dict(zip(class_names, pictures(len(class_names)), strict=True)))


def evidence(class_names):
    return plot_grad_cam(pictures(len(class_names)), heat(len(class_names)), class_names)


def samples(class_names):
    count = len(class_names)
    return plot_samples(
        ImageSet(ArrayImages(torch.zeros(count, 8, 8).numpy()), torch.arange(count), tuple(class_names), "made up")
    )


PLOTS = [confusion, trace, photos, evidence, samples]


@pytest.mark.parametrize("plot", PLOTS)
@pytest.mark.parametrize("name", ["a$_$b", "$x^2$", "50$", "\\frac{1}{2}", "$\\nosuch$", "a_b^c", "%&#~{}"])
def test_no_name_is_a_formula(plot, name):
    ax = drawn_quietly(plot([name, "plain"]))
    artists = [text for text in ax.get_figure().findobj(pyplot.Text) if text.get_text().replace("\n", "") == name]
    assert artists and not any(text.get_parse_math() for text in artists)


@pytest.mark.parametrize("plot", PLOTS)
def test_what_no_font_has_gets_a_stand_in_and_a_key_below_the_picture(plot, no_other_fonts, capsys):
    ax = drawn_quietly(plot([*IDEOGRAPHS, "Fuchs"]))
    shown = " ".join(text.get_text() for text in ax.get_figure().findobj(pyplot.Text))
    key = look.key_of(ax)
    assert not set(IDEOGRAPHS[0] + IDEOGRAPHS[1]) & set(shown)
    assert all(f"{part}: {name}" in key for part, name in zip(("class 0", "class 1"), IDEOGRAPHS, strict=True)) or all(
        f"{part}: {name}" in key for part, name in zip(("picture 1", "picture 2"), IDEOGRAPHS, strict=True)
    )
    assert "Fuchs" not in key and "Fuchs" in shown.replace("\n", "")
    look.show(ax)
    assert key in capsys.readouterr().out


def test_another_installed_font_is_taken_for_what_the_usual_one_lacks():
    with pyplot.rc_context({"font.family": ["cmr10"]}):  # has no Cyrillic; DejaVu, which comes with matplotlib, has
        found = names.fit(["\u0444\u0438\u043b\u0438\u043d", "owl"])
    assert found.labels == ["\u0444\u0438\u043b\u0438\u043d", "owl"] and found.key == ""
    assert found.style["fontfamily"][0] == "cmr10" and len(found.style["fontfamily"]) == 2


@pytest.mark.parametrize("word", ["\u05d2\u05de\u05dc", "\u0634\u062c\u0631\u0629"])
def test_a_script_that_an_older_matplotlib_cannot_set_gets_a_stand_in(word, monkeypatch):
    names._families.cache_clear()
    monkeypatch.setattr(names.ft2font, "__libraqm_version__", None, raising=False)
    assert names.fit([word]) == (["class 0"], names.fit(["x"]).style, f"class 0: {word}")
    names._families.cache_clear()


@pytest.mark.parametrize(
    ("words", "labels"),
    [
        (["short", "exactly ten"], ["short", "exactly t\u2026"]),
        (["abcdefghijkl", "abcdefghijkz"], ["abcde\u2026ijkl", "abcde\u2026ijkz"]),
        (["abcdefghijklmnopqrst", "abcdefghi1klmnopqrst"], ["abcde\u2026 0", "abcde\u2026 1"]),
        (["\u732b" * 4, "\u732b" * 9], None),
        (["e\u0301" * 10], None),
    ],
)
def test_long_words_are_cut_and_stay_different(words, labels):
    found = names._cut(words, 10)
    assert labels is None or found == labels
    assert len(set(found)) == len(words) and all(names.width(label) <= 10 for label in found)
    assert found[0] == words[0] or labels, "what fits is left alone"


@pytest.mark.parametrize("size", [2, 5, 10])
def test_long_names_do_not_overlap_beside_a_confusion_matrix(size):
    ax = confusion([f"{kind} retriever {number}" for number in range(size) for kind in ("golden", "labrador")][:size])
    found = boxes(ax, [*ax.get_xticklabels(), *ax.get_yticklabels()])
    below, beside = found[:size], found[size:]
    height = ax.get_xticklabels()[0].get_fontsize() * ax.get_figure().dpi / 72
    steps = [right.x1 - left.x1 for left, right in pairwise(below)]
    assert ax.get_xticklabels()[0].get_rotation() == 45 and min(steps) > height, "aslant, a line's height apart and more"
    assert all(upper.y0 >= lower.y1 - 1 for upper, lower in pairwise(beside))
    square = ax.transData.transform([(0, 0), (1, 1)])
    assert abs(square[1][0] - square[0][0]) > 24, "the squares keep their size"
