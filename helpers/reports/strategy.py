"""The report on a strategy: one HTML page with what was done, what was measured, and which claims that supports.

As in lesson 10:

    write_report("10_capstone_report.html", evidence)    # from helpers.reports.evidence.gather
"""

import os
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from helpers import plots
from helpers.course.errors import CourseError
from helpers.course.palette import BLUE, PURPLE, SOFT_INK, VERMILLION
from helpers.data.own_images import ChosenImages, wilson
from helpers.inspection.predictions import confident_mistakes, confusion
from helpers.parameters import count
from helpers.reports.claims import LOOKS
from helpers.reports.evidence import Evidence
from helpers.reports.page import TEMPLATES, Picture, drawn, fill, numbers, small

PHASES = {"head": "the head alone", "fine_tune": "fine-tuning"}
TRACES = {
    "accuracy": "Accuracy by epoch. The ring marks the best epoch.",
    "loss": "Mean cross entropy by epoch. Where validation turns up while training goes on down, overfitting begins.",
}
XRAYS = {
    "head": "While the head is trained.",
    "fine_tune": "While head and last blocks are fine-tuned. In a released block BatchNorm stays in eval mode: hence partly.",
}
CONFUSION = "Test images: a row for each true class, a column for each answer."
MISTAKES, SAMPLES = 12, 12


class Mark(NamedTuple):
    """One accuracy, in [0, 1], on the line from 0 to 1, with what is said about it."""

    name: str
    accuracy: float
    said: str
    colour: str


def write_report(path: str | Path, evidence: Evidence) -> Path:
    """Write the page to `path` and return it: one file, whole or not at all, that needs nothing else.

    Raises:
        CourseError: the file cannot be written.
    """
    path = Path(path)
    text = _page(evidence)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise CourseError(f"The report could not be written to {path} ({error.strerror}): give another path.") from None
    return path


def _page(evidence: Evidence) -> str:
    chosen, history, test = evidence.chosen, evidence.history, evidence.test
    classes, right = chosen.class_names, int(test.right.sum())
    trace = {"released_at": evidence.released_at, "num_classes": len(classes)}
    task = f"{len(classes)} classes of {chosen.name}"
    return fill(
        TEMPLATES / "strategy.html",
        title=f"Fine-tuning on {chosen.name}",
        lead=f"{evidence.backbone.title}, pre-trained on ImageNet, brought to {task} in two phases.",
        numbers=numbers,
        marks=_marks(evidence),
        interval=wilson(right, len(test)),
        claims=evidence.claims,
        looks=LOOKS,
        facts=chosen.facts(),
        images=chosen.table_rows(),
        samples=_samples(chosen),
        done=_done(evidence),
        traces=[drawn(plots.plot_history(history, key, **trace), said) for key, said in TRACES.items()],
        xrays=[(Markup(plots.xray(step).html()), XRAYS[phase]) for phase, step in evidence.probes.items()],
        confusion=drawn(plots.plot_confusion(confusion(test), classes), CONFUSION, width=36),
        mistakes=_mistakes(evidence),
        wrong=len(test) - right,
        backbone=evidence.backbone,
    )


def _marks(evidence: Evidence) -> list[Mark]:
    test = evidence.test
    low, high = wilson(int(test.right.sum()), len(test))
    commonest, guess = evidence.chosen.majority()
    said = f"{int(test.right.sum())} of {len(test)} test images; 95\N{NO-BREAK SPACE}% interval {low:.2f} to {high:.2f}"
    marks = [("This strategy", test.accuracy, said, BLUE)]
    if evidence.control:
        answers, epochs = evidence.control
        marks.append(("The head alone", answers.accuracy, f"the control: {epochs} epochs, no block released", VERMILLION))
    if evidence.baseline:
        found = evidence.baseline
        marks.append(("Without a network", found.test_accuracy, f"{found.title}: {found.setting}", PURPLE))
    marks.append(("Guessing", guess, f"always {commonest!r}, the commonest class", SOFT_INK))
    return [Mark(*mark) for mark in marks]


def _samples(chosen: ChosenImages) -> list[Picture]:
    """The first training image of each class."""
    train = chosen.splits.train
    first = [int((train.labels == label).nonzero()[0]) for label in range(min(SAMPLES, len(chosen.class_names)))]
    return [small(train.images[index], chosen.class_names[int(train.labels[index])]) for index in first]


def _done(evidence: Evidence) -> list[tuple[str, ...]]:
    """A row for each phase, under the heading."""
    config = evidence.config
    total = count(evidence.backbone.build(config["num_classes"], pretrained=False)).total
    rows = [("phase", "what is trainable", "numbers", "of the model", "epochs", "rate")]
    last = {0: "", 1: " and the last block"}.get(config["released_blocks"], f" and the last {config['released_blocks']} blocks")
    parts = {"head": "the head", "fine_tune": f"the head{last}"}
    for phase, words in PHASES.items():
        trainable = evidence.trainable[phase]
        lr, epochs = config[f"{phase}_lr"], config[f"{phase}_epochs"]
        rows.append((words, parts[phase], f"{trainable:,}", f"{trainable / total:.1%}", f"{epochs}", f"{lr:g}"))
    return rows


def _mistakes(evidence: Evidence) -> list[Picture]:
    test, names, images = evidence.test, evidence.chosen.class_names, evidence.chosen.splits.test.images
    return [
        small(images[i], f"{names[test.labels[i]]}, taken for {names[test.classes[i]]} ({test.confidence[i]:.2f})")
        for i in confident_mistakes(test, MISTAKES).tolist()
    ]
