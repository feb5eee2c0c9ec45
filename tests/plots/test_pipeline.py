"""Do the pictures show the data they were given, in marks and in words? Artists are looked at, never pixels."""

import json
import subprocess
import sys

import matplotlib

matplotlib.use("Agg")

import pytest
import torch
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex
from matplotlib.patches import FancyBboxPatch, Rectangle

from helpers.checks.small_models import Case
from helpers.course.errors import CourseError
from helpers.inspection.step_probe import probe
from helpers.plots.look import FILLS, GREEN, LINES, VERMILLION, number, short, show, text_alternative
from helpers.plots.pipeline import pipeline_counts, plot_pipeline
from helpers.plots.prediction import plot_prediction_trace
from helpers.plots.step_probe import block_of, plot_probe, xray_rows
from helpers.plots.trace import REFERENCE_TRACE, plot_history
from helpers.training.history import History
from helpers.training.loop import set_modes


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def records(number: int, phase: str, start: float = 0.5, lr: float = 0.1) -> History:
    return History.of(
        {
            "epoch": epoch,
            "phase": phase,
            "lr": lr,
            "train_loss": 2 - start - epoch / 50,
            "train_accuracy": start + epoch / 40,
            "val_loss": 2.1 - start - epoch / 50,
            "val_accuracy": start + epoch / 50,
        }
        for epoch in range(1, number + 1)
    )


def lines(ax) -> dict:
    return {line.get_label(): line for line in ax.lines}


def texts(ax) -> list[str]:
    return [text.get_text() for text in ax.texts]


def whole_run() -> History:
    return records(5, "head").extend_with(records(10, "fine-tune", 0.6))


@pytest.mark.parametrize("metric", ["accuracy", "loss"])
def test_does_the_history_show_both_curves_and_the_six_reference_points(metric):
    history = whole_run()
    ax = plot_history(history, metric, reference=True)
    drawn = lines(ax)
    for split in ("train", "val"):
        line = drawn[LINES[split]["label"]]
        assert list(line.get_xdata()) == list(range(1, 16))
        assert list(line.get_ydata()) == [r[f"{split}_{metric}"] for r in history]
    reference = drawn["reference (5000 images, ResNet50)"]
    assert list(reference.get_xdata()) == [1, 3, 5, 6, 8, 10]
    assert list(reference.get_ydata()) == [point[metric] for point in REFERENCE_TRACE]
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
    assert "last blocks released" in texts(ax)
    assert any(list(line.get_xdata()) == [5.5, 5.5] for line in ax.lines)
    assert "released before epoch 6" in text_alternative(ax)
    plain = [{key: value for key, value in r.items() if key != "phase"} for r in whole_run()]
    assert texts(plot_history(plain)) == []
    assert any(list(line.get_xdata()) == [3.5, 3.5] for line in plot_history(plain, released_at=4).lines)
    assert texts(plot_history(records(5, "head"))) == []


def test_is_the_best_epoch_ringed():
    ax = plot_history(whole_run())
    assert ax.collections[0].get_offsets().tolist() == [[15, pytest.approx(0.8)]]
    assert "best epoch 15 with 0.80" in text_alternative(ax)


def test_are_the_curves_told_apart_by_more_than_colour():
    labels = {style["label"] for style in LINES.values()}
    drawn = [line for line in plot_history(whole_run(), reference=True).lines if line.get_label() in labels]
    assert len({line.get_linestyle() for line in drawn}) == len({line.get_marker() for line in drawn}) == len(drawn) == 3
    assert len({fill["hatch"] for key, fill in FILLS.items() if key is not None}) == 3


def test_does_the_history_draw_into_given_axes_and_refuse_nonsense():
    _, axes = plt.subplots(1, 2)
    assert plot_history(whole_run(), ax=axes[1]) is axes[1] and not axes[0].lines
    for history, metric in (([], "accuracy"), (whole_run(), "f1")):
        with pytest.raises(CourseError, match="at least one epoch"):
            plot_history(history, metric)


COUNTS = {
    1: (25_557_032, 25_557_032),
    2: (23_528_522, 23_528_522),
    3: (23_528_522, 20_490),
    4: (23_528_522, 20_490),
    5: (23_528_522, 8_945_674),
    6: (23_528_522, 8_945_674),
}


def test_does_the_pipeline_show_six_stages_with_counts_and_shares():
    ax = plot_pipeline(COUNTS, stage=3)
    boxes = [patch for patch in ax.patches if isinstance(patch, FancyBboxPatch)]
    assert [box.get_label() for box in boxes] == [f"stage {n}" for n in range(1, 7)]
    assert [box.get_x() for box in boxes] == sorted(box.get_x() for box in boxes)
    assert max(boxes, key=lambda box: box.get_linewidth()).get_label() == "stage 3"
    said = texts(ax)
    assert said.count("20,490 can learn") == 2 and said.count("8.9 M can learn") == 2 and said.count("you are here") == 1
    bars = [p for p in ax.patches if isinstance(p, Rectangle)]
    shares = [b.get_width() / a.get_width() for a, b in zip(bars[::2], bars[1::2], strict=True)]
    assert shares == pytest.approx([1, 1, 0.02, 0.02, 0.3802, 0.3802], abs=1e-3)
    assert "20,490 of 23,528,522 parameters can learn" in text_alternative(ax) and "at stage 3" in text_alternative(ax)


