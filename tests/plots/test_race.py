"""Do the lab's pictures show the outcomes they were given, in marks and in words? Artists are looked at, never pixels."""

import itertools
from dataclasses import replace
from statistics import median

import pytest
from matplotlib import pyplot as plt
from matplotlib.artist import getp
from matplotlib.colors import rgb_to_hsv, to_hex, to_rgb

from helpers.course.errors import CourseError
from helpers.course.palette import BLUE, GREEN, INK, PURPLE, SOFT_INK, VERMILLION
from helpers.plots.look import text_alternative
from helpers.plots.race import plot_race, plot_race_costs
from helpers.training.history import History
from helpers.training.race import EVERYONE, title
from helpers.training.strategies import CONTESTANTS, ON_PIXELS, Outcome
from tests.support.drawn import boxes


def outcome(key: str, seed: int, level: float) -> Outcome:
    if key in ON_PIXELS:
        return Outcome(key, seed, History(), level + seed / 100, 0, 1.0 + level, level + seed / 50, 0.1)
    phases, history = CONTESTANTS[key].phases, History()
    for phase in phases:
        for _ in range(phase.num_epochs):
            epoch, accuracy = len(history) + 1, level - 0.3 / (len(history) + 1) + seed / 100
            losses = {"train_loss": 0.5, "train_accuracy": 0.9, "val_loss": 0.6, "val_accuracy": accuracy}
            history.append({"epoch": epoch, "phase": phase.name, "lr": phase.lr, **losses})
    return Outcome(
        key,
        seed,
        history,
        history.best["val_accuracy"],
        10 ** (4 + len(phases) % 3),
        2.0 + seed + 10 * level,
        level + seed / 50,
        0.1,
    )


def a_race(num_seeds: int = 3) -> list[Outcome]:
    return [outcome(key, seed, 0.5 + n / 20) for seed in range(num_seeds) for n, key in enumerate(EVERYONE)]


def curves(ax) -> dict:
    return {line.get_label(): line for line in ax.lines if line.get_label() in {title(key) for key in EVERYONE}}


def labels(ax) -> dict:
    return {text.get_text(): text for text in ax.texts if text.get_text() in {title(key) for key in EVERYONE}}


def test_does_each_strategy_have_its_median_line_in_a_band_and_its_name_beside_it():
    outcomes = a_race()
    ax = plot_race(outcomes)
    drawn = curves(ax)
    assert set(drawn) == set(labels(ax)) == {title(key) for key in EVERYONE}
    for key in CONTESTANTS:
        runs = [o for o in outcomes if o.strategy == key]
        assert list(drawn[title(key)].get_xdata()) == list(range(1, 11))
        expected = [median(o.history[epoch]["val_accuracy"] for o in runs) for epoch in range(10)]
        assert list(drawn[title(key)].get_ydata()) == pytest.approx(expected)
    for key in ON_PIXELS:
        level = median(o.val_accuracy for o in outcomes if o.strategy == key)
        assert list(drawn[title(key)].get_ydata()) == [pytest.approx(level)] * 10 and drawn[title(key)].get_markevery() == []
    assert len(ax.collections) == len(EVERYONE)  # the bands
    assert "epoch" in ax.get_xlabel() and "accuracy" in ax.get_ylabel() and ax.get_legend() is None
    words = text_alternative(ax)
    assert "the median of 3 seeds" in words and all(title(key) in words for key in EVERYONE)


def test_does_one_seed_have_no_band_and_no_median():
    ax = plot_race(a_race(1))
    assert not ax.collections and "one seed" in text_alternative(ax)


def test_does_hue_say_how_far_learning_reaches_and_shade_and_dash_which_strategy_it_is():
    drawn = curves(plot_race(a_race(1)))
    looks = {key: (to_hex(drawn[title(key)].get_color()).upper(), drawn[title(key)].get_marker()) for key in EVERYONE}
    assert len({colour for colour, _ in looks.values()}) == len(looks)
    colours = {key: colour for key, (colour, _) in looks.items()}
    assert colours["head_only"] == SOFT_INK.upper() and colours["from_scratch"] == INK.upper()
    for base, family in (
        (BLUE, ("head_then_blocks", "head_then_stages", "gradual", "found_rate")),
        (PURPLE, tuple(ON_PIXELS)),
        (VERMILLION, ("all_at_once", "first_frozen", "discriminative")),
    ):
        assert colours[family[0]] == base.upper()
        hues = [rgb_to_hsv(to_rgb(colours[key]))[0] for key in family]
        assert hues == pytest.approx([hues[0]] * len(family), abs=0.06), "shades of one colour"


