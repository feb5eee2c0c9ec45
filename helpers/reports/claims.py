"""What a run's measurements support, claim by claim, and no more than that.

A claim is supported where even the cautious end of its interval holds. One that is not supported need not be false: the
measurements do not show it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from helpers.course.palette import FAULT, GREEN, SOFT_INK
from helpers.data.own_images import wilson
from helpers.inspection.predictions import Predictions
from helpers.training.history import History
from helpers.training.observations import overfits

SUPPORTED, NOT_SUPPORTED, NOT_MEASURED = "supported", "not supported", "not measured"
# Outcome of a claim -> its sign and colour; the word stands beside them.
LOOKS = {
    SUPPORTED: ("\N{CHECK MARK}", GREEN),
    NOT_SUPPORTED: ("\N{MULTIPLICATION SIGN}", FAULT),
    NOT_MEASURED: ("?", SOFT_INK),
}
CLOSE = 1e-6  # of two accuracies of the same weights on the same inputs in the same batches


@dataclass(frozen=True)
class Claim:
    """A sentence that somebody might say of a run, one of the three outcomes, and the numbers behind the outcome in words."""

    sentence: str
    outcome: str
    evidence: str

    def __repr__(self) -> str:
        return f"{self.sentence}: {self.outcome}. {self.evidence}"


def with_interval(right: int, total: int) -> str:
    """A share of a count with its 95 per cent interval: ``"0.93 (0.90 to 0.95)"``."""
    low, high = wilson(right, total)
    return f"{right / total:.2f} ({low:.2f} to {high:.2f})" if total else "no image"


def beats_guessing(test: Predictions, majority: tuple[str, float]) -> Claim:
    """Whether the model beats the answer that never looks: always the commonest class."""
    name, guess = majority
    right = int(test.right.sum())
    evidence = f"Accuracy {with_interval(right, len(test))} on {len(test)} test images; always saying {name!r} has {guess:.2f}."
    held = wilson(right, len(test))[0] > guess
    return Claim("Better than always guessing the commonest class", SUPPORTED if held else NOT_SUPPORTED, evidence)


def beats_control(test: Predictions, epochs: int, control: Predictions | None, control_epochs: int | None) -> Claim:
    """Whether the strategy beats the head alone, trained for as many epochs and tested on the same images.

    The two are compared image by image, on those that one of them has right and the other wrong.
    """
    sentence = "Better than the head alone, trained for as many epochs"
    if control is None:
        return Claim(sentence, NOT_MEASURED, "The head alone was not trained as a control.")
    if control_epochs != epochs:
        return Claim(sentence, NOT_MEASURED, f"The control had {control_epochs} epochs, the strategy {epochs}.")
    return _image_by_image(sentence, test, control.right, "the control")


def beats_baseline(test: Predictions, title: str | None = None, answers: Sequence[int] | None = None) -> Claim:
    """Whether the strategy beats the best classifier on raw pixels, compared image by image as with the control.

    Args:
        test: the strategy's answers.
        title: what the classifier is called.
        answers: its class index for each of the same images; None if none was fitted.
    """
    sentence = "Better than the best of three classifiers on raw pixels"
    if answers is None:
        return Claim(sentence, NOT_MEASURED, "No classifier on raw pixels was fitted as a baseline.")
    return _image_by_image(sentence, test, torch.as_tensor(answers) == test.labels, title)


def _image_by_image(sentence: str, test: Predictions, right: Tensor, name: str) -> Claim:
    """A sign test on the images that only one of two has right, by Wilson's interval; `right` is the other's, bool (N,)."""
    ours, theirs = int((test.right & ~right).sum()), int((~test.right & right).sum())
    accuracies = f"Accuracy {test.accuracy:.2f} against {float(right.float().mean()):.2f} on the same {len(test)} test images."
    if not ours + theirs:
        return Claim(sentence, NOT_SUPPORTED, f"{accuracies} On every image both are right or both wrong.")
    low, high = wilson(ours, ours + theirs)
    differ = f"They differ on {ours + theirs}, of which the strategy has {ours} right and {name} {theirs}"
    if low > 0.5:
        return Claim(sentence, SUPPORTED, f"{accuracies} {differ}.")
    verdict = f"{name} is better" if high < 0.5 else "chance alone could do that"
    return Claim(sentence, NOT_SUPPORTED, f"{accuracies} {differ}: {verdict}.")


@dataclass(frozen=True)
class Kept:
    """What was to stay as it was loaded, compared bit for bit.

    Attributes:
        released: how many tensors were trainable.
        apart: how many tensors took no part in the training, since what they give was computed once.
        frozen: how many tensors took part and were to stay.
        statistics: how many BatchNorm buffers took part.
        moved: the names of those two kinds that have changed.
    """

    released: int
    apart: int
    frozen: int
    statistics: int
    moved: tuple[str, ...]


def kept_still(kept: Kept | None) -> Claim:
    """Whether only what was released has changed; `kept` is None if nobody compared the weights."""
    sentence = "Only what was released has changed"
    if kept is None:
        return Claim(sentence, NOT_MEASURED, "The weights were not compared with the pre-trained ones.")
    if kept.moved:
        return Claim(sentence, NOT_SUPPORTED, f"{len(kept.moved)} tensors differ that were to stay, such as {kept.moved[0]}.")
    parts = [f"{kept.frozen} frozen tensors"] if kept.frozen else []
    parts += [f"{kept.statistics} BatchNorm statistics"] if kept.statistics else []
    same = f" {' and '.join(parts)} are exactly the pre-trained ones." if parts else ""
    apart = f" {kept.apart} in front of them took no part in the training." if kept.apart else ""
    return Claim(sentence, SUPPORTED, f"{kept.released} tensors were trainable.{apart}{same}")


def finds_each_class(test: Predictions, class_names: Sequence[str]) -> Claim:
    """Whether each class is recognised more often than not."""
    sentence = "Every class is recognised more often than not"
    of_class = [(test.labels == label, name) for label, name in enumerate(class_names)]
    counts = [(int(those.sum()), int((test.right & those).sum()), name) for those, name in of_class]
    absent = [name for total, _, name in counts if not total]
    if absent:
        return Claim(sentence, NOT_MEASURED, f"There is no test image of {absent[0]!r}.")
    total, right, name = min(counts, key=lambda entry: wilson(entry[1], entry[0])[0])
    outcome = SUPPORTED if wilson(right, total)[0] > 0.5 else NOT_SUPPORTED
    weakest = f"The weakest is {name!r}: {right} of its {total} test images right, {with_interval(right, total)}."
    return Claim(sentence, outcome, weakest)


def has_best_weights(history: History, val_accuracy: float) -> Claim:
    """Whether the model, measured again on the validation images, is what the best epoch's record says."""
    best = history.best
    said = f"The record of epoch {best['epoch']}, the best, says {best['val_accuracy']:.3f}."
    evidence = f"Validation accuracy {val_accuracy:.3f}, measured again. {said}"
    held = abs(val_accuracy - best["val_accuracy"]) < CLOSE
    return Claim("The model has its best epoch's weights", SUPPORTED if held else NOT_SUPPORTED, evidence)


