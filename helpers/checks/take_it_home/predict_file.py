"""The check of `predict_file`: what a model says to one photograph, given by its path."""

import io
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from PIL import ExifTags, Image
from torch import Tensor, nn

from helpers.checks.exercise import exercise
from helpers.checks.intact import intact
from helpers.checks.report import Aspect, Finding, failed, passed, passed_if
from helpers.checks.small_models import Case
from helpers.checks.take_it_home.place import Place
from helpers.checks.take_it_home.saved_file import lived_in, told
from helpers.checks.watching import Counting, TellsGraph, Visit, visit

TOLERANCE = 1e-4  # of a probability: a hundred times what rounding of float32 makes of it
ON_ITS_SIDE = (
    6  # EXIF's orientation of a camera held upright: https://www.cipa.jp/std/documents/download_e.html?DC-008-Translation-2023-E
)


@dataclass(frozen=True)
class Photo:
    """A made-up photograph as a file.

    Attributes:
        mode: Pillow's name for what a pixel is made of: ``"RGB"``, or ``"L"`` for grey.
        turned: the camera was held upright, and noted it in the file.
        double: the model has its weights in float64.
    """

    mode: str = "RGB"
    turned: bool = False
    double: bool = False

    @property
    def said(self) -> str:
        """What is special about it, in words."""
        special = [*(["grey"] if self.mode == "L" else []), *(["taken with the camera on its side"] if self.turned else [])]
        return "a photograph" + (f", {' and '.join(special)}" if special else "")


PHOTOS = (Photo(), Photo(mode="L"), Photo(turned=True), Photo(double=True))


class Preparing(Counting):
    """A transform of its own kind; `count` is how often the answer has called it.

    Args:
        case: its size and seed decide what it does.
    """

    def __init__(self, case: Case):
        draw = torch.Generator().manual_seed(case.seed + 2)
        self._side = case.image_size
        self._mean, self._std = torch.rand(3, 1, 1, generator=draw), torch.rand(3, 1, 1, generator=draw) * 0.3 + 0.1

    def transform(self, image: Image.Image) -> Tensor:
        """What the answer gets: RGB image -> float32 (3, image_size, image_size), normalised.

        Raises:
            ValueError: the image is not RGB, as with transforms that have three means.
        """
        self.count += 1
        return self.prepared(image)

    def prepared(self, image: Image.Image) -> Tensor:
        """The same, uncounted."""
        if image.mode != "RGB":
            raise ValueError(f"the transform normalises 3 channels, and the image has mode {image.mode!r}")
        pixels = torch.frombuffer(bytearray(image.resize((self._side, self._side)).tobytes()), dtype=torch.uint8)
        scaled = pixels.view(self._side, self._side, 3).permute(2, 0, 1).float() / 255
        return (scaled - self._mean) / self._std


@exercise(
    aspects=(
        Aspect("label", "the most probable class by its name", 2),
        Aspect("probability", "with its probability", 2),
        Aspect("pair", "as a pair of a plain str and a plain float", 0.5, requires=("label",)),
        Aspect("no_gradient", "no gradient is recorded", 0.5, requires=("label",)),
        Aspect("intact", "weights and statistics are as they were", 0.5, requires=("label",)),
    ),
    cases=(Case(num_classes=8, image_size=16), Case(kind="lookalike", head_name="classifier", num_classes=5, seed=1)),
    hints=(
        "Open the file, turn it upright, make it RGB; then as in lesson 01: transform, batch of one, eval mode, no gradient, "
        "softmax. And before the model sees it: to where the model is.",
        "Image.open(path), ImageOps.exif_transpose(image), image.convert('RGB'); tensor.to(weight) brings a tensor to another "
        "one's device and dtype; next(model.parameters()) is a weight.",
        "image = ImageOps.exif_transpose(Image.open(path)).convert('RGB')\nbatch = transform(image)[None].to(...)\n"
        "with torch.no_grad():\n    probabilities = model.eval()(batch).softmax(dim=1)[0]\n"
        "best = int(probabilities.argmax())\nreturn class_names[best], ...",
    ),
    rounds=PHOTOS,
)  # fmt: skip
def predict_file(case: Case, photo: Photo, answer: Callable[..., tuple[str, float]]) -> Iterator[Finding]:
    """Have a made-up photograph classified from its file; the model arrives in mixed modes."""
    model, preparing, names = _arrived(case, photo), Preparing(case), told(case)["class_names"]
    image = _image(case, photo)
    place = Place("photo.png", _file(image, photo))
    with place.there():
        seen = visit(model, case.head(model), answer, model, place, preparing.transform, list(names), by=TellsGraph())
    truth = Truth(case, photo, preparing, image, names)
    label, value = _parts(seen.returned)
    yield _pair_finding(seen.returned)
    yield _label_finding(label, truth, preparing.count)
    yield _probability_finding(value, truth, preparing.count)
    yield _graph_finding(seen, value, truth)
    yield intact("intact", seen.before, seen.changes, "statistics_moved", "model_changed", apart=("modes",))