def test_does_a_contestant_look_the_same_whoever_races_beside_it():
    alone = curves(plot_race([o for o in a_race() if o.strategy == "gradual"]))[title("gradual")]
    among = curves(plot_race(a_race()))[title("gradual")]
    assert all(getp(alone, look) == getp(among, look) for look in ("color", "marker", "linestyle"))


def test_has_a_strategy_of_ones_own_a_line_and_a_name():
    ax = plot_race([replace(o, strategy="mine") for o in a_race(2) if o.strategy == "head_only"])
    assert [to_hex(line.get_color()).upper() for line in ax.lines if line.get_label() == "mine"] == [GREEN.upper()]
    assert "mine" in [text.get_text() for text in ax.texts]


def test_is_the_second_phase_marked_where_there_is_one():
    def marks(outcomes):
        points = [list(line.get_xdata()) for line in plot_race(outcomes).lines]
        return [xs[0] for xs in points if len(xs) == 2 and xs[0] == xs[1]]

    assert marks(a_race()) == [5.5] and marks([o for o in a_race() if o.strategy == "all_at_once"]) == []


@pytest.mark.parametrize("cost", ["seconds", "trainable"])
def test_has_each_run_its_point_over_its_cost(cost):
    outcomes = a_race()
    ax = plot_race_costs(outcomes, cost=cost)
    points = {points.get_label(): points.get_offsets().tolist() for points in ax.collections}
    shown = CONTESTANTS if cost == "trainable" else EVERYONE
    for key in shown:
        expected = [[getattr(o, cost), pytest.approx(o.accuracy)] for o in outcomes if o.strategy == key]
        assert points[title(key)] == expected
    assert ax.get_xscale() == "log" and set(labels(ax)) == {title(key) for key in shown} == set(points)
    assert "medians over the seeds" in text_alternative(ax) and "median of the seeds numbered" in ax.get_ylabel()


def test_is_each_median_numbered_by_its_place_and_named_once_without_a_line_across_the_points():
    outcomes = a_race()
    ax = plot_race_costs(outcomes)
    inside = {t.get_text(): t.get_position() for t in ax.texts if t.get_transform() == ax.transData}
    ranked = sorted(EVERYONE, key=lambda key: -median(o.accuracy for o in outcomes if o.strategy == key))
    assert list(inside) == [str(place) for place in range(1, len(ranked) + 1)]
    for (x, y), key in zip(inside.values(), ranked, strict=True):
        runs = [o for o in outcomes if o.strategy == key]
        assert (x, y) == (median(o.seconds for o in runs), median(o.accuracy for o in runs))
    heights = {t.get_text(): t.get_position()[1] for t in ax.texts if t.get_transform() != ax.transData}
    assert all(heights[str(place)] == heights[title(key)] for place, key in enumerate(ranked, start=1))
    assert all(len(line.get_xdata()) == 1 for line in ax.lines), "badges alone"


@pytest.mark.parametrize("draw", [plot_race, plot_race_costs])
def test_do_names_keep_clear_of_one_another_and_inside_the_figure(draw):
    # All runs alike: every name wants to stand at the same height, at the very top.
    ax = draw([outcome(key, seed, 0.97) for seed in (0, 1) for key in EVERYONE])
    found = sorted(boxes(ax, labels(ax).values()), key=lambda box: box.y0)
    assert len(found) == len(EVERYONE) and all(below.y1 <= above.y0 for below, above in itertools.pairwise(found))


@pytest.mark.parametrize("draw", [plot_race, plot_race_costs])
def test_is_a_race_without_runners_refused(draw):
    with pytest.raises(CourseError, match="no outcome to draw"):
        draw([])


def test_is_an_unknown_cost_refused():
    with pytest.raises(CourseError, match="'seconds' or 'trainable'"):
        plot_race_costs(a_race(1), cost="money")


@pytest.mark.parametrize("draw", [lambda ax: plot_race(a_race(), ax=ax), lambda ax: plot_race_costs(a_race(), ax=ax)])
def test_do_pictures_take_axes_and_show_nothing_by_themselves(draw, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *args, **options: pytest.fail("a helper showed a figure by itself"))
    figure, ax = plt.subplots(figsize=(10, 5))
    assert draw(ax) is ax and len(plt.get_fignums()) == 1 and text_alternative(figure)
