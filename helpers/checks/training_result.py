"""Judging a training result: by what the trained weights do, not by what a history says of them.

A history is a claim. The weights are measured again on images that were held out, compared with the
pre-trained ones, and only then do the records count.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from torch import nn
from torch.utils.data import DataLoader, Dataset

from helpers.checks.bars import FEWER_DIGITS, LAPTOP, NO_REAL_LOSS, TIMES_CHANCE, Bars
from helpers.checks.intact import intact
from helpers.checks.report import Finding, failed, passed, passed_if
from helpers.checks.small_models import names_of
from helpers.course import settings
from helpers.data import batches, splits
from helpers.inspection.snapshot import take_snapshot
from helpers.models import backbones
from helpers.training import features
from helpers.training.history import KEYS
from helpers.training.loop import measure

# Another batch size or machine changes the last bits, which can tip an image that lies between two classes.
LEAST_BLOCKS = 2  # the course's sentence "the last two blocks", taken word by word
CLOSE_LOSS, CLOSE_ACCURACY = 0.02, 0.011


@dataclass(frozen=True)
class HeldOut:
    """The images on which a result is measured again.

    Attributes:
        split: ``"val"`` in the visible check, ``"test"`` where marks are given.
        seed: seed of the splits; default the course's own.
        draw: seed by which epochs are chosen whose records are held against the weights of that time.
    """

    split: str = "val"
    seed: int | None = None
    draw: int = 0

    def settings(self) -> settings.Settings:
        """The course's settings, with this seed."""
        course = settings.load()
        return course if self.seed is None else replace(course, seed=self.seed)

    def measure(self, model: nn.Module, released_blocks: int | None, split: str | None = None) -> dict[str, float]:
        """The model's ``loss`` and ``accuracy`` on this split, or on another one.

        Args:
            model: the whole model; left as it came.
            released_blocks: what lies before the head and so many blocks is known to equal the pre-trained part to the last
                bit, so its output is read from the cache; None measures the whole model from the images on.
            split: default `self.split`.
        """
        return measure(*self.part(model, released_blocks, split or self.split))

    def part(self, model: nn.Module, released_blocks: int | None, split: str) -> tuple[nn.Module, DataLoader]:
        """(what is to be measured of the model, batches of its inputs); arguments as of `measure`."""
        course, part = self.settings(), model
        dataset = _inputs(course, split, released_blocks)
        if released_blocks is not None:
            _, part = features.split_model(backbones.get(course.backbone), model, released_blocks)
        return part, batches.make_loader(dataset, batch_size=course.batch_size)

    def measure_again(self, model: nn.Module, released_blocks: int | None) -> tuple[dict[str, float], float]:
        """The model's numbers on the validation images, and its accuracy on this split; arguments as of `measure`."""
        val = self.measure(model, released_blocks, "val")
        return val, val["accuracy"] if self.split == "val" else self.measure(model, released_blocks)["accuracy"]

    def bars(self) -> Bars:
        """What to ask for under these settings."""
        course = self.settings()
        measured = (course.backbone, course.dataset, course.image_size) == ("efficientnet_lite0", "digits", 96)
        if measured and course.num_train >= 500 and self.num_classes() >= 8:
            return LAPTOP if self.num_classes() == 10 else FEWER_DIGITS
        least = TIMES_CHANCE / self.num_classes()
        return Bars(head=least, fine_tuned=least, gain=NO_REAL_LOSS)

    def num_classes(self) -> int:
        """How many classes the data set has."""
        return len(_splits(self.settings()).class_names)

    def pretrained(self) -> nn.Module:
        """The pre-trained model with a new head for these classes, frozen, in eval mode. Read it, do not change it."""
        return _pretrained(self.settings().backbone, self.num_classes())


@lru_cache(maxsize=4)
def _inputs(course: settings.Settings, split: str, released_blocks: int | None) -> Dataset:
    """What goes into the model, or into what lies behind its frozen part: of a whole class the same."""
    backbone = backbones.get(course.backbone)
    dataset = batches.to_dataset(getattr(_splits(course), split), backbone.transform(course.image_size))
    if released_blocks is None:
        return dataset
    pretrained = _pretrained(course.backbone, len(_splits(course).class_names))
    front, _ = features.split_model(backbone, pretrained, released_blocks)
    return features.compute_once(front, dataset, batch_size=course.batch_size, progress=False)


