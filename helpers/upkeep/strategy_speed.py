"""How fast a strategy trains where what is frozen is computed once: beside the usual loop, and beside the limit for any loop."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from statistics import median

from helpers.course.errors import CourseError
from helpers.course.machine import ONE_THREAD
from helpers.upkeep.strategy_run import LIMIT, OURS, SAME, USUAL, Task

# image size -> (images, batch size); the first of the two is what the lessons run on. The last batch has 16 images or more:
# smaller ones are rounded in another way, and what is computed once is computed in whole batches.
SIZES = {96: (500, 32), 224: (300, 64)}
QUICK = {224: (96, 32)}
TITLES = {"efficientnet_lite0": "EfficientNet-Lite0", "resnet50": "ResNet50, random weights"}


@dataclass(frozen=True)
class Times:
    """CPU-seconds of one strategy, one entry a round; the ways take turns.

    Attributes:
        task: what was trained, in the usual way.
        usual: a full forward pass every epoch, default layout and allocator.
        cold, warm: the course's own way with nothing computed, and with the features on disk.
        limit_cold, limit_warm: one forward pass of the frozen part an image and the released part's arithmetic; the latter alone.
        equal: whether the course's way in the usual loop's layout ends in the very same weights, in each round.
        gap: how far the validation accuracies of the usual and the course's own layout lie apart, at most.
    """

    task: Task
    usual: list[float]
    cold: list[float]
    warm: list[float]
    limit_cold: list[float]
    limit_warm: list[float]
    equal: bool
    gap: float

    def ratio(self, way: str) -> float:
        """How many times as long the usual loop takes: the median of the rounds."""
        return median(usual / ours for usual, ours in zip(self.usual, getattr(self, way), strict=True))

    def over_limit(self, way: str) -> float:
        """How many times as long as the limit: the median of the rounds."""
        pairs = zip(getattr(self, way), getattr(self, f"limit_{way}"), strict=True)
        return median(ours / limit for ours, limit in pairs)


def measure(task: Task, rounds: int) -> Times:
    """Train in all ways, one after the other, `rounds` times; each in a process of one thread and a cache of its own."""
    found: dict[str, list] = {name: [] for name in ("usual", "cold", "warm", "limit_cold", "limit_warm")}
    equal, gap = True, 0.0
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="speed-") as cache:
            usual, cold, warm, limit, same = (_run(task, way, cache) for way in (USUAL, OURS, OURS, LIMIT, SAME))
        found["usual"].append(usual["cpu"])
        found["cold"].append(cold["cpu"])
        found["warm"].append(warm["cpu"])
        found["limit_warm"].append(limit["tail"])
        found["limit_cold"].append(limit["front"] + limit["tail"])
        equal = equal and usual["weights"] == same["weights"] and cold["weights"] == warm["weights"]
        gap = max(gap, abs(usual["val_accuracy"] - cold["val_accuracy"]))
    return Times(task, **found, equal=equal, gap=gap)


def run(rounds: int = 3, *, quick: bool = False) -> list[Times]:
    """Measure both backbones at both sizes, or with `quick` the first one at 224 px, once, and print a table."""
    times = []
    for backbone in list(TITLES)[: 1 if quick else 2]:
        for size, (images, batch_size) in (QUICK if quick or backbone == "resnet50" else SIZES).items():
            times.append(measure(Task(USUAL, backbone, size, images, batch_size), 1 if quick else rounds))
            print(table(times[-1:]), flush=True)
    print("", table(times), sep="\n")
    return times


def table(times: list[Times]) -> str:
    """The times as a Markdown table: medians, and the ratios' spread."""
    rows = ["| images | usual loop | cold | limit | warm | limit | same weights |", "|:---|---:|---:|---:|---:|---:|:---|"]
    for entry in times:
        task = entry.task
        what = f"{TITLES[task.backbone]}, {task.images} images at {task.image_size} px"
        cells = [f"{median(entry.usual):.1f} s"]
        for way in ("cold", "warm"):
            ratios = [usual / ours for usual, ours in zip(entry.usual, getattr(entry, way), strict=True)]
            spread = f" ({min(ratios):.1f} to {max(ratios):.1f})" if len(ratios) > 1 else ""
            cells += [f"{median(getattr(entry, way)):.1f} s = {entry.ratio(way):.1f} x{spread}"]
            cells += [f"{median(getattr(entry, f'limit_{way}')):.1f} s"]
        same = "yes, to the last bit" if entry.equal else "NO"
        rows.append(f"| {what} | {' | '.join(cells)} | {same} |")
    return "\n".join(rows)


def as_json(times: list[Times]) -> dict[str, object]:
    """The ratios at 224 px of the first such entry, and all entries."""
    first = next(entry for entry in times if entry.task.image_size == 224)
    ratios = {way: round(first.ratio(way), 2) for way in ("cold", "warm")}
    over = {f"{way}_over_limit": round(first.over_limit(way), 2) for way in ("cold", "warm")}
    return {**ratios, **over, "equal": all(entry.equal for entry in times), "runs": [asdict(entry) for entry in times]}


def _run(task: Task, way: str, cache: str) -> dict:
    content = json.dumps({**asdict(task), "way": way})
    env = {**os.environ, **ONE_THREAD, "FINETUNE_CACHE": cache}
    command = [sys.executable, "-m", "helpers.upkeep.strategy_run", content]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CourseError(f"The run {content} stopped: {' '.join(done.stderr.splitlines()[-3:])}")
    return json.loads(done.stdout.splitlines()[-1])