def test_does_one_count_need_its_stage():
    ax = plot_pipeline((100, 10), stage=5)
    assert "10 can learn" in texts(ax) and sum("can learn" in text for text in texts(ax)) == 1
    with pytest.raises(CourseError, match="stage=3"):
        plot_pipeline((100, 10))
    with pytest.raises(CourseError, match="no stage 7"):
        plot_pipeline(COUNTS, stage=7)


def test_are_the_pipelines_counts_the_golden_ones():
    from helpers.models import backbones

    counts = pipeline_counts(backbones.get("resnet50"))
    assert {stage: (c.total, c.trainable) for stage, c in counts.items()} == COUNTS
    assert plot_pipeline(counts).patches


def small_probe(train: bool = False, optimizer_all: bool = False):
    case = Case(kind="lookalike")
    model = case.model().requires_grad_(False)
    model.fc.requires_grad_(True)
    set_modes(model)
    if train:
        model.train()
    optimizer = torch.optim.SGD((model if optimizer_all else model.fc).parameters(), lr=0.1)
    return probe(model, optimizer, next(iter(case.loader())))


def cells(report) -> dict[str, list[tuple]]:
    return {row.name: list(row.cells) for row in xray_rows(report)}


def test_does_the_xray_say_what_the_step_did():
    rows = cells(small_probe())
    assert [word for _, word, _ in rows["fc"]] == ["yes", "0.1", "train", "yes", "yes", ""]
    assert [word for _, word, _ in rows["pre_fc_norm"]] == ["frozen", "no", "eval", "no", "no", "no"]
    assert not any(wrong for row in rows.values() for *_, wrong in row)


def test_does_the_xray_frame_what_contradicts_the_freezing():
    ax = plot_probe(small_probe(train=True, optimizer_all=True))
    framed = [patch for patch in ax.patches if patch.get_label() == "contradiction"]
    assert len(framed) == 8 + 4 and {to_hex(patch.get_edgecolor()).upper() for patch in framed} == {VERMILLION}
    assert texts(ax).count("yes !") == 4 and texts(ax).count("0.1 !") == 8
    assert "statistics moved yes (contradiction)" in text_alternative(ax)
    assert not [patch for patch in plot_probe(small_probe()).patches if patch.get_label() == "contradiction"]


def test_do_frozen_and_trainable_look_the_same_in_xray_pipeline_and_trace():
    frozen, learning = FILLS[True], FILLS[False]
    pictures = plot_probe(small_probe()), plot_pipeline(COUNTS), plot_prediction_trace(trace(), categories="abcd")
    for ax in pictures:
        bars = [patch for patch in ax.patches if type(patch) is Rectangle]
        looks = {(to_hex(bar.get_facecolor()), bar.get_hatch() or "") for bar in bars}
        assert (to_hex(frozen["facecolor"]), frozen["hatch"]) in looks
        assert (to_hex(learning["facecolor"]), "") in looks and learning["facecolor"] == GREEN


def test_is_resnet50_shown_by_block():
    import torchvision

    model = torchvision.models.resnet50(num_classes=10).requires_grad_(False)
    model.fc.requires_grad_(True)
    set_modes(model)
    report = probe(model, None, (torch.randn(2, 3, 64, 64), torch.arange(2)))
    rows = xray_rows(report)
    assert len(report.layers) == 107 and len(rows) == 19
    assert [row.name for row in rows[:4]] == ["conv1", "bn1", "layer1.0", "layer1.1"] and rows[-1].name == "fc"
    assert sum(row.scalars for row in rows) == 23_528_522
    ax = plot_probe(report)
    assert "layer4.2" in texts(ax) and ax.get_figure().get_size_inches()[1] < 8


@pytest.mark.parametrize(
    "name, block",
    [
        ("layer4.1.conv1", "layer4.1"),
        ("layer1.0.downsample.0", "layer1.0"),
        ("blocks.5.3.bn2", "blocks.5.3"),
        ("conv1", "conv1"),
        ("", ""),
    ],
)
def test_does_a_layer_know_its_block(name, block):
    assert block_of(name) == block


def trace(num_classes: int = 4, num_features: int = 8, top: int = 2) -> dict:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(1, num_classes, generator=generator)
    logits[0, top] = 5.0
    return {
        "input": torch.randn(1, 3, 12, 12, generator=generator),
        "features": torch.randn(1, num_features, generator=generator),
        "logits": logits,
        "probabilities": logits.softmax(1),
        "prediction": logits.argmax(1),
    }


