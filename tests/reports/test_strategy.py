"""Does the report claim what was measured and no more, and is its page whole, safe and readable for everybody?"""

import copy
import re
import tomllib
from collections import defaultdict
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch
from jinja2 import UndefinedError
from markupsafe import Markup
from torch import nn

from helpers.course.errors import CourseError
from helpers.data import own_images
from helpers.inspection.predictions import Predictions
from helpers.models import backbones
from helpers.reports import claims, page, strategy
from helpers.reports.claims import NOT_MEASURED, NOT_SUPPORTED, SUPPORTED
from helpers.reports.evidence import gather
from helpers.reports.strategy import write_report
from helpers.training import baselines, features
from helpers.training.history import History
from tests.answers.run_strategy import RIGHT

RUN = RIGHT["one loop over two phases"]


def answers(right, total, num_classes=2, sure=0.9):
    """Predictions of which the first `right` are right; labels go round the classes."""
    labels = torch.arange(total) % num_classes
    said = torch.where(torch.arange(total) < right, labels, (labels + 1) % num_classes)
    rest = (1 - sure) / (num_classes - 1)
    return Predictions(labels, torch.full((total, num_classes), rest).scatter(1, said[:, None], sure))


def record(epoch, val_accuracy, val_loss=0.5, train_loss=0.5):
    values = {"epoch": epoch, "lr": 1e-3, "train_loss": train_loss, "train_accuracy": 0.9}
    return values | {"val_loss": val_loss, "val_accuracy": val_accuracy}


@pytest.mark.parametrize(("right", "total", "outcome"), [(90, 100, SUPPORTED), (55, 100, NOT_SUPPORTED), (6, 7, NOT_SUPPORTED)])
def test_better_than_guessing_needs_the_cautious_end_of_the_interval(right, total, outcome):
    claim = claims.beats_guessing(answers(right, total), ("cat", 0.5))
    assert claim.outcome == outcome and f"on {total} test images" in claim.evidence and "'cat' has 0.50" in claim.evidence


@pytest.mark.parametrize(
    ("ours", "theirs", "outcome", "words"),
    [
        (90, 70, SUPPORTED, "has 20 right and the control 0"),
        (84, 81, NOT_SUPPORTED, "chance alone could do that"),
        (70, 90, NOT_SUPPORTED, "the control is better"),
        (80, 80, NOT_SUPPORTED, "both are right or both wrong"),
    ],
)
def test_the_control_is_compared_image_by_image(ours, theirs, outcome, words):
    claim = claims.beats_control(answers(ours, 100), 10, answers(theirs, 100), 10)
    assert claim.outcome == outcome and words in claim.evidence and "on the same 100 test images" in claim.evidence


def test_without_a_fair_control_nothing_is_claimed_of_it():
    assert claims.beats_control(answers(90, 100), 10, None, None).outcome == NOT_MEASURED
    claim = claims.beats_control(answers(90, 100), 10, answers(10, 100), 5)
    assert claim.outcome == NOT_MEASURED and "The control had 5 epochs, the strategy 10" in claim.evidence


@pytest.mark.parametrize(
    ("ours", "theirs", "outcome", "words"),
    [
        (90, 70, SUPPORTED, "20 right and the SVM 0"),
        (81, 84, NOT_SUPPORTED, "chance alone could do that"),
        (70, 90, NOT_SUPPORTED, "the SVM is better"),
    ],
)
def test_the_baseline_is_compared_image_by_image(ours, theirs, outcome, words):
    claim = claims.beats_baseline(answers(ours, 100), "the SVM", answers(theirs, 100).classes.tolist())
    assert claim.outcome == outcome and words in claim.evidence and f"against 0.{theirs}" in claim.evidence
    assert claims.beats_baseline(answers(90, 100)).outcome == NOT_MEASURED


def test_the_weakest_class_decides_and_a_missing_one_is_not_measured():
    assert claims.finds_each_class(answers(100, 100), "ab").outcome == SUPPORTED
    weak = claims.finds_each_class(answers(5, 10), "ab")
    assert weak.outcome == NOT_SUPPORTED and "of its 5 test images" in weak.evidence
    absent = claims.finds_each_class(answers(4, 4), ["a", "b", "c"])
    assert absent.outcome == NOT_MEASURED and "no test image of 'c'" in absent.evidence


