"""The makers of hidden problems, each from a random generator."""

import itertools
import random
from collections.abc import Callable, Sequence
from typing import Any

from helpers.checks.capstone.races import Races
from helpers.checks.capstone.watched_run import StrategyProblem
from helpers.checks.debug_clinic.patients import Album, Batching
from helpers.checks.fine_tune.tried_run import tells
from helpers.checks.honest_data.tables import Groups, Labels, Scored
from helpers.checks.not_only_resnet.to_adapt import ToAdapt
from helpers.checks.read_traces.misreadings import fair, told_apart
from helpers.checks.read_traces.traces import Traces
from helpers.checks.small_models import STARTS, Case
from helpers.checks.take_it_home.to_export import ToExport
from helpers.checks.training_result import HeldOut
from helpers.checks.whole_game.two_phases import TwoPhases
from helpers.training import recordings

HEAD_NAMES = ("fc", "classifier", "head", "output", "last_linear", "top")


# Unrelated classes of models, of each group one: the lesson's own backbone in small; another one of torchvision's or timm's, most
# without BatchNorm; layers in a row; one whose head is not the last child; one in which two layers share their weights.
GROUPS = (("efficientnet",), ("regnet", "vision_transformer", "swin"), ("sequential",), ("head_first",), ("shared",))
# Where three are all that time allows: they have no name of a part in common, and not the head's place.
FEW = (("efficientnet",), ("sequential",), ("head_first",))
# With layers that mix channels: convolutions of kernel size 1, some of stride 2, linear ones, and both in one model.
MIXING = (("efficientnet",), ("regnet",), ("vision_transformer",), ("pointwise",))
FOR_CLINIC = (("residual",), ("nested",), ("no_norm",), ("lookalike",))  # to be cut into front, block and head


def small_models(number: int, count: int = len(GROUPS), groups: Sequence[Sequence[str]] = GROUPS, **fixed: Any) -> list[Case]:
    """`count` different cases, of all groups in turn; `fixed` are fields to keep as given."""
    draw = random.Random(number)
    kinds = [draw.choice(group) for group in draw.sample(groups, len(groups))]
    heads = draw.sample(HEAD_NAMES, len(HEAD_NAMES))
    made = []
    for index in range(count):
        batch_size = draw.choice((3, 4, 5))
        fields = {
            "kind": kinds[index % len(kinds)],
            "head_name": heads[index % len(heads)],
            "num_classes": draw.randint(3, 12),
            "width": draw.choice((6, 8, 10, 12)),
            "num_blocks": draw.randint(3, 5),
            "num_images": 3 * batch_size + draw.choice((1, 2)),  # the last batch is smaller
            "batch_size": batch_size,
            "seed": draw.randrange(1_000, 2**31),  # visible problems have small seeds
        }
        made.append(Case(**{**fields, **fixed}))
    return made


def to_be_cut(seed: int, count: int) -> list[Case]:
    """Models that can be cut into front, block and head; none in which block and front share a layer."""
    return small_models(seed, len(FOR_CLINIC), FOR_CLINIC)


def batchings(seed: int, count: int) -> list[Batching]:
    """One image left over, more than one, and none; and one problem in which a batch size one smaller has one left over, too."""
    draw = random.Random(seed)
    made = []
    for index in range(count):
        batch_size = draw.randint(4, 7)
        batches = batch_size - 1 if index == 0 else draw.randint(2, 4)
        left_over = (1, 1, 1, draw.randint(2, batch_size - 1), 0)[index % 5]
        made.append(Batching(batches * batch_size + left_over, batch_size, draw.randrange(1_000, 2**31)))
    return made


def albums(seed: int, count: int) -> list[Album]:
    """Splits of several sizes, over data sets with and without a transform of their own."""
    draw = random.Random(seed)
    plain = draw.random() < 0.5
    return [
        Album(draw.randint(10, 20), draw.randint(3, 6), plain == bool(index % 2), draw.randrange(1_000, 2**31))
        for index in range(count)
    ]


def few_models(seed: int, count: int) -> list[Case]:
    """Three small models of unrelated classes: each takes many epochs to examine."""
    return small_models(seed, min(count, len(FEW)), FEW)


def to_fine_tune(seed: int, count: int) -> list[Case]:
    """Three small models of unrelated classes; the first, layers in a row, drawn until validation gets worse on it."""
    in_a_row = (small_models(seed + number, 1, (("sequential",),))[0] for number in itertools.count())
    return [next(filter(tells, in_a_row)), *(case for case in few_models(seed, count) if case.kind != "sequential")]


def to_export(seed: int, count: int) -> list[ToExport]:
    """Three small models of unrelated classes, as an export takes seconds; no file can agree with the last one."""
    *models, last = few_models(seed, count)
    return [*map(ToExport, models), ToExport(last, restless=True)]


def to_adapt(seed: int, count: int) -> list[ToAdapt]:
    """A model of each class that has layers to adapt. Where some have stride 2 all of them are adapted; one is in float64."""
    draw = random.Random(seed)
    cases = small_models(seed, len(MIXING), MIXING)
    ranks = [draw.randint(2, 4) for _ in cases]
    alphas = [rank * draw.choice((1.5, 2.0, 3.0)) for rank in ranks]
    parts = {"vision_transformer": 2, "efficientnet": draw.choice((1, 2))}
    every = [parts.get(case.kind, 1) for case in cases]
    double = [False, False, False, True]
    return [ToAdapt(*fields) for fields in zip(cases, ranks, alphas, every, double, strict=True)]


