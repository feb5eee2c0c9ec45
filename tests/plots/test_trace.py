"""Do the pictures of lesson 07 show the numbers they were given, in marks and in words? Artists are looked at, never pixels."""

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex, to_rgb
from matplotlib.patches import Rectangle
from PIL import Image

from helpers.course.errors import CourseError
from helpers.inspection.drift import Movement
from helpers.plots.confusion import plot_confusion
from helpers.plots.depth import plot_block_probes, plot_movement
from helpers.plots.grad_cam import plot_grad_cam
from helpers.plots.look import FILLS, GREEN, INK, SOFT_INK, VERMILLION, text_alternative

CONFUSION = torch.tensor([[9, 1, 0], [4, 15, 1], [0, 0, 0]])
NAMES = ("ant", "bee", "cat")
MOVED = (
    Movement("stem", 0.0, 0.0, False),
    Movement("blocks.0", 0.0, 0.25, False),
    Movement("blocks.1", 0.01, 0.0, True),
    Movement("fc", 1.32, None, True),
)
BEFORE = {"stem": 0.4, "blocks.0": 0.8, "blocks.1": 0.7}
AFTER = {"stem": 0.4, "blocks.0": 0.8, "blocks.1": 0.9}


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def texts(ax) -> list[str]:
    return [text.get_text() for text in ax.texts]


def squares(ax) -> dict[tuple[int, int], Rectangle]:
    """(row, column) -> its square."""
    found = [patch for patch in ax.patches if type(patch) is Rectangle]
    return {(round(p.get_y() + 0.45), round(p.get_x() + 0.45)): p for p in found}


def bars(ax) -> list[Rectangle]:
    return [bar for group in ax.containers for bar in group]


def look(bar) -> tuple[str, str]:
    return to_hex(bar.get_facecolor()).upper(), bar.get_hatch() or ""


# ------------------------------------------------------------- confusion
def test_does_the_confusion_matrix_show_every_count_where_it_belongs():
    ax = plot_confusion(CONFUSION, NAMES)
    drawn = squares(ax)
    assert set(drawn) == {(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 2)}, "no square where nothing was counted"
    labels = {place: square.get_label() for place, square in drawn.items()}
    assert {place for place, label in labels.items() if label == "right"} == {(0, 0), (1, 1), (2, 2)}
    written = {(round(t.get_position()[1]), round(t.get_position()[0])): t.get_text() for t in ax.texts}
    assert [written[place] for place in ((0, 0), (0, 1), (1, 0), (1, 1), (1, 2))] == ["9", "1", "4", "15", "1"]
    assert "90%" in texts(ax) and "75%" in texts(ax) and len([t for t in texts(ax) if "%" in t]) == 2
    assert [t.get_text() for t in ax.get_yticklabels()] == list(NAMES) == [t.get_text() for t in ax.get_xticklabels()]
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("true class", "predicted class")
    assert ax.yaxis_inverted(), "the first class is on top"


def test_is_a_mistake_darker_the_more_of_its_row_it_takes():
    drawn = squares(plot_confusion(CONFUSION, NAMES))
    light = {place: sum(to_rgb(square.get_facecolor())) for place, square in drawn.items()}
    assert light[1, 0] < light[0, 1] < light[1, 2] < 3.0 and light[0, 0] < light[1, 1] and light[2, 2] == 3.0


def test_do_words_tell_the_worst_mistakes_first():
    words = text_alternative(plot_confusion(CONFUSION, NAMES))
    assert "24 of 30 images right" in words and "bee taken for ant (4); ant taken for bee (1); bee taken for cat (1)" in words
    assert text_alternative(plot_confusion(torch.eye(2).long(), ["a", "b"])).endswith("No mistake.")


def test_are_many_classes_shown_without_figures():
    size = 102
    ax = plot_confusion(torch.eye(size).long(), [f"flower {i}" for i in range(size)])
    assert not ax.texts and len(squares(ax)) == size and 30 <= len(ax.get_yticklabels()) <= 60
    assert ax.get_figure().get_size_inches()[0] <= 11


@pytest.mark.parametrize("confusion, names", [(CONFUSION, NAMES[:2]), (CONFUSION[:2], NAMES), (CONFUSION[0], NAMES)])
def test_is_what_is_no_confusion_matrix_refused(confusion, names):
    with pytest.raises(CourseError, match="one name a class"):
        plot_confusion(confusion, names)


# -------------------------------------------------------------- movement
def test_is_every_place_a_bar_in_the_look_of_frozen_and_moved():
    ax = plot_movement(MOVED)
    assert [round(bar.get_x() + bar.get_width() / 2) for bar in bars(ax)] == [0, 1, 2, 3]
    frozen, moved = (FILLS[True]["facecolor"].upper(), FILLS[True]["hatch"]), (GREEN, "")
    assert [look(bar) for bar in bars(ax)] == [frozen, frozen, moved, moved]
    assert [label.get_text() for label in ax.get_xticklabels()] == [row.name for row in MOVED]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["not moved", "moved"]