def _arrived(case: Case, photo: Photo) -> nn.Module:
    model = lived_in(case)
    return model.double() if photo.double else model


def _image(case: Case, photo: Photo) -> Image.Image:
    """What was in front of the camera, upright: wider than high."""
    width, height = case.image_size + 9, case.image_size + 4
    draw = torch.Generator().manual_seed(case.seed + 3 + PHOTOS.index(photo))
    coarse = torch.randint(256, (3, 4, 5), generator=draw).float()[None]
    pixels = nn.functional.interpolate(coarse, (height, width), mode="bilinear").round().clamp(0, 255).to(torch.uint8)[0]
    image = Image.frombytes("RGB", (width, height), bytes(pixels.permute(1, 2, 0).flatten().tolist()))
    return image.convert(photo.mode)


def _file(image: Image.Image, photo: Photo) -> bytes:
    """A PNG of it: no bit is lost, and it may note how the camera was held."""
    exif, file = Image.Exif(), io.BytesIO()
    if photo.turned:
        exif[ExifTags.Base.Orientation] = ON_ITS_SIDE
        image = image.transpose(Image.Transpose.ROTATE_90)
    image.save(file, "PNG", exif=exif)
    return file.getvalue()


class Truth:
    """What a fresh model of the case says to the photograph: rightly, and by known slips."""

    def __init__(self, case: Case, photo: Photo, preparing: Preparing, image: Image.Image, names: list[str]):
        self.names, self.photo, self._case = names, photo, case
        self._right = preparing.prepared(image.convert("RGB"))
        aside = image.transpose(Image.Transpose.ROTATE_90) if photo.turned else image
        self._aside = preparing.prepared(aside.convert("RGB"))

    def logits(self, slip: str = "", graph: bool = False) -> Tensor:
        """float64 (num_classes,): of the right way, in ``"train_mode"``, or with the picture ``"on_its_side"``."""
        model = _arrived(self._case, self.photo)
        if slip != "train_mode":
            model.eval()
        batch = (self._aside if slip == "on_its_side" else self._right)[None]
        with torch.no_grad():
            return model(batch.to(next(model.parameters())))[0].double() * TellsGraph.factors[graph]

    def likely(self, label: str | None) -> tuple[str, str]:
        """(reason, what probably happened) for a label that is not the right one."""
        order = self.logits().argsort(descending=True).tolist()
        if self.photo.turned and label == self.names[int(self.logits("on_its_side").argmax())]:
            return "on_its_side", TURN
        if label == self.names[int(self.logits("train_mode").argmax())]:
            return "train_mode", TRAIN
        if label == self.names[order[-1]]:
            return "least_likely", "This is the least probable class: the largest logit counts."
        if label == sorted(self.names)[order[0]]:
            return "other_order", "The output's number is a place in class_names as they are: sorted they name other outputs."
        return "wrong_label", ""


