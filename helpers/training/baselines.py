"""What one gets without a network: three classifiers on raw pixels, beside which a trained model has to stand.

    found = on_pixels(splits)       # nearest neighbour, logistic regression, SVM: tuned on the validation images
    print(table(found))             # name, setting, accuracy on validation and test images
    strongest(found).test_accuracy  # the one to beat, chosen by validation

Each image is made small and becomes one row of numbers. How small, and how much a model may bend to the training images (C), is
chosen by validation accuracy, never by test: the same terms as for the epochs of a network. Source of the three:
https://scikit-learn.org/stable/supervised_learning.html
"""

import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from helpers.course.errors import CourseError
from helpers.data.images import ImageSet
from helpers.data.splits import SPLITS, Splits
from helpers.training import cache

SIDES = (16, 32)  # pixels
MANY_IMAGES = 2000  # from here on only the smaller side is tried: an SVM's time grows with the square of the images
NEAREST, LOGISTIC, SVM = "nearest_neighbour", "logistic_regression", "svm"
TITLES = {NEAREST: "nearest neighbour on pixels", LOGISTIC: "logistic regression on pixels", SVM: "SVM on pixels"}
# Powers of about three, wide enough that the best one on the digits is never at an end of the row.
STRENGTHS: dict[str, tuple[float | None, ...]] = {
    NEAREST: (None,),
    LOGISTIC: (0.03, 0.1, 0.3, 1.0, 3.0),
    SVM: (1.0, 3.0, 10.0, 30.0),
}

Rows = dict[int, dict[str, np.ndarray]]


@dataclass(frozen=True)
class Baseline:
    """A classifier on pixels, tuned and fitted.

    Attributes:
        key: one of `TITLES`.
        side: width and height, in pixels, of the images that it was given.
        strength: scikit-learn's C; None where there is none.
        val_accuracy, test_accuracy: share of the images that are right, in [0, 1].
        answers: class index for each test image, in their order.
        seconds: processor time of tuning and fitting.
    """

    key: str
    side: int
    strength: float | None
    val_accuracy: float
    test_accuracy: float
    answers: tuple[int, ...]
    seconds: float

    @property
    def title(self) -> str:
        """Its name in sentences."""
        return TITLES[self.key]

    @property
    def setting(self) -> str:
        """What was tuned, in words: ``"16 x 16 pixels, C = 3"``."""
        return f"{self.side} x {self.side} pixels" + ("" if self.strength is None else f", C = {self.strength:g}")


def on_pixels(
    splits: Splits, *, folder: str | Path | None = None, limit_mb: float | None = None, progress: bool = True
) -> dict[str, Baseline]:
    """Key -> baseline, all three, in the order of `TITLES`. Equal images give equal results.

    The first call takes some seconds and says so; later ones, in any process, read the result from disk.

    Args:
        splits: images to fit on, to choose by, to report on; from `data.course_splits`, or ``chosen.splits``.
        folder: where to keep the result; default ``features`` in the course's cache folder.
        limit_mb: how large that folder may grow, in MB; default by `course.toml`.
        progress: say that it takes a moment.

    Raises:
        CourseError: there is no validation or no test image, or only one class among the training images.
    """
    folder, limit_mb = cache.place(None, folder, limit_mb)
    key = _key(splits)
    found = _read(cache.read(folder, key), splits)
    if found is None:
        if progress:
            print("Three classifiers without a network, tuned on the validation images: some seconds, then read from disk.")
        rows = rows_of(splits)
        found = {name: fit(splits, name, rows) for name in TITLES}
        kept = {"baselines": cache.from_json([asdict(one) for one in found.values()])}
        cache.write(folder, key, kept, limit_mb)
    return found