def test_are_heights_true_to_the_logarithmic_axis():
    ax = plot_movement(MOVED)
    named = dict(zip([t.get_text() for t in ax.get_yticklabels()], ax.get_yticks(), strict=True))
    assert list(named) == ["0", "1 %", "10 %", "100 %"]
    decade = named["10 %"] - named["1 %"]
    heights = [bar.get_height() for bar in bars(ax)]
    assert heights[2] == pytest.approx(named["1 %"]) and named["100 %"] - named["10 %"] == pytest.approx(decade)
    assert heights[3] == pytest.approx(named["100 %"] + decade * np.log10(1.32))
    assert heights[0] == heights[1] < named["1 %"] and named["0"] < heights[0]
    assert "132 %" in texts(ax) and "1 %" in texts(ax)


def test_do_moving_statistics_catch_the_eye():
    ax = plot_movement(MOVED)
    figures = {round(text.get_position()[0]): text for text in ax.texts if text.get_text() in ("0", "25 %", "–")}
    assert {place: text.get_text() for place, text in figures.items()} == {0: "0", 1: "25 %", 2: "0", 3: "–"}
    assert [text.get_color() for text in figures.values()] == [SOFT_INK, VERMILLION, SOFT_INK, SOFT_INK]
    words = text_alternative(ax)
    assert "Moved: blocks.1 1 %, fc 132 %." in words and "stem to blocks.0 (2 places)" in words
    assert "statistics moved in blocks.0 25 %" in words


def test_is_a_model_that_has_not_moved_drawn_as_well():
    ax = plot_movement([Movement("stem", 0.0, 0.0, False)])
    assert "Nothing has moved" in text_alternative(ax) and "statistics moved nowhere" in text_alternative(ax)
    with pytest.raises(CourseError, match="no movement"):
        plot_movement([])


@pytest.mark.parametrize(
    "share, word", [(5.9e-6, "0.00059 %"), (0.0091, "0.91 %"), (0.1, "10 %"), (0.07, "7 %"), (12.5, "1,250 %")]
)
def test_are_shares_written_with_two_digits_that_count(share, word):
    assert word in texts(plot_movement([Movement("fc", share, None, True)]))


def test_is_an_infinite_movement_drawn_within_the_picture():
    ax = plot_movement([*MOVED, Movement("new", float("inf"), None, True)])
    assert "∞" in texts(ax) and bars(ax)[-1].get_height() < ax.get_ylim()[1]


# ---------------------------------------------------------- block probes
def test_is_every_accuracy_a_bar_and_a_figure():
    ax = plot_block_probes(AFTER, chance=0.1, released=["blocks.1"])
    assert [bar.get_height() for bar in bars(ax)] == list(AFTER.values())
    assert [look(bar)[1] for bar in bars(ax)] == ["////", "////", ""] and look(bars(ax)[2])[0] == GREEN
    assert texts(ax) == ["0.40", "0.80", "0.90"] and ax.get_ylim()[0] == 0
    guessing = next(line for line in ax.lines if line.get_label() == "guessing")
    assert set(guessing.get_ydata()) == {0.1}
    assert [label.get_text() for label in ax.get_xticklabels()] == list(AFTER)
    assert "blocks.1 0.90 (released)" in text_alternative(ax) and "Chance: 0.10." in text_alternative(ax)


def test_is_what_was_before_a_line_across_the_bars_that_changed():
    ax = plot_block_probes(AFTER, before=BEFORE, released=["blocks.1"])
    (line,) = ax.collections
    ((start, end),) = line.get_segments()
    assert start[1] == end[1] == 0.7 and start[0] < 2 - 0.37 and end[0] > 2 + 0.37
    assert to_hex(line.get_edgecolor()[0]).upper() == INK
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["frozen", "released", "before fine-tuning"]
    assert "Before fine-tuning: blocks.1 0.70; all others the same." in text_alternative(ax)
    assert not plot_block_probes(BEFORE, before=BEFORE).collections
    assert not plot_block_probes(AFTER).lines


def test_are_no_places_or_other_places_refused():
    for accuracies, before in (({}, None), (AFTER, {"stem": 0.4})):
        with pytest.raises(CourseError, match="probe_blocks"):
            plot_block_probes(accuracies, before=before)


# --------------------------------------------------------------- grad cam
def pictures(number: int) -> list[Image.Image]:
    return [Image.new("RGB", (30, 20), (255, 255, 255)) for _ in range(number)]


def heat(number: int) -> torch.Tensor:
    """Evidence at the top right, none elsewhere."""
    maps = torch.zeros(number, 20, 30)
    maps[:, :6, 21:] = 1.0
    return maps


