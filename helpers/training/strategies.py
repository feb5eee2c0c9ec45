"""Fine-tuning strategies as data, and what each of them comes to.

    outcome = run_on(prepare(course), CONTESTANTS["head_then_blocks"], course)
    outcome.accuracy, outcome.seconds, outcome.trainable

A strategy is a list of phases. All else is the same for every one of them: the images, the order of the batches, Adam, BatchNorm
in eval mode, and the rule by which the best epoch's weights are kept. Beside them stand three contestants without a network,
`ON_PIXELS`: whoever does not beat them did not need one.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Self

from helpers.course import settings
from helpers.course.errors import CourseError
from helpers.data import batches
from helpers.data.splits import SPLITS, Splits, course_splits
from helpers.models import backbones
from helpers.training import baselines
from helpers.training.history import History
from helpers.training.loop import measure
from helpers.training.phases import ALL, ALL_BUT_FIRST, HEAD, Phase
from helpers.training.recipe import FINE_TUNE_LR, HEAD_LR
from helpers.training.run_phases import PhaseInputs, run_phases


@dataclass(frozen=True)
class Strategy:
    """A way to bring a network to a new task.

    Attributes:
        key: its short name in code, tables and files.
        title: its name in sentences and pictures.
        phases: one after the other, each from the best epoch of the one before.
        pretrained: start from ImageNet's weights. Without them BatchNorm has no statistics worth keeping, so it gathers its own.
        find_lr: the last phase's `lr` is not used: the range test suggests one.

    Raises:
        CourseError: there is no phase.
    """

    key: str
    title: str
    phases: tuple[Phase, ...]
    pretrained: bool = True
    find_lr: bool = False

    def __post_init__(self) -> None:
        if not self.phases:
            raise CourseError(f"Strategy {self.key!r} has no phase: give it one Phase or more.")

    @property
    def num_epochs(self) -> int:
        """Epochs in all."""
        return sum(phase.num_epochs for phase in self.phases)

    def __str__(self) -> str:
        steps = [str(phase) for phase in self.phases]
        if self.find_lr:
            steps[-1] = steps[-1].replace(self.phases[-1].rate_words, "the rate that the range test suggests")
        start = [] if self.pretrained else ["random weights in all layers"]
        return "\n".join([f"{self.key}: {self.title}", *(f"    {line}" for line in (*start, *steps))])


def _one_phase(key: str, title: str, released: str, lr: float, *, pretrained: bool = True) -> Strategy:
    return Strategy(key, title, (Phase(HEAD if released == HEAD else ALL, 10, released, lr),), pretrained)


def _head_first(key: str, title: str, head_lr: float, *later: Phase, find_lr: bool = False) -> Strategy:
    return Strategy(key, title, (Phase(HEAD, 5, HEAD, head_lr), *later), find_lr=find_lr)


@dataclass(frozen=True)
class OnPixels:
    """A contestant without a network: one of `helpers.training.baselines`, which has no epochs and no phases.

    Attributes:
        key: its short name, one of `baselines.TITLES`.
        title: its name in sentences and pictures.
    """

    key: str
    title: str

    def __str__(self) -> str:
        return f"{self.key}: {self.title}\n    no network; size of the images and C by validation"


# ULMFiT lets one more layer learn after each epoch, at 1 / 2.6 of the rate of the one behind it:
# Howard and Ruder 2018, https://arxiv.org/abs/1801.06146, sections 3.2 and 3.3.
ULMFIT_FALL = 2.6
# fastai's fine_tune spans the rates from the head's down to a hundredth of it at the first layers (lr_mult=100,
# https://docs.fast.ai/callback.schedule.html). Both backbones of the course have 16 blocks, and 100 ** (1 / 16) is 4/3.
FASTAI_FALL = 4 / 3

# Ten epochs each. Rates: head_then_stages has the recipe's, head_then_blocks a cautious third of it; all others the best of four
# to six tries, by the validation images of a seed that is not in the race (docs/strategies.md).
CONTESTANTS: dict[str, Strategy] = {
    strategy.key: strategy
    for strategy in (
        _one_phase("head_only", "head only", HEAD, 1e-2),
        _head_first("head_then_blocks", "head then last 2 blocks", 1e-3, Phase("fine-tune", 5, 2, 1e-4)),
        # The course's recipe in ten epochs: EfficientNet-Lite0's last two stages are 5 blocks.
        _head_first("head_then_stages", "head then last 5 blocks", HEAD_LR, Phase("fine-tune", 5, 5, FINE_TUNE_LR)),
        _one_phase("all_at_once", "all layers at once", ALL, 3e-4),
        _one_phase("from_scratch", "from scratch", ALL, 1e-2, pretrained=False),
        _one_phase("first_frozen", "all but the first convolution", ALL_BUT_FIRST, 3e-4),
        _head_first("discriminative", "head then all at falling rates", 3e-3, Phase(ALL, 5, ALL, 1e-3, fall=FASTAI_FALL)),
        _head_first(
            "gradual", "head then one more block each epoch", 3e-3,
            *(Phase("1 block" if n == 1 else f"{n} blocks", 1, n, 3e-4, fall=ULMFIT_FALL) for n in range(1, 6)),
        ),
        _head_first("found_rate", "head then last 2 blocks at a found rate", 3e-3, Phase("fine-tune", 5, 2, 1e-3), find_lr=True),
    )
}  # fmt: skip
ON_PIXELS = {key: OnPixels(key, title) for key, title in baselines.TITLES.items()}


@dataclass(frozen=True)
class Outcome:
    """What one run of a strategy came to.

    Attributes:
        strategy: its key.
        seed: of images, head and order of batches.
        history: every epoch, phases marked; `History.best` is the one whose weights were tested. Empty without a network.
        val_accuracy: share of the validation images that are right, with the weights that were tested.
        trainable: the most parameters (scalars) of a network that were trainable at any time; 0 without one.
        seconds: processor time of the training, see `run_on`.
        accuracy: share of the test images that are right, with the weights of the best epoch by validation.
        majority: accuracy on the test images of always naming the training images' most frequent class.
    """

    strategy: str
    seed: int
    history: History
    val_accuracy: float
    trainable: int
    seconds: float
    accuracy: float
    majority: float

    def summary(self) -> dict:
        """The five values that strategies are compared by: a plain dict without the history."""
        return {key: getattr(self, key) for key in ("strategy", "seed", "accuracy", "seconds", "trainable")}

    def to_dict(self) -> dict:
        """Plain values, for JSON."""
        return asdict(self) | {"history": [dict(record) for record in self.history]}

    @classmethod
    def of(cls, values: Mapping) -> Self:
        """The outcome that `to_dict` gave.

        Raises:
            CourseError: a value is missing, or one too many.
        """
        try:
            return cls(**{**values, "history": History.of(values["history"])})
        except (KeyError, TypeError) as error:
            raise CourseError(f"This is no outcome of a run ({error}): make it with Outcome.to_dict().") from None


def prepare(course: settings.Settings) -> dict[str, batches.TransformedImages]:
    """The course's images as its backbone wants them, all transformed, so that no contestant pays for the next one's."""
    sets = batches.to_datasets(course_splits(course), backbones.get(course.backbone).transform(course.image_size))
    for images in sets.values():
        for index in range(len(images)):
            images[index]
    return sets


def run_on(
    sets: Mapping[str, batches.TransformedImages],
    strategy: Strategy | OnPixels,
    course: settings.Settings,
    *,
    progress: bool = False,
    after_epoch: Callable[[History], None] | None = None,
) -> Outcome:
    """What training by the strategy comes to.

    `Outcome.seconds` is the processor time, all threads together, of what the strategy does once the network is built and the
    images are ready: computing what is frozen (once for each run, never read from disk), all epochs with their
    validation, the range test. Reading images, loading weights and the test are not in it.

    Args:
        sets: the images of each split, as from `prepare`.
        strategy: one of `CONTESTANTS` or of `ON_PIXELS`, or your own.
        course: backbone and batch size; the seed of the head and of the order of batches.
        progress: show the loop's bars.
        after_epoch: is handed the history so far, after every epoch.
    """
    labels = sets["train"].labels
    majority = float((sets["test"].labels == labels.mode().values).float().mean())
    if isinstance(strategy, OnPixels):
        splits = Splits(*(sets[name].image_set for name in SPLITS))
        found = baselines.fit(splits, strategy.key)
        val, test = found.val_accuracy, found.test_accuracy
        return Outcome(strategy.key, course.seed, History(), val, 0, found.seconds, test, majority)
    backbone = backbones.get(course.backbone)
    model = backbone.build(len(sets["train"].class_names), strategy.pretrained, course.seed).eval()
    seen, began = {name: sets[name] for name in ("train", "val")}, time.process_time()
    options = {"batch_size": course.batch_size, "seed": course.seed, "on_disk": False}
    run = run_phases(
        PhaseInputs(backbone, model, seen, strategy.phases, **options),
        strategy.phases,
        train_batchnorm=not strategy.pretrained,
        find_last_lr=strategy.find_lr,
        progress=progress,
        after_epoch=after_epoch,
    )
    seconds = time.process_time() - began
    test = measure(model, batches.make_loader(sets["test"], batch_size=course.batch_size))
    val = run.history.best["val_accuracy"]
    return Outcome(strategy.key, course.seed, run.history, val, run.trainable, seconds, test["accuracy"], majority)