def fit(splits: Splits, key: str, rows: Rows | None = None) -> Baseline:
    """One of the three, tuned, fitted and tested here and now; `Baseline.seconds` counts neither images nor test.

    Args:
        splits: as in `on_pixels`.
        key: one of `TITLES`.
        rows: the splits' images at each size that is to be tried; default `rows_of` the splits.

    Raises:
        CourseError: as `on_pixels`.
    """
    rows, best = rows or rows_of(splits), None
    labels = {name: getattr(splits, name).labels.numpy() for name in SPLITS}
    with _quietly_on_one_thread():
        models = {side: _models(key) for side in rows}
        began = time.process_time()
        for side, of in rows.items():
            for strength, model in models[side]:
                model.fit(of["train"], labels["train"])
                accuracy = float((model.predict(of["val"]) == labels["val"]).mean())
                if best is None or accuracy > best[0]:  # of equal ones the smaller, and the one that bends less
                    best = accuracy, side, strength, model
        seconds = time.process_time() - began
        accuracy, side, strength, model = best
        answers = model.predict(rows[side]["test"])
    right = float((answers == labels["test"]).mean())
    return Baseline(key, side, strength, accuracy, right, tuple(answers.tolist()), seconds)


def rows_of(splits: Splits, sides: Sequence[int] = ()) -> Rows:
    """Side -> split -> `pixels` of its images.

    Args:
        splits: as in `on_pixels`.
        sides: widths and heights, in pixels; default `SIDES`, with many images the smaller one alone.

    Raises:
        CourseError: as `on_pixels`.
    """
    _check(splits)
    sides = sides or (SIDES if len(splits.train) < MANY_IMAGES else SIDES[:1])
    return {side: {name: pixels(getattr(splits, name), side) for name in SPLITS} for side in sides}


def pixels(images: ImageSet, side: int) -> np.ndarray:
    """float32 (N, side * side), or (N, side * side * 3) if any image has colour: values in [0, 1], whatever the shape was."""
    small = [images.images[index].resize((side, side), Image.Resampling.BILINEAR) for index in range(len(images))]
    values = np.stack([np.asarray(image, dtype=np.float32) for image in small]) / 255
    grey = bool((values == values[..., :1]).all())
    return (values[..., 0] if grey else values).reshape(len(images), -1)


def strongest(found: Mapping[str, Baseline]) -> Baseline:
    """The one with the highest validation accuracy; test images play no part."""
    return max(found.values(), key=lambda one: one.val_accuracy)


def table(found: Mapping[str, Baseline]) -> str:
    """Markdown, a row for each baseline."""
    rows = ["| without a network | tuned on validation | validation accuracy | test accuracy |", "|:---|:---|---:|---:|"]
    lines = (f"| {b.title} | {b.setting} | {b.val_accuracy:.3f} | {b.test_accuracy:.3f} |" for b in found.values())
    return "\n".join([*rows, *lines])


@contextmanager
def _quietly_on_one_thread() -> Iterator[None]:
    """One thread: in problems as small as these, several wait for each other."""
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # validation decides, whether or not it has converged
        yield


def _models(key: str) -> list[tuple[float | None, object]]:
    """(C, an unfitted model) for each that is tried."""
    # Imported late: it takes a second, and a kept result needs none of it.
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import SVC

    makers = {
        NEAREST: lambda _: KNeighborsClassifier(n_neighbors=1),
        LOGISTIC: lambda strength: LogisticRegression(C=strength, max_iter=200),
        SVM: lambda strength: SVC(C=strength),  # RBF kernel, gamma="scale"
    }
    return [(strength, makers[key](strength)) for strength in STRENGTHS[key]]


def _check(splits: Splits) -> None:
    for name in ("val", "test"):
        if not len(getattr(splits, name)):
            raise CourseError(f"A baseline needs {name} images, and there are none: raise num_{name}.")
    if len(splits.train.labels.unique()) < 2:
        raise CourseError(
            "A baseline needs training images of two classes at least: raise num_train, or choose different images."
        )


def _key(splits: Splits) -> str:
    images = [getattr(splits, name).fingerprint() for name in SPLITS]
    library = f"scikit-learn {metadata.version('scikit-learn')}"  # importing it takes as long as importing torch
    return cache.make_key("baselines", repr((STRENGTHS, SIDES, MANY_IMAGES)), library, *images)


def _read(kept: Mapping[str, Tensor] | None, splits: Splits) -> dict[str, Baseline] | None:
    """What the cache has, or None if it is not three whole baselines for these test images."""
    try:
        entries = cache.to_json(kept["baselines"])
        found = {entry["key"]: Baseline(**entry | {"answers": tuple(entry["answers"])}) for entry in entries}
    except (KeyError, ValueError, TypeError):
        return None
    whole = list(found) == list(TITLES) and all(len(one.answers) == len(splits.test) for one in found.values())
    return found if whole else None