@lru_cache(maxsize=1)
def _splits(course: settings.Settings) -> splits.Splits:
    return splits.course_splits(course)


@lru_cache(maxsize=1)
def _pretrained(backbone: str, num_classes: int) -> nn.Module:
    return backbones.with_new_head(backbone, num_classes=num_classes).requires_grad_(False).eval()


def learning_names(backbone: backbones.Backbone, model: nn.Module, released_blocks: int) -> set[str]:
    """Names of the parameters that may have moved: of the head and of the last blocks."""
    blocks = backbone.residual_blocks(model)
    return names_of(model, backbone.head(model), *blocks[len(blocks) - released_blocks :])


def whole_model(aspect: str, model: object, original: nn.Module, name: str = "model") -> Finding | None:
    """None if `model` is built as `original`; else what is wrong with it."""
    if isinstance(model, nn.Module):
        shapes = {key: tuple(t.shape) for key, t in model.state_dict().items()}
        if shapes == {key: tuple(t.shape) for key, t in original.state_dict().items()}:
            return None
    return failed(
        aspect, "not_the_model",
        found=f"{name} is {type(model).__name__}, not the whole network with one output a class",
        expected="the model as the lesson made it, base and head together",
        likely=f"Was `{name}` given to something else in a cell of your own? Restart, and run all cells in order.",
    )  # fmt: skip


def frozen_finding(model: nn.Module, case: HeldOut, released_blocks: int) -> Finding:
    """Whether all that was frozen, and every buffer, still equals the pre-trained weights exactly."""
    return intact(
        "frozen", take_snapshot(case.pretrained()), model, "frozen_moved", "statistics_moved",
        free=learning_names(backbones.get(case.settings().backbone), model, released_blocks),
        likely={"frozen_moved": "They were trainable at some time, or the base has no pre-trained weights: start again from the "
                "released model."},
    )  # fmt: skip


def records_finding(history: object, num_epochs: int, *rates: float) -> Finding:
    """Whether the history is a list of `num_epochs` whole records with sensible numbers, all at one of `rates`, if given."""
    reason, found = _trouble(history, num_epochs, rates)
    expected = f"a list of {num_epochs} dicts, epochs 1 to {num_epochs}, with the keys {', '.join(KEYS)}"
    if reason == "wrong_rate":
        expected = f"lr {' or '.join(f'{lr:g}' for lr in rates)} in every record"
    return passed_if("records", not reason, reason, found=found, expected=expected)


def _trouble(history: object, num_epochs: int, rates: tuple[float, ...]) -> tuple[str, str]:
    """(reason code, what was found) of the first thing that is wrong with the records; both empty if nothing is."""
    if not isinstance(history, list):
        return "not_a_list", f"a {type(history).__name__}"
    if not all(isinstance(record, Mapping) for record in history):
        return "not_a_list", "a list, but not of dicts"
    if len(history) != num_epochs:
        return "wrong_length", f"{len(history)} records"
    for record in history:
        missing = [key for key in KEYS if key not in record]
        if missing:
            return "missing_key", f"a record without {', '.join(missing)}"
    if [record["epoch"] for record in history] != list(range(1, num_epochs + 1)):
        return "wrong_epochs", f"epochs {[record['epoch'] for record in history]}"
    for record in history:
        for key in KEYS[1:]:
            if not _sensible(key, record[key]):
                return "not_finite", f"{key} {record[key]!r} in epoch {record['epoch']}"
        if rates and not any(math.isclose(history[0]["lr"], lr) and math.isclose(record["lr"], lr) for lr in rates):
            return "wrong_rate", f"lr {record['lr']:g} in epoch {record['epoch']}"
    return "", ""


def _sensible(key: str, value: object) -> bool:
    if type(value) not in (float, int) or not math.isfinite(value) or value < 0:
        return False
    return value <= 1 if key.endswith("accuracy") else value > 0 or key != "lr"