def test_does_the_prediction_trace_show_five_steps_with_shapes_and_values():
    values = trace()
    ax = plot_prediction_trace(values, categories=["ant", "bee", "cat", "dog"], title="before")
    said = texts(ax)
    for text in ("1 × 3 × 12 × 12", "1 × 8", "1 × 4", "frozen", "can learn", "cat", "before"):
        assert text in said
    picture, features, logits, probabilities = ax.child_axes
    assert picture.images[0].get_array().shape == (12, 12, 3)
    assert features.images[0].get_array().compressed().tolist() == pytest.approx(values["features"][0].tolist())
    assert [bar.get_width() for bar in logits.patches] == pytest.approx(values["logits"][0].tolist())
    assert [bar.get_width() for bar in probabilities.patches] == pytest.approx(values["probabilities"][0].tolist())
    assert [label.get_text() for label in logits.get_yticklabels()] == ["ant", "bee", "cat", "dog"]
    marked = [i for i, bar in enumerate(probabilities.patches) if not bar.get_hatch()]
    assert marked == [2]
    words = text_alternative(ax)
    assert words.startswith("before: Five steps") and "Predicted class 2, cat" in words and "features (1 by 8" in words


def test_does_the_trace_say_what_was_frozen():
    ax = plot_prediction_trace(trace(), categories="abcd", frozen={"features": "mixed"})
    assert "partly frozen" in texts(ax) and "frozen" not in texts(ax)
    swatches = {patch.get_label() for patch in ax.patches if type(patch) is Rectangle}
    assert swatches == {"features: partly frozen", "logits: can learn"}


def test_are_only_the_most_probable_of_many_classes_drawn():
    values = trace(num_classes=1000, num_features=2048, top=811)
    ax = plot_prediction_trace(values, categories=[f"class {i}" for i in range(1000)])
    logits = ax.child_axes[2]
    assert len(logits.patches) == 10 and logits.get_yticklabels()[0].get_text() == "class 811"
    assert ax.child_axes[1].images[0].get_array().shape == (32, 64)


def test_is_the_learners_picture_shown_where_one_is_given():
    from PIL import Image

    ax = plot_prediction_trace(trace(), categories="abcd", image=Image.new("RGB", (28, 20), (9, 8, 7)))
    assert ax.child_axes[0].images[0].get_array()[0, 0].tolist() == [9, 8, 7]


def test_is_a_trace_that_lacks_a_step_or_a_name_refused():
    values = trace()
    with pytest.raises(CourseError, match="one name for each"):
        plot_prediction_trace(values, categories=["a", "b"])
    del values["logits"]
    with pytest.raises(CourseError, match="lacks logits"):
        plot_prediction_trace(values, categories="abcd")


@pytest.mark.parametrize(
    "draw",
    [
        lambda ax: plot_history(whole_run(), reference=True, ax=ax),
        lambda ax: plot_pipeline(COUNTS, stage=1, ax=ax),
        lambda ax: plot_probe(small_probe(), ax=ax),
        lambda ax: plot_prediction_trace(trace(), categories="abcd", ax=ax),
    ],
)
def test_does_every_picture_take_axes_and_have_words_without_showing_itself(draw, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *args, **options: pytest.fail("a helper showed a figure by itself"))
    figure, ax = plt.subplots(figsize=(11, 5))
    assert draw(ax) is ax and len(plt.get_fignums()) == 1
    assert len(text_alternative(ax)) > 60 and text_alternative(figure) == text_alternative(ax)
    assert ax.get_legend() is None or ax.get_legend().texts


def test_is_no_text_outside_the_figure():
    pictures = [
        plot_history(whole_run(), reference=True),
        plot_pipeline(COUNTS, stage=6),
        plot_probe(small_probe(train=True)),
        plot_prediction_trace(trace(), categories=["automobile", "bee", "cat", "dog"], title="after"),
    ]
    for ax in pictures:
        figure = ax.get_figure()
        figure.canvas.draw()
        for text in ax.texts:
            box = text.get_window_extent()
            assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1, text.get_text()


def test_does_showing_print_the_words_in_a_terminal_and_close_the_figure(capsys):
    show(plot_history(whole_run()))
    assert capsys.readouterr().out.startswith("Line chart of accuracy") and not plt.get_fignums()


SHOWN = """
import json, matplotlib; matplotlib.use("Agg")
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
shell = InteractiveShell.instance()
from matplotlib import pyplot as plt
from helpers.plots import plot_pipeline, show
with capture_output() as seen:
    show(plot_pipeline((100, 10), stage=3).get_figure())
(output,) = seen.outputs
print(json.dumps([sorted(output.data), output.metadata, output.data["text/html"][:40], plt.get_fignums()]))
"""


def test_does_showing_in_a_notebook_carry_the_words_as_alt_text():
    done = subprocess.run([sys.executable, "-c", SHOWN], capture_output=True, text=True, timeout=120, check=True)
    kinds, metadata, html, figures = json.loads(done.stdout.splitlines()[-1])
    assert kinds == ["image/png", "text/html", "text/plain"] and figures == []
    assert metadata["image/png"]["alt"].startswith("Six stages") and html.startswith('<img alt="Six stages')


def test_do_numbers_read_well():
    assert [short(20_490), short(23_528_522), short(999_999)] == ["20,490", "23.5 M", "999,999"]
    assert [number(-1.25), number(-0.01), number(0.126, 2)] == ["−1.2", "0.0", "0.13"]
