"""Do movement and block probes show each place as it is, in marks and in words? Artists are looked at, never pixels."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from helpers.course.errors import CourseError
from helpers.course.palette import GREEN, INK, SOFT_INK, VERMILLION
from helpers.inspection.drift import Movement
from helpers.plots.depth import plot_block_probes, plot_movement
from helpers.plots.look import FILLS, text_alternative
from tests.support.drawn import AFTER, BEFORE, MOVED, texts


def bars(ax) -> list[Rectangle]:
    return [bar for group in ax.containers for bar in group]


def look(bar) -> tuple[str, str]:
    return to_hex(bar.get_facecolor()).upper(), bar.get_hatch() or ""


def test_is_every_place_a_bar_in_the_look_of_frozen_and_moved():
    ax = plot_movement(MOVED)
    assert [round(bar.get_x() + bar.get_width() / 2) for bar in bars(ax)] == [0, 1, 2, 3]
    frozen, moved = (FILLS[True]["facecolor"].upper(), FILLS[True]["hatch"]), (GREEN, "")
    assert [look(bar) for bar in bars(ax)] == [frozen, frozen, moved, moved]
    assert [label.get_text() for label in ax.get_xticklabels()] == [row.name for row in MOVED]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["unchanged", "changed"]


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
    assert "Changed: blocks.1 1 %, fc 132 %." in words and "stem to blocks.0 (2 places)" in words
    assert "statistics changed in blocks.0 25 %" in words


def test_is_a_model_that_has_not_moved_drawn_as_well():
    ax = plot_movement([Movement("stem", 0.0, 0.0, False)])
    assert "Nothing has changed" in text_alternative(ax) and "statistics changed nowhere" in text_alternative(ax)
    with pytest.raises(CourseError, match="no movement"):
        plot_movement([])


@pytest.mark.parametrize("part, word", {5.9e-6: "0.00059 %", 0.0091: "0.91 %", 0.1: "10 %", 0.07: "7 %", 12.5: "1,250 %"}.items())
def test_are_shares_written_with_two_digits_that_count(part, word):
    assert word in texts(plot_movement([Movement("fc", part, None, True)]))


def test_is_an_infinite_movement_drawn_within_the_picture():
    ax = plot_movement([*MOVED, Movement("new", float("inf"), None, True)])
    assert "∞" in texts(ax) and bars(ax)[-1].get_height() < ax.get_ylim()[1]


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
    assert not plot_block_probes(BEFORE, before=BEFORE).collections and not plot_block_probes(AFTER).lines


def test_are_no_places_or_other_places_refused():
    for accuracies, before in (({}, None), (AFTER, {"stem": 0.4})):
        with pytest.raises(CourseError, match="probe_blocks"):
            plot_block_probes(accuracies, before=before)