def best_before_the_end(history: History) -> Claim:
    """Whether the run went on past its best epoch, so that its length was not what held it back."""
    sentence = "The run was long enough to pass its best epoch"
    best, last = history.best, history[-1]
    where = f"Best validation accuracy {best['val_accuracy']:.3f} in epoch {best['epoch']} of {last['epoch']}"
    if best["epoch"] == last["epoch"]:
        return Claim(sentence, NOT_SUPPORTED, f"{where}, the last: training might go on.")
    later = last["epoch"] - best["epoch"]
    return Claim(sentence, SUPPORTED, f"{where}; {later} later {'epochs' if later > 1 else 'epoch'} did no better.")


def no_overfitting(history: History) -> Claim:
    """Whether the validation loss has not risen while the training loss still fell: the rule of lesson 07."""
    lowest, last = min(history, key=lambda record: record["val_loss"]), history[-1]
    evidence = (
        f"Validation loss {lowest['val_loss']:.3f} at its lowest, in epoch {lowest['epoch']}, and {last['val_loss']:.3f} at the "
        f"end; training loss {lowest['train_loss']:.3f} and {last['train_loss']:.3f}."
    )
    return Claim("No overfitting by the end of the run", NOT_SUPPORTED if overfits(history) else SUPPORTED, evidence)