def test_what_was_to_stay_is_counted():
    assert claims.kept_still(None).outcome == NOT_MEASURED
    still = claims.kept_still(claims.Kept(23, 90, 0, 12, ()))
    assert still.outcome == SUPPORTED
    assert still.evidence == (
        "23 tensors were trainable. 90 in front of them took no part in the training. "
        "12 BatchNorm statistics are exactly the pre-trained ones."
    )
    whole = claims.kept_still(claims.Kept(2, 0, 111, 147, ()))
    assert "111 frozen tensors and 147 BatchNorm statistics are exactly" in whole.evidence and "front" not in whole.evidence
    moved = claims.kept_still(claims.Kept(2, 0, 111, 147, ("conv1.weight", "bn1.running_mean")))
    assert moved.outcome == NOT_SUPPORTED and "2 tensors differ that were to stay, such as conv1.weight" in moved.evidence


def test_the_best_epoch_is_looked_for_in_the_records_and_in_the_model():
    history = History([record(1, 0.7), record(2, 0.9), record(3, 0.8)])
    assert claims.best_before_the_end(history).outcome == SUPPORTED
    assert claims.has_best_weights(history, 0.9).outcome == SUPPORTED
    assert claims.has_best_weights(history, 0.8).outcome == NOT_SUPPORTED
    last = claims.best_before_the_end(History(history[:2]))
    assert last.outcome == NOT_SUPPORTED and "the last: training might go on" in last.evidence