def agrees_finding(records: Finding, record: Mapping | None, found: dict[str, float], which: str) -> Finding:
    """Whether `record` says of the validation images what measuring the model again says."""
    if not records.passed or record is None:
        return failed("agrees", "no_records", found="the records cannot be read", expected=f"the numbers of {which}")
    return passed_if(
        "agrees", close(record, found), "record_disagrees",
        found=f"{which} says val_loss {record['val_loss']:.3f}, val_accuracy {record['val_accuracy']:.3f}; "
        f"the model's own numbers are {found['loss']:.3f} and {found['accuracy']:.3f}",
        expected="the two to agree: a record is worth as much as the weights behind it",
    )  # fmt: skip


def close(record: Mapping, found: Mapping[str, float]) -> bool:
    """Whether a record and numbers that were measured say the same of the validation images."""
    off_loss, off_accuracy = abs(record["val_loss"] - found["loss"]), abs(record["val_accuracy"] - found["accuracy"])
    return off_loss <= CLOSE_LOSS and off_accuracy <= CLOSE_ACCURACY


def nearest_best(history: list[dict], found: Mapping[str, float]) -> dict:
    """Of the records with the highest validation accuracy, the one whose loss is nearest to the measured one."""
    top = max(record["val_accuracy"] for record in history)
    return min((r for r in history if r["val_accuracy"] == top), key=lambda record: abs(record["val_loss"] - found["loss"]))


def falls_finding(records: Finding, history: object) -> Finding:
    """Whether the training loss is lower at the end than at the start."""
    if not records.passed:
        return failed("falls", "no_records", found="the records cannot be read", expected="a loss in every record")
    first, last = history[0]["train_loss"], history[-1]["train_loss"]
    return passed_if(
        "falls", last < first, "loss_does_not_fall",
        found=f"training loss {first:.3f} in the first epoch, {last:.3f} in the last", expected="a lower one in the last",
        likely="It stands still: nothing is learned." if first == last else "",
    )  # fmt: skip


def accuracy_finding(aspect: str, accuracy: float, bar: float, split: str, likely: str) -> Finding:
    """Whether an accuracy that was measured here reaches its bar."""
    return passed_if(
        aspect, accuracy >= bar, "low_accuracy",
        found=f"accuracy {accuracy:.3f} on the {split} images, measured again",
        expected=f"{bar:.2f} or more; correct work lies well above it with any seed", likely=likely,
    )  # fmt: skip


def best_finding(records: Finding, history: object, found: dict[str, float]) -> Finding:
    """Whether a model that measures as `found` on the validation images has the weights of the history's best epoch."""
    if not records.passed:
        return failed("best", "no_records", found="the records cannot be read", expected="records that tell which epoch was best")
    top = max(record["val_accuracy"] for record in history)
    best = [record for record in history if record["val_accuracy"] == top]
    if any(same(record, found) for record in best):
        return passed("best")
    matching = next((record["epoch"] for record in history if same(record, found)), None)
    numbers = f"validation loss {found['loss']:.3f} and accuracy {found['accuracy']:.3f}"
    if matching == history[-1]["epoch"]:
        reason, seen = "last_weights", f"a model with {numbers}"
        likely = (
            "These are the last epoch's. Were the best ones kept by copy.deepcopy (state_dict() is a live view), and loaded last?"
        )
    elif matching:
        reason, seen = "other_epoch", f"the weights of epoch {matching}"
        likely = "Another epoch was kept: compare validation accuracies, and let the higher one win."
    else:
        reason, seen, likely = "record_disagrees", f"a model with {numbers}, which no record says", ""
    expected = f"the weights of epoch {best[0]['epoch']}, which had the highest validation accuracy, {top:.3f}"
    return failed("best", reason, found=seen, expected=expected, likely=likely)


def same(record: Mapping, found: Mapping[str, float]) -> bool:
    """Whether a record is what was measured, of a model so small that hardly a bit can differ."""
    return abs(record["val_loss"] - found["loss"]) < 1e-3 and abs(record["val_accuracy"] - found["accuracy"]) < 1e-3
