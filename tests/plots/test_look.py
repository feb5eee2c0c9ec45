"""Do all pictures look alike, say in words what they show, and show themselves only when asked?"""

import json
from itertools import combinations

import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from helpers.course.palette import GREEN
from helpers.plots.confusion import plot_confusion
from helpers.plots.depth import plot_block_probes, plot_movement
from helpers.plots.grad_cam import plot_grad_cam
from helpers.plots.look import FILLS, GROUNDS, LINES, number, short, show, text_alternative
from helpers.plots.prediction import plot_prediction_trace
from helpers.plots.rates import plot_rate_curve
from helpers.plots.trace import plot_history
from helpers.training.lr_finder import RateCurve
from tests.support.drawn import AFTER, BEFORE, CONFUSION, MOVED, boxes, heat, pictures, prediction, whole_run


def test_are_the_curves_told_apart_by_more_than_colour():
    labels = {style["label"] for style in LINES.values()}
    drawn = [line for line in plot_history(whole_run(), reference=True).lines if line.get_label() in labels]
    assert len({line.get_linestyle() for line in drawn}) == len({line.get_marker() for line in drawn}) == len(drawn) == 4
    assert len({fill["hatch"] for key, fill in FILLS.items() if key is not None}) == 3


def test_do_frozen_and_trainable_look_the_same_in_pictures_and_in_html():
    frozen, learning = FILLS[True], FILLS[False]
    bars = [patch for patch in plot_prediction_trace(prediction(), categories="abcd").patches if type(patch) is Rectangle]
    looks = {(to_hex(bar.get_facecolor()), bar.get_hatch() or "") for bar in bars}
    assert (to_hex(frozen["facecolor"]), frozen["hatch"]) in looks
    assert (to_hex(learning["facecolor"]), "") in looks and learning["facecolor"] == GREEN == GROUNDS[False]
    assert frozen["facecolor"] in GROUNDS[True] and frozen["edgecolor"] in GROUNDS[True] and "gradient" in GROUNDS[True]


CATEGORIES = ["automobile", "bee", "cat", "dog"]
DRAW = {
    "trace": lambda ax=None: plot_history(whole_run(), reference=True, ax=ax),
    "prediction": lambda ax=None: plot_prediction_trace(prediction(), categories=CATEGORIES, title="after", ax=ax),
    "rates": lambda ax=None: plot_rate_curve(RateCurve((1e-3, 1e-2, 1e-1), (2.0, 1.0, 3.0), 1e-2, True), ax=ax),
    "confusion": lambda ax=None: plot_confusion(CONFUSION, CATEGORIES[:3], ax=ax),
    "movement": lambda ax=None: plot_movement(MOVED, ax=ax),
    "probes": lambda ax=None: plot_block_probes(AFTER, before=BEFORE, chance=0.1, ax=ax),
    "one grad cam": lambda ax=None: plot_grad_cam(pictures(1), heat(1), ["a 3"], ax=ax),
    "grad cam": lambda ax=None: plot_grad_cam(pictures(7), heat(7), ["before: automobile (0.98)"] * 7, ax=ax),
}

APART = ("confusion", "movement", "probes", "one grad cam", "grad cam")  # the others have words that stand on bars


@pytest.mark.parametrize("name", DRAW)
def test_does_every_picture_take_axes_and_have_words_without_showing_itself(name, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *args, **options: pytest.fail("a helper showed a figure by itself"))
    figure, ax = plt.subplots(figsize=(11, 5))
    assert DRAW[name](ax) is ax and len(plt.get_fignums()) == 1
    assert len(text_alternative(ax)) > 60 and text_alternative(figure) == text_alternative(ax)
    assert ax.get_legend() is None or ax.get_legend().texts


@pytest.mark.parametrize("name", DRAW)
def test_is_no_text_outside_the_figure_and_none_on_another(name):
    ax = DRAW[name]()
    legend = ax.get_legend().get_texts() if ax.get_legend() else []
    found = boxes(ax, [*ax.texts, *legend])
    if name in APART:
        assert not [(a, b) for a, b in combinations(found, 2) if a.padded(-1).overlaps(b.padded(-1))]


def test_does_showing_print_the_words_in_a_terminal_and_close_the_figure(capsys):
    show(plot_history(whole_run()))
    assert capsys.readouterr().out.startswith("Line chart of accuracy") and not plt.get_fignums()


SHOWN = """
import json, matplotlib; matplotlib.use("Agg")
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
shell = InteractiveShell.instance()
from matplotlib import pyplot as plt
from helpers.plots import plot_confusion, show
from helpers.plots.look import note
with capture_output() as seen:
    show(note(plot_confusion(__import__("torch").eye(2).long(), "ab"), "class 0: <\\u732b>").get_figure())
(output,) = seen.outputs
html = output.data["text/html"]
print(json.dumps([sorted(output.data), output.metadata, [html[:40], html[-40:]], plt.get_fignums()]))
"""


def test_does_showing_in_a_notebook_carry_the_words_as_alt_text(fresh):
    kinds, metadata, (html, end), figures = json.loads(fresh(SHOWN, ("torch",)).out.splitlines()[-1])
    assert kinds == ["image/png", "text/html", "text/plain"] and figures == []
    assert len(metadata["image/png"]["alt"]) > 60 and html.startswith(f'<img alt="{metadata["image/png"]["alt"]}'[:40])
    assert end.endswith("<div>class 0: &lt;\u732b&gt;</div>"), "what no font can draw stands below the picture"


def test_do_numbers_read_well():
    assert [short(20_490), short(23_528_522), short(999_999)] == ["20,490", "23.5 M", "999,999"]
    assert [number(-1.25), number(-0.01), number(0.126, 2)] == ["−1.2", "0.0", "0.13"]