@pytest.mark.parametrize(
    ("val", "train", "outcome"),
    [
        ((0.5, 0.4, 0.43), (0.5, 0.3, 0.2), NOT_SUPPORTED),
        ((0.5, 0.4, 0.41), (0.5, 0.3, 0.2), SUPPORTED),
        ((0.5, 0.4, 0.50), (0.5, 0.3, 0.4), SUPPORTED),
    ],
)
def test_overfitting_is_lesson_07s(val, train, outcome):
    history = History(record(n, 0.8, v, t) for n, (v, t) in enumerate(zip(val, train, strict=True), start=1))
    assert claims.no_overfitting(history).outcome == outcome


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """What `gather` takes, for a run of one epoch each on few images, and for its control."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FINETUNE_PROFILE", "laptop")
        chosen = own_images.choose("small_digits", num_train=30, num_val=20, num_test=20)
        backbone = backbones.get("efficientnet_lite0")
        model = backbone.build()
        sets = chosen.datasets(backbone.transform(64))
        fresh, loaders = features.shortened(backbone, model, sets, released_blocks=1, batch_size=16, progress=False)
        config = {"head_name": "classifier", "num_classes": 10, "blocks": backbone.block_names(model), "released_blocks": 1}
        config |= {"head_epochs": 1, "head_lr": 1e-3, "fine_tune_epochs": 1, "fine_tune_lr": 1e-4}
        short, other = copy.deepcopy(fresh), copy.deepcopy(fresh)
        torch.manual_seed(0)
        result = RUN(short, loaders, config)
        control = RUN(other, loaders, {**config, "released_blocks": 0, "head_epochs": 2, "fine_tune_epochs": 0})
        folder = tmp_path_factory.mktemp("baselines")
        parts = {"backbone": backbone, "model": model, "chosen": chosen, "config": config}
        parts["on_pixels"] = baselines.on_pixels(chosen.splits, folder=folder, limit_mb=1, progress=False)
        return {**parts, "run": (short, loaders, result), "control": (other, loaders, control)}


@pytest.fixture(scope="module")
def evidence(run):
    return gather(**run)


def test_the_evidence_is_measured_on_the_model_and_not_copied(run, evidence):
    short, loaders, result = run["run"]
    assert evidence.test.accuracy == result["test"]["accuracy"]
    lying = {**result, "test": {"loss": 0.0, "accuracy": 1.0}}
    assert gather(**{**run, "run": (short, loaders, lying)}).test.accuracy == evidence.test.accuracy
    assert evidence.kept.moved == () and evidence.kept.released == 14 and evidence.kept.frozen == 0
    assert evidence.kept.apart == len(list(run["model"].parameters())) - 14 and evidence.kept.statistics == 12
    assert evidence.control[1] == 2 and len(evidence.claims) == 8
    assert {claim.outcome for claim in evidence.claims} <= {SUPPORTED, NOT_SUPPORTED, NOT_MEASURED}


def test_without_a_control_the_claim_about_it_is_not_measured(run):
    found = gather(**{**run, "control": None})
    assert [claim.outcome for claim in found.claims if "head alone" in claim.sentence] == [NOT_MEASURED]


def test_without_a_baseline_the_claim_about_it_is_not_measured_and_another_images_is_refused(run):
    found = gather(**{**run, "on_pixels": None})
    assert [claim.outcome for claim in found.claims if "pixels" in claim.sentence] == [NOT_MEASURED]
    for change in ({"answers": (1, 2)}, {"test_accuracy": 0.999}):
        altered = {key: replace(one, **change) for key, one in run["on_pixels"].items()}
        with pytest.raises(CourseError, match="of different images"):
            gather(**{**run, "on_pixels": altered})


def test_what_moved_against_the_config_is_found(run):
    short = copy.deepcopy(run["run"][0])
    with torch.no_grad():
        short.bn2.running_mean.add_(1)
    found = gather(**{**run, "run": (short, *run["run"][1:]), "config": {**run["config"], "released_blocks": 0}})
    assert {"conv_head.weight", "bn2.running_mean"} <= set(found.kept.moved) and "bn2.running_var" not in found.kept.moved


def test_each_phases_step_moves_what_it_should(run, evidence):
    head, tuned = evidence.probes["head"], evidence.probes["fine_tune"]
    assert head.error == tuned.error == ""
    assert {name for layer in head.layers for name in layer.moved} == {"classifier.weight", "classifier.bias"}
    assert len({name for layer in tuned.layers for name in layer.moved}) == 14
    assert not head.changes.buffers and not tuned.changes.buffers and tuned["conv_stem"].requires_grad is False
    assert tuned["classifier"].lrs == (1e-4,) and run["run"][0].conv_stem.__class__ is nn.Identity


@pytest.mark.parametrize("broken", [None, {}, {"history": [], "trainable": {}, "test": {}}, {"history": [1], "test": {}}])
def test_a_result_that_lacks_a_part_is_refused(run, broken):
    with pytest.raises(CourseError, match="run_strategy returns a dict with history, trainable, test"):
        gather(**{**run, "run": (*run["run"][:2], broken)})


def test_the_evidence_reads_in_a_notebook(evidence):
    assert evidence.claims[0].sentence in evidence._repr_html_() and len(repr(evidence).splitlines()) == 8
    said = [re.escape(f"{claims.LOOKS[claim.outcome][0]}</span> {claim.outcome}</b>") for claim in evidence.claims]
    assert re.search(".*".join(said), evidence._repr_html_()), "each claim with the sign of its outcome"


class Page(HTMLParser):
    """What is on the page: tags, images' alternatives, headings, addresses."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.images, self.addresses, self.open = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append(tag)
        self.addresses += [attrs[key] for key in ("src", "href") if key in attrs]
        if tag == "img":
            self.images.append(attrs)
        elif tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def text(evidence, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "10_capstone_report.html"
    assert write_report(path, evidence) == path
    assert [entry.name for entry in path.parent.iterdir()] == [path.name], "no temporary file is left"
    return path.read_text(encoding="utf-8")


def test_the_page_needs_nothing_from_anywhere_and_runs_nothing(text):
    read = Page(text)
    assert read.open == [] and read.tags.count("h1") == 1 and read.tags.count("h2") == 8
    assert not {"script", "iframe", "object", "link", "form"} & set(read.tags)
    assert all(address.startswith("data:image/png;base64,") for address in read.addresses)
    assert not re.search(r"\bon\w+=|javascript:|@import|url\(", text)
    assert "default-src 'none'" in text and '<html lang="en">' in text and "width=device-width" in text


def test_every_picture_on_the_page_has_words(text, evidence):
    images = Page(text).images
    assert all(image["alt"].strip() for image in images)
    figures = [image for image in images if len(image["alt"]) > 60]
    assert len(figures) == 3, "two traces, a confusion matrix"
    assert text.count("<caption") == 2 and "The freeze X-ray" in text
    assert len(images) == 3 + 10 + min(12, int((~evidence.test.right).sum()))


def test_the_page_says_what_was_measured(text, evidence):
    assert all(claim.evidence.split(".")[0] in text.replace("&#39;", "'") for claim in evidence.claims)
    for words in (
        "small_digits",
        "1,797",
        "the head and the last block",
        "EfficientNet-Lite0",
        "0.0001",
        evidence.baseline.title,
    ):
        assert words in text
    assert '<td class="number">12,810</td>' in text
    assert text.count("supported</span>") + text.count("not measured</span>") == 8


def test_a_page_without_control_and_with_every_image_right_is_whole_as_well(evidence, tmp_path):
    labels = evidence.test.labels
    perfect = Predictions(labels, torch.nn.functional.one_hot(labels, 10).float())
    config, without = {**evidence.config, "head_epochs": 0}, {"control": None, "baseline": None}
    text = write_report(tmp_path / "page.html", replace(evidence, test=perfect, config=config, **without)).read_text("utf-8")
    assert Page(text).open == [] and "every test image is right" in text and "the control: " not in text
    assert "Without a network" not in text


def filled(tmp_path, template, **values):
    own = tmp_path / "own.html"
    own.write_text(f'{{% extends "page.html" %}}{{% block content %}}{template}{{% endblock %}}', encoding="utf-8")
    return page.fill(own, **{"title": "a page", **values})


ODD = '</title><script>alert("x")</script><b a="\'">\u202e\u2066\x07\x1b\ud800&amp;'
ODD_SHOWN = ODD.replace("\u202e\u2066\x07\x1b\ud800", "\ufffd" * 5)


def test_no_value_can_become_markup_or_turn_the_writing_around(evidence, tmp_path, monkeypatch):
    """Each text that the strategy report is given is the same odd one, those of its pictures included."""
    given = {}
    monkeypatch.setattr(strategy, "fill", lambda template, **values: given.update(values) or "")
    write_report(tmp_path / "report.html", evidence)
    pictures = [page.Picture(ODD, ODD, ODD)]
    given.update(title=ODD, lead=ODD, facts=[ODD], images=[[ODD] * 3] * 2, done=[[ODD] * 3] * 2)
    given.update(marks=[strategy.Mark(ODD, 0.5, ODD, ODD)], claims=[claims.Claim(ODD, ODD, ODD)], looks={ODD: (ODD, ODD)})
    given.update(dict.fromkeys(("samples", "traces", "mistakes"), pictures), xrays=[(ODD, ODD)], confusion=pictures[0])
    given.update(backbone=defaultdict(lambda: ODD))
    content = page.fill(page.TEMPLATES / "strategy.html", **given)
    read = Page(content)
    assert read.open == [] and "script" not in read.tags and read.tags.count("title") == 1 and content.encode("utf-8")
    assert not page._UNSHOWN.search(content)
    assert [image["alt"] for image in read.images] == [ODD_SHOWN] * 4


def test_what_is_html_already_stays_so_and_is_cleaned_as_well(tmp_path):
    content = filled(tmp_path, "{{ made }}{{ text }}", made=Markup("<i>\u202e</i>"), text="<i>\x00")
    assert "<i>\ufffd</i>&lt;i&gt;\ufffd" in content and Page(content).open == []


def test_a_value_that_is_missing_is_an_error_and_no_gap(tmp_path):
    with pytest.raises(UndefinedError, match="'claims' is undefined"):
        filled(tmp_path, "{{ claims }}")


def test_the_templates_travel_with_the_package_and_the_class_reports_own_stays_with_the_grading():
    package = Path(page.__file__).parents[1]
    settings = tomllib.loads((package.parent / "pyproject.toml").read_text(encoding="utf-8"))
    packed = {file for pattern in settings["tool"]["setuptools"]["package-data"]["helpers"] for file in package.glob(pattern)}
    templates = set(package.rglob("templates/*"))
    assert templates <= packed
    assert {file.name for file in templates if "grading" in file.parts} == {"class.html", "plain.html", "marks.html"}
    assert {file.name for file in page.TEMPLATES.iterdir()} == {"page.html", "page.css", "pieces.html", "strategy.html"}


def test_columns_of_numbers_stand_to_the_right():
    assert page.numbers([("class", "n", "what"), ("1", "1,200", "one"), ("2", "0.5%", "7")]) == {1}


def test_a_path_that_cannot_be_written_is_said(evidence, tmp_path):
    with pytest.raises(CourseError, match="could not be written"):
        write_report(tmp_path / "missing" / "page.html", evidence)