def races(seed: int, count: int) -> list[Races]:
    """`count` different sets of races; visible ones have small seeds."""
    draw = random.Random(seed)
    return [Races(draw.randrange(1_000, 2**31)) for _ in range(count)]


def problems(seed: int, count: int) -> list[StrategyProblem]:
    """Up to three different problems, each of which takes three runs; the first releases no block and the second all of them."""
    draw = random.Random(seed)
    return [_problem(draw, case, number) for number, case in enumerate(small_models(seed, min(count, 3)))]


def _problem(draw: random.Random, case, number: int) -> StrategyProblem:
    released = {0: 0, 1: case.num_blocks}.get(number, draw.randint(1, case.num_blocks - 1))
    return StrategyProblem(
        case,
        num_classes=draw.choice([n for n in range(2, 7) if n != case.num_classes]),
        released_blocks=released,
        head_epochs=draw.randint(2, 3),
        fine_tune_epochs=draw.randint(3, 4),
        head_lr=draw.choice((0.015, 0.02, 0.03)),
        fine_tune_lr=draw.choice((0.006, 0.008, 0.012)),
        came=draw.choice(STARTS),
    )


def stopped_runs(seed: int, count: int) -> list[Traces]:
    """One set of histories: `count` drawn by chance, and as many more as it takes to tell all known misreadings apart."""
    runs = recordings.load(recordings.HIDDEN)
    lengths = [(name, epochs) for name, run in runs.items() for epochs in range(2, len(run.history) + 1)]
    cuts = [(name, epochs) for name, epochs in lengths if fair(runs[name].history[:epochs])]
    random.Random(seed).shuffle(cuts)
    chosen, told = [], set()
    for cut in cuts:
        tells = told_apart(runs[cut[0]].history[: cut[1]])
        if len(chosen) < count or not tells <= told:
            chosen.append(cut)
            told |= tells
    return [Traces(recordings.HIDDEN, tuple(chosen))]


def labels(seed: int, count: int) -> list[Labels]:
    """`count` sets of labels: with few classes and with many, the first one with two."""
    draw = random.Random(seed)
    return [
        Labels(2 if index == 0 else draw.randint(3, 12), draw.randint(30, 90), draw.randrange(1_000, 2**31))
        for index in range(count)
    ]


def groups(seed: int, count: int) -> list[Groups]:
    """`count` sets of groups, with different shares."""
    draw = random.Random(seed)
    shares = draw.sample((0.1, 0.15, 0.2, 0.25, 0.3, 0.4), count)
    return [Groups(draw.randint(12, 40), share, draw.randrange(1_000, 2**31)) for share in shares]


def to_calibrate(seed: int, count: int) -> list[Scored]:
    """`count` models, from far too timid to far too sure of themselves."""
    draw = random.Random(seed)
    temperatures = [draw.uniform(*ends) for ends in ((4, 6), (0.25, 0.6), (1.3, 1.7), (0.7, 0.85), (2, 3))][:count]
    return [Scored(draw.randint(150, 300), draw.randint(3, 12), t, draw.randrange(1_000, 2**31)) for t in temperatures]


def suspicious(seed: int, count: int) -> list[Scored]:
    """`count` sets of images, each with some contradicted labels."""
    draw = random.Random(seed)
    sizes = [(draw.randint(50, 120), draw.randint(3, 10), draw.choice((0.5, 1, 3))) for _ in range(count)]
    return [Scored(*size, draw.randrange(1_000, 2**31), draw.randint(4, 8)) for size in sizes]


def two_phases(seed: int, count: int) -> list[TwoPhases]:
    """`count` different runs, with other numbers of epochs than the lesson's."""
    draw = random.Random(seed)
    return [TwoPhases(draw.randint(2, 8), draw.randint(4, 8), draw.randrange(1_000, 2**31)) for _ in range(count)]


def test_images(seed: int, count: int) -> list[HeldOut]:
    """The test split. It is one and the same for every seed, which says what epochs are looked at: the trained weights differ."""
    return [HeldOut("test", draw=seed)]


# Exercises whose problems are not the usual small models: grade_id -> maker.
MAKERS: dict[str, Callable[[int, int], Sequence[Any]]] = {
    "add_lora": to_adapt,
    "class_weights": labels,
    "compare_strategies": races,
    "export_onnx": to_export,
    "find_suspects": suspicious,
    "fine_tune": to_fine_tune,
    "fine_tune_history": test_images,
    "fine_tuning_gain": two_phases,
    "fit_temperature": to_calibrate,
    "fix_best_weights": few_models,
    "fix_double_softmax": few_models,
    "fix_leaking_augmentation": albums,
    "fix_no_gradient": to_be_cut,
    "fix_single_image": batchings,
    "group_split": groups,
    "head_history": test_images,
    "lora_summary": to_adapt,
    "merge_lora": to_adapt,
    "read_trace": stopped_runs,
    "run_strategy": problems,
}