def test_is_every_picture_drawn_once_with_its_caption_in_rows():
    captions = [f"picture {i}\nline two" for i in range(8)]
    ax = plot_grad_cam(pictures(8), heat(8), captions)
    images = [image for image in ax.images if image.get_array().ndim == 3]
    corners = [image.get_extent() for image in images]
    assert len(images) == 8 and len({(left, top) for left, _, _, top in corners}) == 8
    assert len({top for *_, top in corners}) == 2, "two rows"
    upright = [image.origin == "upper" and bottom > top for image, (_, _, bottom, top) in zip(images, corners, strict=True)]
    assert all(upright) and ax.yaxis_inverted(), "the first row of pixels is on top"
    assert texts(ax)[:8] == captions and texts(ax)[8].startswith("no evidence to most")
    assert ax.get_figure().get_size_inches()[0] <= 11.5


def test_does_the_picture_glow_where_the_map_is_high():
    picture = Image.fromarray(np.repeat(np.array([[[255], [0]]], dtype=np.uint8), 3, axis=2).repeat(20, 0).repeat(15, 1))
    drawn = plot_grad_cam([picture], heat(1), ["a"]).images[0].get_array()
    yellow, blue = drawn[0, 29] / drawn[0, 29].max(), drawn[19, 0] / drawn[19, 0].max()
    assert yellow[0] > 0.9 and yellow[2] < 0.4, "cividis ends in yellow"
    assert blue[2] == 1.0 and blue[0] < 0.1, "and begins in dark blue"
    assert drawn[19, 0].sum() > drawn[19, 29].sum() > 0, "light and shade of the picture stay"


def test_do_words_tell_where_the_evidence_lies():
    maps = torch.cat([heat(1), torch.zeros(1, 20, 30), heat(1).flip(1, 2)])
    words = text_alternative(plot_grad_cam(pictures(3), maps, ["a\nx", "b", "c"]))
    assert "a, x: most evidence top right; b: no evidence; c: most evidence bottom left." in words
    middle = torch.zeros(1, 20, 30)
    middle[:, 8:12, 12:18] = 1
    assert "most evidence centre" in text_alternative(plot_grad_cam(pictures(1), middle, ["m"]))


def test_is_a_map_of_another_size_or_a_missing_caption_refused():
    with pytest.raises(CourseError, match=r"30 x 20 and its map 20 x 20 pixels.*transform\.picture"):
        plot_grad_cam(pictures(1), torch.zeros(1, 20, 20), ["a"])
    for number, captions in ((2, ["a"]), (0, [])):
        with pytest.raises(CourseError, match="one of each"):
            plot_grad_cam(pictures(number), heat(number), captions)


def test_does_the_preprocessing_show_what_the_model_sees():
    """Normalising the picture gives the model's input: so picture and map lie on one another."""
    from torchvision.transforms.functional import normalize, to_tensor

    from helpers.models import backbones

    pixels = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    transform = backbones.get("efficientnet_lite0").transform(40)
    picture = transform.picture(Image.fromarray(pixels))
    assert picture.size == (40, 40) and picture.mode == "RGB"
    assert torch.equal(normalize(to_tensor(picture), transform.mean, transform.std), transform(Image.fromarray(pixels)))


# -------------------------------------------------------------------- all
DRAW = {
    "confusion": lambda ax=None: plot_confusion(CONFUSION, ["automobile", "bee", "cat"], ax=ax),
    "movement": lambda ax=None: plot_movement(MOVED, ax=ax),
    "probes": lambda ax=None: plot_block_probes(AFTER, before=BEFORE, chance=0.1, ax=ax),
    "one grad cam": lambda ax=None: plot_grad_cam(pictures(1), heat(1), ["a 3"], ax=ax),
    "grad cam": lambda ax=None: plot_grad_cam(pictures(7), heat(7), ["before: automobile (0.98)"] * 7, ax=ax),
}


@pytest.mark.parametrize("name", DRAW)
def test_does_every_picture_take_axes_and_have_words_without_showing_itself(name, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *args, **options: pytest.fail("a helper showed a figure by itself"))
    figure, ax = plt.subplots(figsize=(11, 5))
    assert DRAW[name](ax) is ax and len(plt.get_fignums()) == 1
    assert len(text_alternative(ax)) > 60 and text_alternative(figure) == text_alternative(ax)


@pytest.mark.parametrize("name", DRAW)
def test_is_no_text_outside_the_figure_and_none_on_another(name):
    ax = DRAW[name]()
    figure = ax.get_figure()
    figure.canvas.draw()
    legend = ax.get_legend().get_texts() if ax.get_legend() else []
    boxes = [text.get_window_extent() for text in (*ax.texts, *legend) if text.get_text()]
    for box in boxes:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
    clashes = [(a, b) for place, a in enumerate(boxes) for b in boxes[:place] if a.padded(-1).overlaps(b.padded(-1))]
    assert not clashes
