"""The report on a strategy: one HTML page with what was done, what was measured, and which claims that supports.

    write_report("10_capstone_report.html", evidence)    # from helpers.reports.evidence.gather
"""

from __future__ import annotations

import os
from pathlib import Path

from helpers import plots
from helpers.course.errors import CourseError
from helpers.data.own_images import ChosenImages, wilson
from helpers.inspection.predictions import confident_mistakes, confusion
from helpers.parameters import count
from helpers.reports import page as html
from helpers.reports.evidence import Evidence

PHASES = {"head": "the head alone", "fine_tune": "fine-tuning"}
CAPTIONS = {
    "head": "While the head is trained. Hatched: frozen, still, or no. Green: yes.",
    "fine_tune": "While head and last blocks are fine-tuned. In a released block BatchNorm stays in eval mode: hence partly.",
}
MISTAKES, SAMPLES = 12, 12


def write_report(path: str | Path, evidence: Evidence) -> Path:
    """Write the page to `path` and return it: one file, whole or not at all, that needs nothing else.

    Raises:
        CourseError: the file cannot be written.
    """
    path = Path(path)
    name, classes = evidence.chosen.name, len(evidence.chosen.class_names)
    lead = f"{evidence.backbone.title}, pre-trained on ImageNet, brought to {classes} classes of {name} in two phases."
    text = html.page(f"Fine-tuning on {name}", lead, _sections(evidence), _foot(evidence))
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise CourseError(f"The report could not be written to {path} ({error.strerror}): give another path.") from None
    return path


def _sections(evidence: Evidence) -> list[tuple[str, str]]:
    return [
        ("In short", _in_short(evidence)),
        ("What the measurements support", html.claims(evidence.claims)),
        ("The images", _images(evidence.chosen)),
        ("What was done", _done(evidence)),
        ("The training trace", _trace(evidence)),
        ("What moved in each phase", _xrays(evidence)),
        ("Which class is taken for which", _confusion(evidence)),
        ("Its most confident mistakes", _mistakes(evidence)),
    ]


def _in_short(evidence: Evidence) -> str:
    test = evidence.test
    low, high = wilson(int(test.right.sum()), len(test))
    commonest, guess = evidence.chosen.majority()
    said = f"{int(test.right.sum())} of {len(test)} test images; 95\N{NO-BREAK SPACE}% interval {low:.2f} to {high:.2f}"
    marks = [("This strategy", test.accuracy, said)]
    if evidence.control:
        answers, epochs = evidence.control
        marks.append(("The head alone", answers.accuracy, f"the control: {epochs} epochs, no block released"))
    marks.append(("Guessing", guess, f"always {commonest!r}, the commonest class"))
    return html.scale(marks, (low, high))


def _images(chosen: ChosenImages) -> str:
    rows = chosen.table_rows()
    train = chosen.splits.train
    first = [int((train.labels == label).nonzero()[0]) for label in range(min(SAMPLES, len(chosen.class_names)))]
    samples = [(train.images[index], chosen.class_names[int(train.labels[index])]) for index in first]
    return f'{html.paragraphs(*chosen.facts())}<div class="pair">{html.table(rows)}{html.photos(samples)}</div>'


def _done(evidence: Evidence) -> str:
    config = evidence.config
    total = count(evidence.backbone.build(config["num_classes"], pretrained=False)).total
    rows = [("phase", "what can learn", "numbers", "of the model", "epochs", "rate")]
    last = {0: "", 1: " and the last block"}.get(config["released_blocks"], f" and the last {config['released_blocks']} blocks")
    parts = {"head": "the head", "fine_tune": f"the head{last}"}
    for phase, words in PHASES.items():
        numbers = evidence.trainable[phase]
        lr, epochs = config[f"{phase}_lr"], config[f"{phase}_epochs"]
        rows.append((words, parts[phase], f"{numbers:,}", f"{numbers / total:.1%}", f"{epochs}", f"{lr:g}"))
    return html.table(rows) + html.paragraphs(
        "After each epoch the validation images were looked at, and by them the best epoch was chosen. The test images chose "
        "nothing."
    )


def _trace(evidence: Evidence) -> str:
    captions = {
        "accuracy": "Accuracy by epoch. The ring marks the best epoch.",
        "loss": "Mean cross entropy by epoch. Where validation turns up while training goes on down, overfitting begins.",
    }
    return "".join(
        html.figure(plots.plot_history(evidence.history, metric, released_at=evidence.released_at), caption)
        for metric, caption in captions.items()
    )


def _xrays(evidence: Evidence) -> str:
    how = "One optimisation step on a copy of the whole model, with flags, modes and rate as in that phase."
    shown = (html.figure(plots.plot_probe(step), CAPTIONS[phase]) for phase, step in evidence.probes.items())
    return html.paragraphs(how) + "".join(shown)


def _confusion(evidence: Evidence) -> str:
    ax = plots.plot_confusion(confusion(evidence.test), evidence.chosen.class_names)
    return html.figure(ax, "Test images: a row for each true class, a column for each answer.", width=36)


def _mistakes(evidence: Evidence) -> str:
    test, names = evidence.test, evidence.chosen.class_names
    indices = confident_mistakes(test, MISTAKES).tolist()
    if not indices:
        return html.paragraphs("There is none: every test image is right.")
    images = evidence.chosen.splits.test.images
    words = [f"{names[test.labels[i]]}, taken for {names[test.classes[i]]} ({test.confidence[i]:.2f})" for i in indices]
    shown = [(images[i], caption) for i, caption in zip(indices, words, strict=True)]
    wrong = len(test) - int(test.right.sum())
    lead = f"Of {wrong} test images that are wrong, those of which the model is surest. In brackets how sure it is."
    return html.paragraphs(lead) + html.photos(shown)


def _foot(evidence: Evidence) -> str:
    return (
        "One run is one draw: another seed gives other images, another head and other numbers. "
        "Intervals are Wilson's, at 95 %, and speak of images like these, drawn in the same way; of others they say nothing. "
        f"Weights: {evidence.backbone.licence}, {evidence.backbone.source}."
    )
