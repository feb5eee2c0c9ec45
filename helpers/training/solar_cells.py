"""The other outcome: on photographs of solar cells the head alone gets nearly all there is to get; fine-tuning adds little.

    found = recorded()       # from the file, also where the package with the photographs is not installed
    print(table(found))      # a row for each way, a column for each seed

python -m helpers race --solar-cells --seeds 3     # measure anew, print the table, write recorded/solar_cells.json
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from helpers.course import settings
from helpers.course.errors import CourseError
from helpers.data.splits import course_splits
from helpers.training import baselines
from helpers.training.phases import HEAD, Phase
from helpers.training.recordings import as_json, machine, rounded
from helpers.training.strategies import Strategy, prepare, run_on

RECORDED = Path(__file__).parent / "recorded" / "solar_cells.json"
COMMAND = "python -m helpers race --solar-cells --seeds {}"
SETTINGS = {
    "backbone": "efficientnet_lite0",
    "dataset": "solar_cells",
    "image_size": 96,
    "num_train": 500,
    "num_val": 300,
    "num_test": 300,
    "batch_size": 32,
}
HEAD_LR = 1e-3


def _head_then(key: str, title: str, blocks: int, lr: float) -> Strategy:
    return Strategy(key, title, (Phase("head", 5, HEAD, HEAD_LR), Phase("fine-tune", 10, blocks, lr)))


STRATEGIES = (
    Strategy("head_5", "head alone, 5 epochs", (Phase("head", 5, HEAD, HEAD_LR),)),
    Strategy("head_15", "head alone, 15 epochs", (Phase("head", 15, HEAD, HEAD_LR),)),
    _head_then("blocks_2", "head, then the last 2 blocks at 1e-4", 2, 1e-4),
    _head_then("stages_2", "head, then the last 2 stages (5 blocks) at 1e-4", 5, 1e-4),
    _head_then("stages_2_fast", "head, then the last 2 stages (5 blocks) at 3e-4", 5, 3e-4),
)
TITLES = {baselines.SVM: "SVM on pixels, no network"} | {strategy.key: strategy.title for strategy in STRATEGIES}
SIDE = 64  # of the images that the SVM gets, in pixels


@dataclass(frozen=True)
class Measured:
    """What one way came to with one seed.

    Attributes:
        way: a key of `TITLES`.
        seed: of images, head and order of batches.
        accuracy: on the test images, in [0, 1], of the epoch (of the SVM: with the C) that was best by validation.
        seconds: processor time of learning; images were read before.
    """

    way: str
    seed: int
    accuracy: float
    seconds: float


def measure(seeds: Iterable[int]) -> Iterator[Measured]:
    """Each way with each seed, one after the other.

    Raises:
        CourseError: the package with the photographs is not installed.
    """
    for seed in seeds:
        course = replace(settings.load(), **SETTINGS, seed=seed)
        splits = course_splits(course)
        on_pixels = baselines.fit(splits, baselines.SVM, baselines.rows_of(splits, (SIDE,)))
        yield Measured(baselines.SVM, seed, on_pixels.test_accuracy, on_pixels.seconds)
        sets = prepare(course)
        for strategy in STRATEGIES:
            outcome = run_on(sets, strategy, course)
            yield Measured(strategy.key, seed, outcome.accuracy, outcome.seconds)


def recorded(path: Path = RECORDED) -> tuple[Measured, ...]:
    """What was measured and kept.

    Raises:
        CourseError: the file is missing, or holds something else.
    """
    try:
        return tuple(Measured(**entry) for entry in json.loads(Path(path).read_text(encoding="utf-8"))["measured"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CourseError(f"{path} holds no results of such runs ({error}): put the original file back.") from None


def table(found: Sequence[Measured], titles: Mapping[str, str] = TITLES, *, seconds: bool = False) -> str:
    """Markdown: test accuracy, a row for each way, a column for each seed, and the median; with `seconds` that of the cost."""
    seeds = sorted({one.seed for one in found})
    head = " | ".join(f"seed {seed}" for seed in seeds)
    more = " CPU seconds, median |" if seconds else ""
    rows = [f"| test accuracy | {head} | median |{more}", "|:---|" + "---:|" * (len(seeds) + 1 + seconds)]
    for way in dict.fromkeys(one.way for one in found):
        of_seed = {one.seed: one.accuracy for one in found if one.way == way}
        cells = [f"{of_seed[seed]:.3f}" if seed in of_seed else "" for seed in seeds]
        cost = f" {median(one.seconds for one in found if one.way == way):.1f} |" if seconds else ""
        rows.append(f"| {titles.get(way, way)} | {' | '.join(cells)} | {median(of_seed.values()):.3f} |{cost}")
    return "\n".join(rows)


def main(num_seeds: int) -> int:
    """Measure with the seeds from 0 on, print a line for each result, then the table, and write the file."""
    found = []
    for one in measure(range(num_seeds)):
        found.append(one)
        print(f"seed {one.seed}, {TITLES[one.way]}: {one.accuracy:.3f}, {one.seconds:.1f} s", file=sys.stderr, flush=True)
    save(found)
    print(table(found))
    return 0


def save(found: Sequence[Measured], path: Path = RECORDED, command: str = COMMAND, images: Mapping = SETTINGS) -> None:
    """Write what was measured on this computer, one result a line, with the command that measures it again."""
    num_seeds = len({one.seed for one in found})
    values = {
        "command": command.format(num_seeds),
        "settings": images,
        "machine": machine(),
        "measured": [rounded(vars(one)) for one in found],
    }
    path.write_text(as_json(values, ("measured",)) + "\n", encoding="utf-8", newline="\n")