TURN = "Cameras save what the sensor saw, and note how they were held: ImageOps.exif_transpose turns the picture upright."
TRAIN = "In train mode BatchNorm looks at this one image alone: call model.eval()."
NOT_USED = "The weights expect one preparation: use the transform that was given."


def _parts(result: Any) -> tuple[str | None, float | None]:
    """Label and number, as far as they are there."""
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        return None, None
    label, value = result
    number = isinstance(value, (int, float)) or (isinstance(value, Tensor) and value.numel() == 1)
    return (label if isinstance(label, str) else None), (float(value) if number else None)


def _pair_finding(result: Any) -> Finding:
    expected = "(label, probability), a plain str and a plain float"
    if result is None:
        return failed("pair", "nothing_returned", found="None", expected=expected, likely="What is printed is not returned.")
    if not isinstance(result, tuple) or len(result) != 2:
        return failed("pair", "not_a_pair", found=f"{result!r}"[:200], expected=expected)
    plain = type(result[0]) is str and type(result[1]) is float
    likely = "item() makes a plain number of a tensor; the label is the name at the class's place in class_names."
    return passed_if("pair", plain, "not_plain", found=f"{result!r}"[:200], expected=expected, likely=likely)


def _label_finding(label: str | None, truth: Truth, used: int) -> Finding:
    right = truth.names[int(truth.logits().argmax())]
    if label == right and used:
        return passed("label")
    if label is None:
        return failed("label", "no_label", found="no label", expected=repr(right))
    reason, likely = truth.likely(label) if used else ("transform_not_used", NOT_USED)
    return failed("label", reason, found=f"{label!r} for {truth.photo.said}", expected=repr(right), likely=likely)


def _close(value: float | None, logits: Tensor) -> bool:
    return value is not None and math.isclose(value, float(logits.softmax(0).max()), abs_tol=TOLERANCE)


def _probability_finding(value: float | None, truth: Truth, used: int) -> Finding:
    if used and any(_close(value, truth.logits(graph=graph)) for graph in TellsGraph.factors):
        return passed("probability")
    found, right = f"{value} for {truth.photo.said}", f"{float(truth.logits().softmax(0).max()):.4f}"
    reason, likely = _why_not(value, truth) if used else ("transform_not_used", NOT_USED)
    return failed("probability", reason, found=found, expected=right, likely=likely)


def _why_not(value: float | None, truth: Truth) -> tuple[str, str]:
    if value is None:
        return "no_number", ""
    for graph in TellsGraph.factors:
        logits = truth.logits(graph=graph)
        if _close(value / 100, logits):
            return "percent", "This is per cent: a probability lies in [0, 1]."
        if math.isclose(value, float(logits.max()), abs_tol=TOLERANCE):
            return "logit_shown", "This is a logit: softmax makes probabilities of all of them."
        if math.isclose(value, float(logits.softmax(0).min()), abs_tol=TOLERANCE):
            return "least_likely", "This is the least probable class: the largest logit counts."
        if truth.photo.turned and _close(value, truth.logits("on_its_side", graph)):
            return "on_its_side", TURN
        if _close(value, truth.logits("train_mode", graph)):
            return "train_mode", TRAIN
    if math.isclose(value, 1.0):
        return "wrong_dim", "Softmax over dim 0 compares images, and there is one: dim=1 compares the classes."
    return "wrong_probability", ""


def _graph_finding(seen: Visit, value: float | None, truth: Truth) -> Finding:
    """Numbers that come of a graph tell that there was one, whatever is said of it."""
    quiet = bool(seen.watch.graphs) and not any(seen.watch.graphs)
    told = _close(value, truth.logits(graph=True)) and not _close(value, truth.logits(graph=False))
    found = "the logits carry a graph for backward" if seen.watch.graphs else "the model was not called"
    likely = "Put the call to the model inside with torch.no_grad():"
    return passed_if("no_gradient", quiet and not told, "gradient_kept", found=found, expected="no graph", likely=likely)
